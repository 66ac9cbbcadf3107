"""A layer is one place an installer reads options from, kept as it was found: names as written, values unsplit.

Nothing is decided here. Names are normalised, lists split and winners chosen by `layers.py`, so that every rule of an
installer (empty values, sections, aliases) still sees what the installer saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from wheelyard.core.pip.options import canonical_name, option_named, option_of_variable, values_of
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.ranks import LayerKind

__all__ = ["FileState", "Layer", "LayerKind", "Refusal", "Setting"]

FileState = Literal["read", "missing", "null device", "not seen"]
"""How a file was found. `missing`: named but not there.

`not seen`: it exists as far as we know, and nobody could read it for us.
"""

_NAMED_BY_VARIABLE = frozenset({LayerKind.ENVIRONMENT, LayerKind.CLUSTER_VARIABLES})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The installer stops before it asks any index, and says this. Exit code as the installer's own."""

    exit_code: int
    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One option as written in one place.

    Args:
        name: as written, for variables the variable's own name (`PIP_INDEX_URL`).
        text: the unsplit value; it may hold credentials.
        section: of a file; `global` everywhere else.
        origin: where exactly, when that is more exact than the layer's own origin.
    """

    name: str
    text: Secret[str]
    section: str = "global"
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says.

    Args:
        kind: its rank.
        origin: words for a reader: a path, a variable's owner, "command line".
        settings: in the order in which they were written.
        position: order among layers of one kind, later is stronger: several files in `$XDG_CONFIG_DIRS`, the reading
            order of requirements lines.
        state: how a file was found.
        refusal: the place cannot be read, and the installer stops because of it.
        certificate: PEM text that the layer's `cert` stands for, where the path is chosen at placement.
        command: of a command line: `install`, `download`, …
        ignored: why the installer does not even look at this place ("runs 14.3, read from 15.1 on"); empty when it
            does.
    """

    kind: LayerKind
    origin: str
    settings: tuple[Setting, ...] = ()
    position: int = 0
    state: FileState = "read"
    refusal: Refusal | None = None
    certificate: str | None = None
    command: str = ""
    ignored: str = ""

    @classmethod
    def of(
        cls,
        kind: LayerKind,
        origin: str,
        options: Mapping[str, str | Secret[str] | SafeUrl] | Iterable[tuple[str, str | Secret[str] | SafeUrl]] = (),
        *,
        section: str = "global",
        position: int = 0,
        state: FileState = "read",
        certificate: str | None = None,
        command: str = "",
    ) -> Self:
        """Build a layer from names and values; list values are separated by white space, as pip reads them.

        >>> Layer.of(LayerKind.USER_FILE, "~/.config/pip/pip.conf", {"index-url": "https://t@h/simple"}).options
        {'index-url': (SafeUrl('https://****@h/simple'),)}
        """
        pairs = options.items() if isinstance(options, Mapping) else options
        settings = tuple(Setting(name, _as_secret(value), section) for name, value in pairs)
        return cls(kind, origin, settings, position, state, None, certificate, command)

    @property
    def options(self) -> dict[str, tuple[SafeUrl | str, ...]]:
        """What it sets, by canonical option name, lists split; sections and empty values are not judged here."""
        found: dict[str, tuple[SafeUrl | str, ...]] = {}
        for setting in self.settings:
            option = option_named(self.option_name(setting))
            if option is not None:
                found[option.name] = values_of(option, setting.text)
        return found

    def option_name(self, setting: Setting) -> str:
        """The option a setting of this layer means, aliases resolved; the name itself if it means none we follow."""
        if self.kind in _NAMED_BY_VARIABLE:
            return option_of_variable(setting.name)
        return canonical_name(setting.name)

    def origin_of(self, setting: Setting) -> str:
        return setting.origin or self.origin


def _as_secret(value: str | Secret[str] | SafeUrl) -> Secret[str]:
    if isinstance(value, Secret):
        return value
    return Secret(value.reveal() if isinstance(value, SafeUrl) else value)
