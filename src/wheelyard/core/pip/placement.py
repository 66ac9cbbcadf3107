"""From layers to the files and variables a real installer finds.

Some layers are places already: a user file is a file. Others are not: the workspace default and the cluster's
`DATABRICKS_PIP_*` variables exist for pip only because somebody put them where pip looks. This module is that
somebody's plan. `effective_options` judges the plan and `pip_environment` carries it out, so that explaining and
launching cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from wheelyard.core.pip.layer import Layer, LayerKind, Setting
from wheelyard.core.pip.options import CLUSTER_PREFIX, PIP_PREFIX, option_of_variable
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order, rank_numbers, ranks_of

__all__ = ["Placed", "PlacedFile", "Placement", "cluster_in_file", "place"]

_ALL_USERS = frozenset({LayerKind.PUBLIC_INDEX, LayerKind.GLOBAL_FILE, LayerKind.WORKSPACE_DEFAULT})
_FOR_ALL = {False: _ALL_USERS, True: _ALL_USERS | {LayerKind.CLUSTER_VARIABLES}}
"""Whose text is one file, by whether cluster variables belong to it."""
_PUBLIC_INDEX, _XDG_FILE, _GLOBAL_FILE = LayerKind.PUBLIC_INDEX, LayerKind.XDG_FILE, LayerKind.GLOBAL_FILE
_CLUSTER_VARIABLES, _ENVIRONMENT = LayerKind.CLUSTER_VARIABLES, LayerKind.ENVIRONMENT
_FILES = frozenset(
    {
        LayerKind.XDG_FILE,
        LayerKind.GLOBAL_FILE,
        LayerKind.LEGACY_USER_FILE,
        LayerKind.USER_FILE,
        LayerKind.SITE_FILE,
        LayerKind.CONFIG_FILE,
    }
)
USER_FILES = frozenset({LayerKind.LEGACY_USER_FILE, LayerKind.USER_FILE})


@dataclass(frozen=True, slots=True)
class Placed:
    """One setting at the place where the installer finds it, and the layer it came from.

    Args:
        name: of the option or variable as the installer sees it there.
    """

    layer: Layer
    setting: Setting
    name: str

    @property
    def origin(self) -> str:
        return self.layer.origin_of(self.setting)

    @property
    def text(self) -> str:
        return self.setting.text.reveal()


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """One file as the installer finds it; `path` tells two mentions of one file."""

    path: str
    kind: LayerKind
    settings: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """Files weakest first, variables in the environment's order, and what found no place beside something stronger."""

    files: tuple[PlacedFile, ...]
    variables: tuple[Placed, ...]
    beaten: tuple[tuple[Placed, Placed], ...]


def place(layers: Iterable[Layer], order: Order = CLUSTER_ABOVE_DEFAULT.chosen) -> Placement:
    """Put every layer of files and variables where the installer will find it.

    The machine's index, the global file, and the workspace default become one file, stronger values replacing weaker
    ones option by option. A cluster variable becomes `PIP_*` where the user has set no non-empty `PIP_*` of the same
    option; switched below the workspace default (`order`), it goes into that file too, beneath the default.
    """
    rank = rank_numbers(order)
    known = [layer for layer in layers if not layer.ignored]
    known.sort(key=lambda layer: (rank[layer.kind], layer.position))
    in_file = cluster_in_file(order)
    for_all = _FOR_ALL[in_file]
    shared = [layer for layer in known if layer.kind in for_all]
    beaten: list[tuple[Placed, Placed]] = []
    files = [_file_of(layer) for layer in known if layer.kind in _FILES and layer.kind not in for_all]
    if shared:
        files.append(_shared_file(shared, _set_by_all_users_files(known), beaten))
    files.sort(key=lambda file: rank[file.kind])  # stable: several XDG files keep their positions
    variables = [
        _as_found(layer, setting) for layer in known if layer.kind is _ENVIRONMENT for setting in layer.settings
    ]
    if not in_file:
        variables += _cluster_variables(known, variables, beaten)
    return Placement(tuple(files), tuple(variables), tuple(beaten))


@cache
def cluster_in_file(order: Order) -> bool:
    """Whether cluster variables stand low enough to be written into the global file instead of the environment."""
    kinds = ranks_of(order)
    return kinds.index(LayerKind.CLUSTER_VARIABLES) < kinds.index(LayerKind.WORKSPACE_DEFAULT)


def _as_found(layer: Layer, setting: Setting) -> Placed:
    return Placed(layer, setting, setting.name)


def _file_of(layer: Layer) -> PlacedFile:
    return PlacedFile(layer.origin, layer.kind, tuple(_as_found(layer, setting) for setting in layer.settings))


def _set_by_all_users_files(layers: list[Layer]) -> dict[str, Placed]:
    """What `$XDG_CONFIG_DIRS` sets: weaker than the global file, yet stronger than the machine's own index in it."""
    settings = ((layer, s) for layer in layers if layer.kind is _XDG_FILE for s in layer.settings)
    return {layer.option_name(s): _as_found(layer, s) for layer, s in settings if s.text and s.section == "global"}


def _shared_file(
    layers: list[Layer], stronger_than_public: dict[str, Placed], beaten: list[tuple[Placed, Placed]]
) -> PlacedFile:
    """One text out of several layers; a file nobody adds to stays as it was written."""
    path = next((layer.origin for layer in layers if layer.kind is _GLOBAL_FILE), "global file")
    if len(layers) == 1 and layers[0].kind is _GLOBAL_FILE:
        return _file_of(layers[0])
    kept: dict[tuple[str, str], Placed] = {}
    for layer in layers:
        for setting in layer.settings:
            name = layer.option_name(setting)
            placed = Placed(layer, setting, name)
            if layer.kind is _PUBLIC_INDEX and name in stronger_than_public:
                beaten.append((placed, stronger_than_public[name]))
                continue
            weaker = kept.pop((setting.section, name), None)
            if weaker is not None:
                beaten.append((weaker, placed))
            kept[setting.section, name] = placed
    return PlacedFile(path, _GLOBAL_FILE, tuple(kept.values()))


def _cluster_variables(layers: list[Layer], user: list[Placed], beaten: list[tuple[Placed, Placed]]) -> list[Placed]:
    taken = {
        option_of_variable(placed.name): placed for placed in user if placed.text and placed.name.startswith(PIP_PREFIX)
    }
    placed_variables: list[Placed] = []
    for layer in layers:
        if layer.kind is not _CLUSTER_VARIABLES:
            continue
        for setting in layer.settings:
            placed = Placed(layer, setting, PIP_PREFIX + setting.name.removeprefix(CLUSTER_PREFIX))
            stronger = taken.get(layer.option_name(setting))
            if stronger is None:
                placed_variables.append(placed)
            else:
                beaten.append((placed, stronger))
    return placed_variables
