"""The endpoints of API 1.2. Errors have its own envelope, `{"error": …}`."""

from __future__ import annotations

from typing import Any

from wheelyard.control.command_execution import wire
from wheelyard.control.command_execution.service import Commands
from wheelyard.control.operation import SIGNED_IN, Operation

__all__ = ["OPERATIONS"]


def _row(method: str, path: str, body: Any, answer: Any, handler: Any) -> Operation[Any, Any, Any]:
    """Every row: signed in; the service looks whether the caller may attach, and whose context it is."""
    return Operation(method, f"/api/1.2/{path}", body, answer, handler, SIGNED_IN, envelope="1.2")


OPERATIONS: tuple[Operation[Any, Any, Any], ...] = (
    _row("POST", "contexts/create", wire.CreateContext, wire.Created, Commands.create_context),
    _row("GET", "contexts/status", wire.OnContext, wire.ContextState, Commands.context_status),
    _row("POST", "contexts/destroy", wire.OnContext, wire.Created, Commands.destroy_context),
    _row("POST", "commands/execute", wire.Execute, wire.Created, Commands.execute),
    _row("GET", "commands/status", wire.OnCommand, wire.CommandState, Commands.command_status),
    _row("POST", "commands/cancel", wire.OnCommand, wire.Created, Commands.cancel),
)
