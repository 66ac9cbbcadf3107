"""Whose code runs here, and how it reaches the workspace.

The identity arrives on standard input when the process starts and lives in this module only: not in a file, not in the
environment, so that commands started by user code do not inherit it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SessionContext", "begin", "current"]


@dataclass(frozen=True)
class SessionContext:
    """One session: `parameters` are what widgets find, `cwd` where it starts."""

    user: str
    host: str
    token: str = field(repr=False)
    workspace_id: str
    cluster_id: str = ""
    cwd: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


_CURRENT: list[SessionContext] = []


def begin() -> dict[str, Any]:
    """Read `{"context": …, …}` to the end of standard input, remember the session, and return the rest.

    Afterwards standard input is empty. A folder that is not there is no reason to fail: the session then starts where
    its process did.
    """
    wanted: dict[str, Any] = json.load(sys.stdin)
    _CURRENT[:] = [SessionContext(**wanted.pop("context"))]
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # lives as long as the process
    cwd = _CURRENT[0].cwd
    if cwd and os.path.isdir(cwd):  # noqa: PTH112  # pathlib would be imported for this alone
        os.chdir(cwd)
    return wanted


def current() -> SessionContext | None:
    """The session of this process; None in a process that user code started."""
    return _CURRENT[0] if _CURRENT else None
