"""What somebody typed, sealed for the page to hold while they sign in again.

The page holds it because the workspace should not: it may be large, hold secrets, and never come back. Only the person
it was sealed for gets it opened, and only for half a day.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from wheelyard.core.errors import InvalidState
from wheelyard.storage.barrier import Barrier

__all__ = ["KEPT_SECONDS", "open_form", "seal_form"]

KEPT_SECONDS = 12 * 3600
_TIME_BYTES = 8


def seal_form(barrier: Barrier, principal_id: str, content: bytes, now: int) -> str:
    """Encrypt; `now` in milliseconds. The text is URL-safe base64."""
    expiry_at = now + KEPT_SECONDS * 1000
    sealed = barrier.seal(expiry_at.to_bytes(_TIME_BYTES, "big") + content, _context(principal_id))
    return urlsafe_b64encode(sealed).decode()


def open_form(barrier: Barrier, principal_id: str, sealed: str, now: int) -> bytes | None:
    """Decrypt; nothing for what has expired, was altered, or was sealed for somebody else."""
    try:
        plain = barrier.open(urlsafe_b64decode(sealed.encode("ascii")), _context(principal_id)).reveal()
    except (InvalidState, UnicodeEncodeError, binascii.Error):
        return None
    expiry_at = int.from_bytes(plain[:_TIME_BYTES], "big")
    return plain[_TIME_BYTES:] if now < expiry_at else None


def _context(principal_id: str) -> str:
    return f"sign-in form/{principal_id}"
