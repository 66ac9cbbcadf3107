"""The rows of the probes."""

from __future__ import annotations

from wheelyard.control.operation import ANYONE, SIGNED_IN, Empty, Operation
from wheelyard.control.probes import wire
from wheelyard.control.probes.service import Probes

__all__ = ["OPERATIONS"]

OPERATIONS = (
    Operation("GET", "/.well-known/databricks-config", Empty, wire.HostMetadata, Probes.host_metadata, needs=ANYONE),
    Operation("POST", "/telemetry-ext", wire.Telemetry, wire.TelemetryAnswer, Probes.telemetry, needs=SIGNED_IN),
)
