"""Bodies of the calls that no user asked for. Source: workspace-api facts 2.1 and 13.4."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["HostMetadata", "Telemetry", "TelemetryAnswer"]


class HostMetadata(msgspec.Struct, frozen=True):
    """`workspace_id` is a string of digits. Without `cloud` and `host_type` clients take the plain code paths."""

    oidc_endpoint: str
    workspace_id: str


class Telemetry(msgspec.Struct, frozen=True):
    """What a client reports of itself. Only counted."""

    protoLogs: tuple[Any, ...] = ()  # noqa: N815 # as on the wire


class TelemetryAnswer(msgspec.Struct, frozen=True):
    """Any smaller number than was sent makes the client send again."""

    errors: tuple[str, ...]
    numProtoSuccess: int  # noqa: N815 # as on the wire
