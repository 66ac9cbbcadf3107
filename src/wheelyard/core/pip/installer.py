"""Which program installs, in which version: the rules differ by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from packaging.version import InvalidVersion, Version

from wheelyard.core.errors import InvalidParameter

__all__ = ["Installer"]

InstallerName = Literal["pip", "uv"]

_NAMES: dict[str, InstallerName] = {"pip": "pip", "uv": "uv"}

NEWEST: dict[InstallerName, Version] = {"pip": Version("26.3"), "uv": Version("0.13.8")}
"""The newest versions whose behaviour was measured; what `pip` or `uv` without a version means."""


@dataclass(frozen=True, slots=True)
class Installer:
    """pip or uv, with its version."""

    name: InstallerName
    version: Version

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `pip`, `uv`, `pip==25.3`, `pip 25.3` or `uv@0.13.8`.

        >>> str(Installer.parse("pip==24.0"))
        'pip==24.0'
        >>> Installer.parse("uv").name
        'uv'

        Raises:
            InvalidParameter: another program, or a version that is none.
        """
        name, _, version = text.strip().lower().replace("==", " ").replace("@", " ").partition(" ")
        known = _NAMES.get(name)
        if known is not None:
            try:
                return cls(known, Version(version.strip()) if version.strip() else NEWEST[known])
            except InvalidVersion as error:
                raise InvalidParameter(
                    f"`{text}` is no installer: `{version.strip()}` is no version",
                    reference="unknown-installer",
                    hint="name it as in pip==25.3",
                ) from error
        raise InvalidParameter(
            f"`{text}` is no installer: known are pip and uv",
            reference="unknown-installer",
            hint="name it as in pip==25.3",
        )

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"
