"""How package sources reach an installer on compute: one file per delivery method, all listed in `METHODS`."""

from __future__ import annotations

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import (
    cluster_environment,
    library_repo,
    notebook_command,
    pip_environment,
    serverless_dependencies,
    workspace_default,
)
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer

__all__ = ["METHODS", "DeliveryMethod", "layers_of"]

METHODS: tuple[DeliveryMethod, ...] = (
    workspace_default.METHOD,
    cluster_environment.METHOD,
    pip_environment.METHOD,
    library_repo.METHOD,
    notebook_command.METHOD,
    serverless_dependencies.METHOD,
)
"""Best rating first."""


def layers_of(compute: ComputeView) -> tuple[Layer, ...]:
    """Every layer the compute's own settings make, whatever delivers them; order has no meaning."""
    return tuple(layer for method in METHODS for layer in method.layers(compute))
