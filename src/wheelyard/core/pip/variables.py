"""Environment variables as a layer: only what an installer looks at, each with its own name as origin."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wheelyard.core.pip.layer import FileState, Layer, LayerKind, Setting
from wheelyard.core.pip.trust import BUNDLE_VARIABLES, STORE_VARIABLES
from wheelyard.core.redaction import Secret

__all__ = ["config_file_state", "environment_layer"]

_PREFIXES = ("PIP_", "UV_")
_NAMES = frozenset({*BUNDLE_VARIABLES, *STORE_VARIABLES})


def environment_layer(variables: Mapping[str, str] | Mapping[str, Secret[str]], origin: str = "variable") -> Layer:
    """The layer of an environment; other variables are left out.

    >>> environment_layer({"PIP_INDEX_URL": "https://pkgs.example.com/simple", "HOME": "/root"}).settings[0].origin
    'variable PIP_INDEX_URL'
    """
    settings = tuple(
        Setting(name, value if isinstance(value, Secret) else Secret(value), origin=f"{origin} {name}")
        for name, value in variables.items()
        if name.startswith(_PREFIXES) or name in _NAMES
    )
    return Layer(LayerKind.ENVIRONMENT, "environment", settings)


def config_file_state(path: str, *, exists: bool | None) -> FileState:
    """How `PIP_CONFIG_FILE` was found; `exists` None when nobody could look."""
    if path == os.devnull:
        return "null device"
    if exists is None:
        return "not seen"
    return "read" if exists else "missing"
