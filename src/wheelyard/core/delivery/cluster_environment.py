"""`DATABRICKS_PIP_INDEX_URL` and `DATABRICKS_PIP_EXTRA_INDEX_URL` in a cluster's environment, or in its policy."""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery.method import DeliveryMethod
from wheelyard.core.pip.layer import Layer, LayerKind, Setting

__all__ = ["CLUSTER_VARIABLES", "METHOD"]

CLUSTER_VARIABLES = ("DATABRICKS_PIP_INDEX_URL", "DATABRICKS_PIP_EXTRA_INDEX_URL")
"""No third name is known. Source: facts/delivery.md 2.4."""


def _layers(compute: ComputeView) -> Iterable[Layer]:
    settings = tuple(
        Setting(name, compute.variables[name], origin=f"cluster variable {name}")
        for name in CLUSTER_VARIABLES
        if compute.variables.get(name)
    )
    if settings:
        yield Layer(LayerKind.CLUSTER_VARIABLES, "cluster variables", settings)


METHOD = DeliveryMethod(
    "cluster-environment",
    "Cluster variables DATABRICKS_PIP_*",
    _layers,
    token_seen_by="everybody who can attach to the cluster, also without READ on the secret's scope",  # noqa: S106  words
    takes_effect="on the next start of the cluster",
    fails_silently="before runtime 15.1 the variables do nothing, and pip asks the public index",
    rating="B-",
    source="Databricks Runtime 15.1 release notes, facts/delivery.md 2",
    confidence="documented",
)
