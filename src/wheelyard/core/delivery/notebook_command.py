"""`%pip install --index-url …` in a notebook: pip's command line, typed by whoever runs the notebook.

The layer comes from the command itself (`core.pip.command`), not from the compute, so there is nothing to find here.
"""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer

__all__ = ["METHOD"]


def _layers(_compute: ComputeView) -> Iterable[Layer]:
    return ()


METHOD = DeliveryMethod(
    "notebook-command",
    "%pip install --index-url in a notebook",
    _layers,
    token_seen_by="whoever runs the notebook, readers of the scope; a literal token: also readers of its history",  # noqa: S106
    takes_effect="with that command, for that notebook session",
    fails_silently="extra indexes from elsewhere stay in play, and the highest version wins wherever it is",
    rating="C, F with a literal token",
    source="Notebook-scoped Python libraries, facts/delivery.md 7.1",
    confidence="recalled",
)
