"""Dependency lines of a serverless environment: a requirements file in all but name, option lines included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer
from wheelyard.core.pip.requirements import requirements_layers

__all__ = ["METHOD", "ORIGIN"]

ORIGIN = "dependencies"


def _layers(compute: ComputeView) -> Iterable[Layer]:
    text = "\n".join(compute.dependencies)
    if not text:
        return ()
    files = {ORIGIN: text, **{path: content.reveal() for path, content in compute.files.items()}}
    found = requirements_layers((), (ORIGIN,), files.get, {}, compute.installer)
    return tuple(_not_seen(layer) for layer in found)


def _not_seen(layer: Layer) -> Layer:
    """A file the dependencies name may well be there: that nobody read it for us is no refusal of pip's."""
    if layer.refusal is not None and layer.refusal.text.startswith("Could not open"):
        return replace(layer, refusal=None, state="not seen")
    return layer


METHOD = DeliveryMethod(
    "serverless-dependencies",
    "Option lines among the dependencies of a serverless environment",
    _layers,
    token_seen_by="readers of the job or environment, bundle files and state",  # noqa: S106  words
    takes_effect="with the next run; an unchanged set of dependencies may come from the cache",
    fails_silently="an --index-url line drops the workspace's index and all its extra indexes",
    rating="F with a token",
    source="Configure the serverless environment, facts/delivery.md 7.2",
    confidence="inferred",
)
