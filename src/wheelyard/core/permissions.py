"""Who may do what to which securable: the levels in order, and the level each action needs.

A level includes every lower one. A principal's level is the highest of its own entry and those of its groups; workspace
admins hold the top level of everything. `tests/matrix/permissions.txt` shows the whole table and changes under review.

Source: facts/workspace-api.md 4.3, 13.3; the words for feeds follow Azure Artifacts (facts/packaging.md D).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["ACTIONS", "LEVELS", "Action", "covers", "highest", "level_for", "matrix", "top_level"]

_WORKSPACE_OBJECT = ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE")

LEVELS: Final = MappingProxyType(
    {
        "scope": ("READ", "WRITE", "MANAGE"),
        "cluster": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
        "job": ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
        "directory": _WORKSPACE_OBJECT,
        "notebook": _WORKSPACE_OBJECT,
        "file": _WORKSPACE_OBJECT,
        "feed": ("READER", "COLLABORATOR", "CONTRIBUTOR", "OWNER"),
    }
)
"""Securable kind to its levels, weakest first."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done to a securable, and the level it needs."""

    kind: str
    name: str
    level: str


ACTIONS: Final = (
    Action("scope", "list the keys", "READ"),
    Action("scope", "read a value", "READ"),
    Action("scope", "resolve a secret reference", "READ"),
    Action("scope", "put or delete a secret", "WRITE"),
    Action("scope", "read and change the ACL", "MANAGE"),
    Action("scope", "delete the scope", "MANAGE"),
    Action("cluster", "see it, its events and library statuses", "CAN_ATTACH_TO"),
    Action("cluster", "attach a notebook or run a command", "CAN_ATTACH_TO"),
    Action("cluster", "start, restart or terminate", "CAN_RESTART"),
    Action("cluster", "edit or permanently delete", "CAN_MANAGE"),
    Action("cluster", "install or uninstall a library", "CAN_MANAGE"),
    Action("cluster", "read the start-up and library logs", "CAN_MANAGE"),
    Action("cluster", "read and change the permissions", "CAN_MANAGE"),
    Action("job", "see it and its runs", "CAN_VIEW"),
    Action("job", "start or cancel a run", "CAN_MANAGE_RUN"),
    Action("job", "edit or delete", "CAN_MANAGE"),
    Action("job", "read and change the permissions", "CAN_MANAGE"),
    Action("directory", "list", "CAN_READ"),
    Action("directory", "create, import or change what is in it", "CAN_EDIT"),
    Action("directory", "delete, read and change the permissions", "CAN_MANAGE"),
    Action("notebook", "read or export", "CAN_READ"),
    Action("notebook", "run", "CAN_RUN"),
    Action("notebook", "change", "CAN_EDIT"),
    Action("notebook", "delete, read and change the permissions", "CAN_MANAGE"),
    Action("file", "read or export", "CAN_READ"),
    Action("file", "run", "CAN_RUN"),
    Action("file", "change", "CAN_EDIT"),
    Action("file", "delete, read and change the permissions", "CAN_MANAGE"),
    Action("feed", "see projects, install saved files", "READER"),
    Action("feed", "save files from an upstream source", "COLLABORATOR"),
    Action("feed", "upload, yank", "CONTRIBUTOR"),
    Action("feed", "delete releases, change settings, sources and roles", "OWNER"),
)
"""The matrix. A wrong rule is fixed by editing a row."""


def covers(kind: str, held: str, needed: str) -> bool:
    """Whether holding one level includes another.

    >>> covers("scope", "WRITE", "READ"), covers("scope", "READ", "WRITE")
    (True, False)
    """
    order = LEVELS[kind]
    return held in order and order.index(held) >= order.index(needed)


def highest(kind: str, levels: Iterable[str]) -> str | None:
    """The strongest of some levels; None without any.

    >>> highest("scope", ["READ", "MANAGE", "WRITE"])
    'MANAGE'
    """
    order = LEVELS[kind]
    return max(levels, key=order.index, default=None)


def top_level(kind: str) -> str:
    """What workspace admins hold on every securable of the kind."""
    return LEVELS[kind][-1]


def level_for(kind: str, action: str) -> str:
    """The level an action needs; KeyError for an action the matrix does not name."""
    for row in ACTIONS:
        if (row.kind, row.name) == (kind, action):
            return row.level
    raise KeyError(f"{kind}: {action}")


def matrix() -> str:
    """The table as text: one block a securable, one line an action, one column a level."""
    return "\n".join(_block(kind) for kind in LEVELS)


def _block(kind: str) -> str:
    rows = [row for row in ACTIONS if row.kind == kind]
    width = max(len(row.name) for row in rows)
    lines = [f"{kind:<{width}}  {'  '.join(LEVELS[kind])}"]
    for row in rows:
        cells = (f"{'yes' if covers(kind, held, row.level) else '-':<{len(held)}}" for held in LEVELS[kind])
        lines.append(f"{row.name:<{width}}  {'  '.join(cells)}".rstrip())
    return "\n".join(lines) + "\n"
