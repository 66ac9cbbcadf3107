"""Answers to what clients ask by themselves, before and after the call a user wanted.

`/.well-known/databricks-config` is the first request of every client object and comes without a token; an error there
costs a warning at best and minutes of retries at worst. What is not here is meant to be absent: clients take the
documented 404 on `/api/2.0/fs/create-download-url` as "download it plainly".
"""

from __future__ import annotations

from wheelyard.control.caller import Caller
from wheelyard.control.operation import Empty
from wheelyard.control.probes import wire

__all__ = ["Probes"]


class Probes:
    """The probes service.

    Args:
        workspace_id: decimal digits.
    """

    def __init__(self, *, workspace_id: str) -> None:
        self._workspace_id = workspace_id

    def host_metadata(self, caller: Caller, _body: Empty) -> wire.HostMetadata:
        """Say where to sign in, under the host name the client used."""
        return wire.HostMetadata(f"{caller.request.base_url}/oidc", self._workspace_id)

    def telemetry(self, _caller: Caller, body: wire.Telemetry) -> wire.TelemetryAnswer:
        """Take what the CLI reports, and forget it."""
        return wire.TelemetryAnswer((), len(body.protoLogs))
