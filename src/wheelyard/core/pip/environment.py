"""Layers made physical: the variables and files that make a real installer rank them as the rules say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, Order

__all__ = ["PipEnvironment", "PipPaths", "pip_environment"]


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
        global_conf: text of the file at `PipPaths.global_conf`; None for no file.
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

    The machine's own index, then an existing global file, then the workspace default are merged into the global file, later ones
    stronger; `DATABRICKS_PIP_*` become `PIP_*` unless the user has set a non-empty `PIP_*` of the same option. The user's own
    variables are never repeated and never overridden: the caller puts them in unchanged.

    Args:
        layers: of the compute, without command line and requirements; `delivery.layers_of` gives them.
        installer: the pip of the compute, whose rules the answer for uv is computed with; the newest when left out.
    """
    raise NotImplementedError
