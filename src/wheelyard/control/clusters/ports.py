"""What clusters, libraries, commands and jobs need of the rooms below them, and no more.

The services named in each docstring fit; tests wire smaller ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

from wheelyard.control.caller import Caller
from wheelyard.control.permissions.wire import ChangePermissions
from wheelyard.core.redaction import Secret

__all__ = ["Clock", "Issued", "People", "Permissions", "SecretReader", "SessionTokens", "WorkspaceFiles"]

Clock = Callable[[], float]
"""Seconds since the epoch, as `time.time`."""


class SecretReader(Protocol):
    """`control.secrets`."""

    def read_value(self, caller: Caller, scope: str, key: str) -> Secret[bytes]: ...

    def reserved_values(self, caller: Caller, *, recorded: bool = True) -> Mapping[str, Secret[str]] | None: ...


class Found(Protocol):
    """A principal found by its name."""

    @property
    def kind(self) -> str: ...

    @property
    def principal_id(self) -> str: ...

    @property
    def name(self) -> str: ...


class People(Protocol):
    """`control.scim`."""

    def caller(self, principal_id: str) -> Caller: ...

    def find_principal(self, name: str) -> Found | None: ...


class Issued(Protocol):
    """A token that was just made."""

    @property
    def value(self) -> Secret[str]: ...


class SessionTokens(Protocol):
    """`control.tokens`."""

    def issue(
        self,
        principal_id: str,
        *,
        kind: Literal["session"],
        comment: str = "",
        lifetime_seconds: int | None = None,
        session_id: str = "",
    ) -> Issued: ...

    def revoke_session(self, session_id: str) -> Any: ...


class Permissions(Protocol):
    """`control.permissions`."""

    def created(self, kind: str, object_id: str, caller: Caller) -> Any: ...

    def require(self, caller: Caller, kind: str, object_id: str, level: str, *, action: str = "") -> None: ...

    def holds(self, caller: Caller, kind: str, object_id: str, level: str) -> bool: ...

    def forget(self, kind: str, object_id: str) -> Any: ...

    def update(self, caller: Caller, body: ChangePermissions) -> Any: ...


class Notebook(Protocol):
    """A notebook's source, cell by cell."""

    @property
    def language(self) -> str: ...

    @property
    def cells(self) -> tuple[str, ...]: ...


class WorkspaceFiles(Protocol):
    """`control.workspace`."""

    def read_file(self, caller: Caller, path: str) -> bytes: ...

    def read_notebook(self, caller: Caller, path: str) -> Notebook: ...

    def readable_files(self, caller: Caller) -> Iterator[tuple[str, Callable[[], bytes]]]: ...

    def change_count(self) -> int: ...
