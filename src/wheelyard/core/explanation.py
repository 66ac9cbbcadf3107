"""What `explain` says: the effective answer for one compute and one command, the ladder of layers, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wheelyard.core.compute import ComputeView
from wheelyard.core.pip.answer import EffectiveOptions
from wheelyard.core.pip.layer import Layer
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order

__all__ = ["Explanation", "Warned", "explain"]


@dataclass(frozen=True, slots=True)
class Warned:
    """A lint that applies: its rule id, its words with names filled in, how bad, and how sure we are."""

    id: str
    text: str
    level: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one compute, installer and command. Everything in it prints with credentials masked."""

    compute: str
    installer: str
    options: EffectiveOptions
    warnings: tuple[Warned, ...]

    def to_json(self) -> dict[str, Any]:
        """The contract of `explain --output json`; every credential is masked."""
        raise NotImplementedError


def explain(
    compute: ComputeView,
    layers: Iterable[Layer],
    command: Sequence[str] = (),
    requirements: Mapping[str, str] | None = None,
    *,
    order: Order = CLUSTER_ABOVE_DEFAULT.chosen,
) -> Explanation:
    """Say which index wins on this compute for this command.

    Args:
        layers: `delivery.layers_of(compute)`, or what `client.local.local_layers` found.
        command: the installer's own command line without the program (`install -r requirements.txt --index-url URL`); leave it
            out when `layers` already holds one.
        requirements: text of requirements and constraints files by the path the command names them with.
    """
    raise NotImplementedError
