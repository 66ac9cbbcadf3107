"""Layers made physical: the variables and files that make a real installer rank them as the rules say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from wheelyard.core.pip.conf import conf_text
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.pip.placement import PlacedFile, place
from wheelyard.core.pip.uv_form import uv_form
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order

__all__ = ["MACHINE", "PipEnvironment", "PipPaths", "pip_environment"]

MACHINE = "this machine's pip configuration"
"""Origin of the index that stands for the public one."""

_NOT_PLACED = frozenset({LayerKind.LIBRARY_REPO, LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS})

_ALWAYS = {"PIP_NO_INPUT": Secret("1"), "PIP_DISABLE_PIP_VERSION_CHECK": Secret("1")}
"""Nobody answers a prompt on compute, and nobody there may upgrade pip. Source: facts/packaging.md A3."""


@dataclass(frozen=True, slots=True)
class PipPaths:
    """Where compute keeps what pip reads, as user code sees it.

    Args:
        global_conf: the file that pip reads at its global level (`/etc/pip.conf` in a sandbox).
        certificate_bundle: where the engine writes system roots followed by `PipEnvironment.certificate`.
        machine_index: the machine's own index URL, which stands for the public index; None for pip's built-in one.
    """

    global_conf: str
    certificate_bundle: str
    machine_index: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class PipEnvironment:
    """What the engine sets before any installer runs.

    Args:
        variables: for pip (`PIP_…`) and for uv (`UV_…`, `SSL_CERT_FILE`), added to the compute's own variables.
        global_conf: text of the file at `PipPaths.global_conf`; None leaves that place as it is: pip could not read
            what lies there, and would stop.
        certificate: PEM text to append to the system roots; None leaves the roots as they are.
    """

    variables: Mapping[str, Secret[str]]
    global_conf: Secret[str] | None = None
    certificate: str | None = None


def pip_environment(
    layers: Iterable[Layer],
    paths: PipPaths,
    *,
    installer: Installer | None = None,
    order: Order = CLUSTER_ABOVE_DEFAULT.chosen,
) -> PipEnvironment:
    """Place the layers of compute where pip ranks them as `effective_options` does, and give uv the same answer.

    The machine's own index, then an existing global file, then the workspace default are merged into the global file,
    later ones stronger; `DATABRICKS_PIP_*` become `PIP_*` unless the user has set a non-empty `PIP_*` of the same
    option. The user's own variables are never repeated and never overridden: the caller puts them in unchanged.

    Args:
        paths: where the engine keeps the files.
        order: who wins of cluster variables and workspace default.
        layers: of the compute, as `delivery.layers_of` gives them; command line, library repo and requirements lines
            belong to one installation and are left out.
        installer: the pip of the compute, whose rules the answer for uv is computed with; the newest when left out.
    """
    known = tuple(layer for layer in layers if layer.kind not in _NOT_PLACED)
    resolver = installer if installer is not None and installer.name == "pip" else Installer.parse("pip")
    everything = (_machine(paths), *(_with_paths(layer, paths) for layer in known))
    placement = place(everything, order)
    answer = effective_options(everything, resolver, order=order)
    broken = any(layer.kind is LayerKind.GLOBAL_FILE and layer.refusal for layer in known)
    variables = {
        placed.name: placed.setting.text
        for placed in placement.variables
        if placed.layer.kind is not LayerKind.ENVIRONMENT
    }
    variables |= {setting.name: setting.text for setting in uv_form(answer, everything).settings}
    users = {s.name for layer in known if layer.kind is LayerKind.ENVIRONMENT for s in layer.settings}
    variables |= {name: value for name, value in _ALWAYS.items() if name not in users}
    return PipEnvironment(
        MappingProxyType(variables),
        None
        if broken
        else next(
            (_text(file) for file in placement.files if file.kind is LayerKind.GLOBAL_FILE and file.settings), None
        ),
        next((layer.certificate for layer in known if layer.certificate and not layer.ignored), None),
    )


def _machine(paths: PipPaths) -> Layer:
    """The weakest layer of all: this machine's index stands for the public one, with this machine's certificates."""
    options = {"cert": Secret(paths.certificate_bundle)}
    if paths.machine_index is not None:
        options["index-url"] = paths.machine_index
    return Layer.of(LayerKind.PUBLIC_INDEX, MACHINE, options)


def _with_paths(layer: Layer, paths: PipPaths) -> Layer:
    """A layer that brings certificate text names its bundle by a word until there is a path for it."""
    if layer.certificate is None:
        return layer
    bundle = Secret(paths.certificate_bundle)
    return replace(layer, settings=tuple(replace(s, text=bundle) if s.name == "cert" else s for s in layer.settings))


def _text(file: PlacedFile) -> Secret[str]:
    return conf_text(replace(placed.setting, name=placed.name) for placed in file.settings)
