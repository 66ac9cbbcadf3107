"""Names, parsed at the door: inside, a `ScopeName` has been checked and nobody checks it twice.

A parsed name is a `str` with its spelling kept; `folded` is what uniqueness is judged by.
"""

from __future__ import annotations

import re
from typing import ClassVar, Self

from packaging.utils import canonicalize_name

from wheelyard.core.errors import InvalidParameter

__all__ = ["RESERVED_SCOPE", "FeedName", "ProjectName", "ScopeName", "SecretKey"]


class _Name(str):
    """A checked name. Subclasses give the pattern and the words for a refusal."""

    __slots__ = ()
    noun: ClassVar[str]
    rule: ClassVar[str]
    pattern: ClassVar[re.Pattern[str]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check one name.

        Raises:
            InvalidParameter: it is empty, too long or holds a character outside the rule; the text gives the rule.
        """
        if not cls.pattern.fullmatch(text):
            shown = text if len(text) <= 64 else f"{text[:64]}…"
            raise InvalidParameter(
                f"Invalid {cls.noun} '{shown}': {cls.rule}.", reference=f"invalid-{cls.noun.replace(' ', '-')}"
            )
        return cls(text)

    @property
    def folded(self) -> str:
        return self.casefold()


class ScopeName(_Name):
    """Source: facts/workspace-api.md 4.2 (letters, digits, `-_.@`, 128 at most, unique whatever the case)."""

    __slots__ = ()
    noun = "scope name"
    rule = "it has 1 to 128 letters, digits, '-', '_', '.' or '@'"
    pattern = re.compile(r"[A-Za-z0-9_.@-]{1,128}")


class SecretKey(_Name):
    """Source: facts/workspace-api.md 4.2."""

    __slots__ = ()
    noun = "secret key"
    rule = "it has 1 to 128 letters, digits, '-', '_' or '.'"
    pattern = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class FeedName(_Name):
    """A feed's, organization's or project folder's name: one URL segment that needs no escaping."""

    __slots__ = ()
    noun = "feed name"
    rule = "it has 1 to 64 letters, digits, '-', '_' or '.', and starts with a letter or digit"
    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ProjectName(_Name):
    """A project's name as PEP 508 allows it; `folded` is its PEP 503 form."""

    __slots__ = ()
    noun = "project name"
    rule = "it has letters, digits, '-', '_' or '.', and starts and ends with a letter or digit"
    pattern = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")

    @property
    def folded(self) -> str:
        return canonicalize_name(self)


RESERVED_SCOPE = ScopeName("databricks-package-management")
