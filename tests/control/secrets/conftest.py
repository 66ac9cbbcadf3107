"""A secrets service on a real database and barrier, and the people who use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.databases import database_with_tables

from wheelyard.control.caller import ADMINS, USERS, Caller
from wheelyard.control.secrets import Secrets
from wheelyard.control.secrets.service import NamedPrincipal
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.database import Database

PIPELINE_ID = "5b7f2f4e-9f0c-4b0e-8f55-0d7d3c1f6a11"


def _caller(name: str, *groups: str) -> Caller:
    kind = "user" if "@" in name else "service_principal"
    return Caller(principal_id=name, name=name, kind=kind, groups=frozenset({*groups, USERS}))  # type: ignore[arg-type] # one of two literals


@dataclass(frozen=True)
class Known:
    name: str


class People:
    """The principals of these tests, found as the identity room finds them: a user name in whatever case."""

    def __init__(self) -> None:
        self.admin = _caller("admin@example.com", ADMINS)
        self.ana = _caller("ana@example.com")
        self.ben = _caller("ben@example.com", "builders")
        self.eve = _caller("eve@example.com", "juniors", "builders")
        self.pipeline = _caller(PIPELINE_ID, "pipelines")
        callers = (self.admin, self.ana, self.ben, self.eve, self.pipeline)
        self.names = {name for caller in callers for name in caller.principals}

    def on_removed(self, callback: Callable[[NamedPrincipal], None]) -> None:
        self.removed = callback

    def on_renamed(self, callback: Callable[[str, str], None]) -> None:
        self.renamed = callback

    def find_principal(self, name: str) -> Known | None:
        return next((Known(known) for known in self.names if known.casefold() == name.casefold()), None)


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """The service with everything around it."""

    service: Secrets
    database: Database
    barrier: Barrier
    clock: Clock
    people: People
    told: list[tuple[Caller, Secret[bytes]]]

    def another(
        self, *, scopes_per_workspace: int = 1000, keyvault_scopes: bool = False, workspace: str = "900"
    ) -> Secrets:
        """The same workspace with other settings."""
        return Secrets(
            database=self.database,
            barrier=self.barrier,
            directory=self.people,
            workspace_id=workspace,
            clock=self.clock,
            scopes_per_workspace=scopes_per_workspace,
            keyvault_scopes=keyvault_scopes,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = database_with_tables(tmp_path / "workspace.db")
    barrier = Barrier(KeyRing.open(tmp_path / "keys"))
    clock, people = Clock(), People()
    told: list[tuple[Caller, Secret[bytes]]] = []
    service = Secrets(
        database=database,
        barrier=barrier,
        directory=people,
        workspace_id="900",
        clock=clock,
        on_read=lambda caller, value: told.append((caller, value)),
    )
    yield Bench(service, database, barrier, clock, people, told)
    service.close()
    database.close()
