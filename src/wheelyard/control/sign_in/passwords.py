"""People's passwords: which are taken, and how one is kept and compared.

A password is judged by its length and by not being the user name; no kind of character is demanded, none is refused,
and none has to be changed after a time. It is brought to one Unicode form first, because keyboards differ in how they
write the same letter. What is stored is argon2id of a keyed hash, so whoever has the database without the key ring
cannot even guess.

One hash takes 64 MB and a tenth of a second, on purpose: only a few are made at the same time, a few more may wait,
and whoever comes then is told to come back.

Source: NIST SP 800-63B, 5.1.1.2 of revision 3: length instead of composition, at least 64 characters taken, compared
with the user name, normalised (NFKC), no expiry, a secret that is kept apart mixed in. It asks for 8 characters;
revision 4 (recalled, confidence medium) for 15 where nothing else proves the person. 12 lies between the two.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from wheelyard.core.errors import InvalidParameter, Throttled
from wheelyard.core.redaction import Secret

__all__ = ["LONGEST", "SHORTEST", "Passwords", "check_new_password"]

SHORTEST = 12
LONGEST = 1024
"""Characters. The limit keeps a form from costing work; no one types as much."""

_AT_ONCE = 2
_WAITING = 8
_BUSY_SECONDS = 5
_UNCHANGED = "the password was not changed"


def check_new_password(password: Secret[str], user_name: str) -> None:
    """Judge a password that is to be stored.

    Raises:
        InvalidParameter: it is too short or too long, is the user name, or is not text.
    """
    typed, text = password.reveal(), _normalised(password)
    shortest_form = min(len(typed), len(text))
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise InvalidParameter(
            "The password holds characters that are no text.", reference="password-not-text", unchanged=_UNCHANGED
        )
    if shortest_form < SHORTEST:
        raise InvalidParameter(
            f"The password has {shortest_form} characters; at least {SHORTEST} are needed.",
            reference="password-too-short",
            unchanged=_UNCHANGED,
            hint="a few words that do not belong together are easy to remember",
        )
    if len(typed) > LONGEST:
        raise InvalidParameter(
            f"The password has {len(typed):,} characters; at most {LONGEST:,} are taken.",
            reference="password-too-long",
            unchanged=_UNCHANGED,
        )
    if text.casefold() == unicodedata.normalize("NFKC", user_name).casefold():
        raise InvalidParameter(
            "The password is the user name.", reference="password-is-user-name", unchanged=_UNCHANGED
        )


class Passwords:
    """Hashes passwords and compares them.

    Args:
        keyed_hash: mixes in a key that is kept apart from the database.
        hasher: argon2id with the library's defaults unless told otherwise.
        at_once: hashes made at the same time.
        waiting: more that may wait for one of those.
    """

    def __init__(
        self,
        *,
        keyed_hash: Callable[[bytes], bytes],
        hasher: PasswordHasher | None = None,
        at_once: int = _AT_ONCE,
        waiting: int = _WAITING,
    ) -> None:
        self._keyed_hash = keyed_hash
        self._hasher = hasher or PasswordHasher()
        self._nobodys = _unmatchable(self._hasher)
        self._running = threading.BoundedSemaphore(at_once)
        self._admitted = threading.BoundedSemaphore(at_once + waiting)

    def hashed(self, password: Secret[str]) -> str:
        """What is stored of a password; it names its own parameters.

        Raises:
            Throttled: too many hashes are waited for.
        """
        with self._turn():
            return self._hasher.hash(self._mixed(password))

    def matches(self, stored: str | None, password: Secret[str]) -> bool:
        """Compare. `None`, where there is nothing to compare with, takes as long and is False.

        Raises:
            Throttled: too many hashes are waited for.
        """
        with self._turn():
            try:
                self._hasher.verify(self._nobodys if stored is None else stored, self._mixed(password))
            except VerifyMismatchError:
                return False
            return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the parameters have changed since this was made."""
        return self._hasher.check_needs_rehash(stored)

    def _mixed(self, password: Secret[str]) -> bytes:
        return self._keyed_hash(_normalised(password).encode("utf-8", "surrogatepass"))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise Throttled(
                "Too many people sign in at this moment.", retry_after_seconds=_BUSY_SECONDS, hint="try again soon"
            )
        try:
            with self._running:
                yield
        finally:
            self._admitted.release()


def _normalised(password: Secret[str]) -> str:
    """One form for what looks the same; what is too long to be anybody's password is cut first."""
    return unicodedata.normalize("NFKC", password.reveal()[: LONGEST + 1])


def _unmatchable(hasher: PasswordHasher) -> str:
    """A stored form that costs as much to compare with as any, and is nobody's: its hash is random, not computed."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"
