"""A browser in a few words, from the `User-Agent` that it sends, for people who look at a list of their sessions.

Only the words are kept. They are what the browser says of itself, so they prove nothing.
"""

from __future__ import annotations

import re

__all__ = ["in_words"]

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("HeadlessChrome/", "Headless Chromium"),
    ("Chromium/", "Chromium"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome or Chromium"),
    ("Safari/", "Safari"),
)
"""In this order, because most browsers name others too. Chrome and Chromium call themselves the same."""

_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z0-9 ._-]{1,40}")


def in_words(user_agent: str) -> str:
    """Browser and system.

    >>> in_words("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox on Linux'
    >>> in_words("curl/8.14.1"), in_words("")
    ('curl', 'an unknown browser')
    """
    browser = _first(_BROWSERS, user_agent) or _product(user_agent)
    system = _first(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((words for mark, words in table if mark in user_agent), "")


def _product(user_agent: str) -> str:
    """The first product a program names, unless it only says that it is like the others."""
    found = _PRODUCT.match(user_agent.partition("/")[0].strip())
    return found[0] if found and found[0] != "Mozilla" else "an unknown browser"
