"""Who wins. `effective_options` is the one function that decides which index an installer asks.

`explain` prints its answer, and the launcher of compute applies the same placement (`placement.py`) this function
reads, so the two cannot drift apart. A differential test against several real versions of pip and uv keeps it honest.
"""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.errors import InvalidParameter
from wheelyard.core.pip import merge, uv
from wheelyard.core.pip.answer import PUBLIC_INDEX, EffectiveOptions, Sourced, Verdict
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order

__all__ = [
    "PUBLIC_INDEX",
    "AmbiguousLayers",
    "EffectiveOptions",
    "Layer",
    "LayerKind",
    "Refusal",
    "Setting",
    "Sourced",
    "Verdict",
    "effective_options",
]


class AmbiguousLayers(InvalidParameter):
    """Two layers of one rank set the same option, so no rule says which wins."""

    default_reference = "ambiguous-layers"


def effective_options(
    layers: Iterable[Layer],
    installer: Installer,
    *,
    command: str = "install",
    order: Order = CLUSTER_ABOVE_DEFAULT.chosen,
) -> EffectiveOptions:
    """Decide which index, extra indexes and certificate the installer will really use.

    Layers may come in any order; their rank decides. The merge is per option: a layer that sets only the extra
    indexes leaves a lower layer's index standing. Between files and environment, extra indexes replace each other;
    from the command line they are added; an `--index-url` line in a requirements file drops all of them. Every value
    in the answer keeps the layer it came from, and every layer that lost keeps the reason.

    >>> effective_options([], Installer.parse("pip==26.3")).index
    Sourced(value=SafeUrl('public index'), origin='no layer sets it')

    Args:
        layers: everything that was found, winners and losers.
        installer: pip or uv, with its version.
        command: the installer's command, which names the section it reads besides `[global]`; a command line among the
            layers knows better.
        order: who wins of cluster variables and workspace default, which nobody documents.

    Raises:
        AmbiguousLayers: two layers of one rank set the same option; the message names both origins.

    Source: measured with pip 23.2.1, 24.0, 25.3 and 26.3, facts/delivery.md 0.1 and 0.2, facts/packaging.md A; uv
        differs, see `pip/uv.py`.
    """
    known = tuple(layers)
    _refuse_ambiguous(known)
    if installer.name == "uv":
        return uv.effective(known, installer, order)
    return merge.effective(known, installer, command, order)


def _refuse_ambiguous(layers: tuple[Layer, ...]) -> None:
    seen: dict[tuple[LayerKind, int, str, str], Layer] = {}
    for layer in layers:
        for place in {(setting.section, layer.option_name(setting)) for setting in layer.settings}:
            other = seen.setdefault((layer.kind, layer.position, *place), layer)
            if other is not layer:
                raise AmbiguousLayers(
                    f"`{place[1]}` is set by two layers of one rank: {other.origin} and {layer.origin}",
                    because=f"both are of kind {layer.kind}",
                    hint="give them different positions",
                )
