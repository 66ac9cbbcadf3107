"""Workspace paths, parsed at the door.

`/Workspace/Users/x` is another spelling of `/Users/x`; answers keep the spelling that was asked for, because clients
compare. Paths are case-sensitive.
Source: workspace-api facts 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from wheelyard.core.errors import InvalidParameter

__all__ = ["HOMES", "REPOS", "ROOT", "SHARED", "STANDARD", "Place", "parents"]

ROOT, HOMES, SHARED, REPOS = "/", "/Users", "/Shared", "/Repos"
STANDARD = (ROOT, HOMES, SHARED, REPOS)
"""Directories that every workspace has and nobody can delete."""

_ALIAS = "/Workspace"
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """One checked path in its short form, and how it was asked for."""

    path: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check an absolute path; a final slash is cut off.

        >>> Place.parse("/Workspace/Shared/a/")
        Place(path='/Shared/a', prefix='/Workspace')

        Raises:
            InvalidParameter: it is relative, too long, or has an empty, `.` or `..` part or a control character.
        """
        if not text.startswith("/"):
            raise InvalidParameter(f"Path ({text[:200]}) doesn't start with '/'", reference="path-not-absolute")
        parts = text.rstrip("/").split("/")[1:]
        bad = any(part in {"", ".", ".."} for part in parts) or any(ord(character) < 32 for character in text)
        if bad or len(text) > _LONGEST:
            raise InvalidParameter(
                f"Path ({text[:200]}) is not valid: no part may be empty, '.' or '..', no character a control"
                f" character, and at most {_LONGEST} characters are allowed.",
                reference="invalid-path",
            )
        if parts[:1] == [_ALIAS[1:]]:
            return cls("/" + "/".join(parts[1:]), _ALIAS)
        return cls("/" + "/".join(parts))

    def shown(self, path: str) -> str:
        """A path below or at this one, in the spelling that was asked for."""
        return f"{self.prefix}{path}" if path != ROOT or not self.prefix else self.prefix

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[1]

    @property
    def home_owner(self) -> str | None:
        """Whose home directory this is or lies in."""
        parts = self.path.split("/")
        return parts[2] if len(parts) > 2 and f"/{parts[1]}" == HOMES else None


def parents(path: str) -> tuple[str, ...]:
    """Every directory above, nearest first.

    >>> parents("/Shared/a/b")
    ('/Shared/a', '/Shared', '/')
    """
    parts = path.split("/")[1:-1]
    above = ["/" + "/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return () if path == ROOT else (*above, ROOT)
