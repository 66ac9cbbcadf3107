"""The statuses of a command. Source: facts/workspace-api.md 9."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ENDED", "TRANSITIONS", "Action", "CommandStatus", "ContextStatus", "after"]


class ContextStatus(StrEnum):
    """As on the wire."""

    PENDING = "Pending"
    RUNNING = "Running"
    ERROR = "Error"


class CommandStatus(StrEnum):
    """As on the wire. Code that raised is `Finished`; `Error` means that it could not be run."""

    QUEUED = "Queued"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    FINISHED = "Finished"
    CANCELLED = "Cancelled"
    ERROR = "Error"


class Action(StrEnum):
    """What can happen to a command."""

    BEGIN = "begin"
    CANCEL = "cancel"
    END = "end"
    BREAK = "break"


_S, _A = CommandStatus, Action

TRANSITIONS: Mapping[tuple[CommandStatus, Action], CommandStatus] = MappingProxyType(
    {
        (_S.QUEUED, _A.BEGIN): _S.RUNNING,
        (_S.QUEUED, _A.CANCEL): _S.CANCELLED,
        (_S.QUEUED, _A.BREAK): _S.ERROR,
        (_S.RUNNING, _A.CANCEL): _S.CANCELLING,
        (_S.RUNNING, _A.END): _S.FINISHED,
        (_S.RUNNING, _A.BREAK): _S.ERROR,
        # However the code ended after that: whoever cancelled waits for this word.
        (_S.CANCELLING, _A.END): _S.CANCELLED,
        (_S.CANCELLING, _A.BREAK): _S.CANCELLED,
    }
)

ENDED = frozenset({_S.FINISHED, _S.CANCELLED, _S.ERROR})


def after(status: CommandStatus, action: Action) -> CommandStatus:
    """The status that follows; the same one where the action changes nothing."""
    return TRANSITIONS.get((status, action), status)
