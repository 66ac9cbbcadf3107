r"""Where a form may lead to afterwards: a path of this workspace, never another site.

A path that an address or a field brings along is somebody else's text. What browsers read as more than a path
(`//host`, `/\host`, a line break that begins a header) is not taken, and neither is what a browser would have escaped.
"""

from __future__ import annotations

import re

__all__ = ["own_path"]

_LONGEST = 2000
_OWN = re.compile(r"(?=/)(?:[!-.0-\[\]-~]|/(?!/))*")
"""Printable ASCII that begins with `/`; no backslash, no two `/` in a row."""


def own_path(text: str, instead: str = "/") -> str:
    r"""The text if it is a path of ours, else `instead`.

    >>> own_path("/settings/compute?done=1"), own_path("//example.com"), own_path("https://example.com/")
    ('/settings/compute?done=1', '/', '/')
    >>> own_path("/\\example.com"), own_path("/a\r\nSet-Cookie: a=b"), own_path("")
    ('/', '/', '/')
    """
    return text if len(text) <= _LONGEST and _OWN.fullmatch(text) else instead
