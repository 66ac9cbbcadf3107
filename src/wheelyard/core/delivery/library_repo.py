"""A library's `pypi.repo`: it becomes `--index-url` on pip's command line."""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer, LayerKind

__all__ = ["METHOD"]


def _layers(compute: ComputeView) -> Iterable[Layer]:
    if compute.library_repo is not None:
        yield Layer.of(LayerKind.LIBRARY_REPO, "the library's `repo`", {"index-url": compute.library_repo})


METHOD = DeliveryMethod(
    "library-repo",
    "The repo of a library",
    _layers,
    token_seen_by="readers of the cluster or job, of logs and of state files: put no token there",  # noqa: S106  words
    takes_effect="with the next installation of the library",
    fails_silently="extra indexes from elsewhere stay in play",
    rating="F with a token",
    source="public failure log of a library installation, facts/delivery.md 6.4",
    confidence="documented",
)
