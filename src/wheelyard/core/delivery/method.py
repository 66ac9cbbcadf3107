"""The shape of a delivery method: what it makes pip see, and the facts that choosing between methods needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from wheelyard.core.compute import ComputeView
from wheelyard.core.pip.layer import Layer
from wheelyard.core.rules.deliveries import why_not_reached
from wheelyard.core.rules.runtimes import Confidence

__all__ = ["DeliveryMethod"]


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """One way package sources reach an installer.

    Args:
        name: kebab-case, as `wheelyard plan --method` takes it.
        title: for people.
        found_layers: what a compute's settings make pip see through this method; pure.
        token_seen_by: who can read the token.
        takes_effect: when a change is in force.
        fails_silently: how it can go wrong without a word; empty for "it cannot".
        rating: A best, F worst, of the facts' own tables.
    """

    name: str
    title: str
    found_layers: Callable[[ComputeView], Iterable[Layer]]
    token_seen_by: str
    takes_effect: str
    fails_silently: str
    rating: str
    source: str
    confidence: Confidence

    def layers(self, compute: ComputeView) -> tuple[Layer, ...]:
        """The layers; those this compute never looks at carry the reason instead of being left out."""
        found = tuple(self.found_layers(compute))
        why = why_not_reached(self.name, compute.kind, compute.runtime_version) if found else ""
        return tuple(replace(layer, ignored=layer.ignored or why) for layer in found) if why else found
