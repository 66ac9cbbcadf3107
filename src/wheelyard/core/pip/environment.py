"""Layers made physical: the variables and files that make a real installer rank them as the rules say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wheelyard.core.redaction import Secret

__all__ = ["PipEnvironment", "PipPaths"]


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
