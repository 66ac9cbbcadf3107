"""What a token looks like: `dapi`, a public id of 16, a secret of 52 and a checksum of 7 lower-case letters and digits.

The public id finds the row, and stands in lists and logs. The checksum tells a token from a typing mistake without
asking the database, and lets a leak scanner recognise ours among other text.

>>> import os
>>> value = new_value(os.urandom)
>>> public_id_of(value) == value.reveal()[4:20], public_id_of(Secret(value.reveal()[:-1] + "!"))
(True, None)
"""

from __future__ import annotations

import re
import zlib
from base64 import b32encode
from collections.abc import Callable

from wheelyard.core.redaction import Secret

__all__ = ["PREFIX", "TOKEN_PATTERN", "new_value", "public_id_of"]

PREFIX = "dapi"
TOKEN_PATTERN = re.compile(r"dapi([a-z2-7]{16})([a-z2-7]{52})([a-z2-7]{7})")


def new_value(randomness: Callable[[int], bytes]) -> Secret[str]:
    """Make a token of 80 random bits of public id and 256 of secret."""
    body = f"{PREFIX}{_text(randomness(10))}{_text(randomness(32))}"
    return Secret(body + _checksum(body))


def public_id_of(token: Secret[str]) -> str | None:
    """The public id, or nothing when it is no token of ours or was mistyped."""
    found = TOKEN_PATTERN.fullmatch(token.reveal())
    if found is None or _checksum(token.reveal()[: -len(found[3])]) != found[3]:
        return None
    return found[1]


def _checksum(body: str) -> str:
    return _text(zlib.crc32(body.encode()).to_bytes(4, "big"))


def _text(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
