"""What links and cookies look like: a prefix, a public id of 16, a secret of 52 and a checksum of 7 characters.

The same shape as a token's (`tokens/value.py`), for the same reasons: the public id finds the row, the checksum tells
a mistyped value from a good one without asking the database, the prefix lets a leak scanner recognise it. The prefix
is part of what is checked, so a link opens nothing as a cookie, and a token neither.

>>> import os
>>> value = new_value(LINK, os.urandom)
>>> public_id_of(LINK, value) == value.reveal()[4:20], public_id_of(COOKIE, value)
(True, None)
"""

from __future__ import annotations

import re
import zlib
from base64 import b32encode
from collections.abc import Callable
from typing import Literal

from wheelyard.core.redaction import Secret

__all__ = ["COOKIE", "LINK", "PUBLIC_ID", "Prefix", "new_value", "public_id_of"]

Prefix = Literal["wysl", "wybs"]
LINK: Prefix = "wysl"
COOKIE: Prefix = "wybs"

PUBLIC_ID = re.compile(r"[a-z2-7]{16}")
_VALUE = re.compile(r"([a-z]{4})([a-z2-7]{16})[a-z2-7]{52}([a-z2-7]{7})")


def new_value(prefix: Prefix, randomness: Callable[[int], bytes]) -> Secret[str]:
    """Make a value of 80 random bits of public id and 256 of secret."""
    body = f"{prefix}{_text(randomness(10))}{_text(randomness(32))}"
    return Secret(body + _checksum(body))


def public_id_of(prefix: Prefix, value: Secret[str]) -> str | None:
    """The public id, or nothing when the value is not of this kind, or was altered."""
    found = _VALUE.fullmatch(value.reveal())
    if found is None or found[1] != prefix or _checksum(value.reveal()[: -len(found[3])]) != found[3]:
        return None
    return found[2]


def _checksum(body: str) -> str:
    return _text(zlib.crc32(body.encode()).to_bytes(4, "big"))


def _text(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
