"""A workspace service on a real database and real blobs, and the people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wheelyard.control.caller import ADMINS, USERS, Caller
from wheelyard.control.workspace import Workspace
from wheelyard.core.permissions import covers
from wheelyard.storage.blobs import Blobs, LocalBlobs
from wheelyard.storage.database import METADATA, Database, sqlite_url

PIPELINE_ID = "5b7f2f4e-9f0c-4b0e-8f55-0d7d3c1f6a11"


@dataclass(frozen=True)
class Known:
    kind: str
    principal_id: str
    name: str


def _caller(name: str, *groups: str) -> Caller:
    kind = "user" if "@" in name else "service_principal"
    return Caller(principal_id=f"id-{name}", name=name, kind=kind, groups=frozenset({*groups, USERS}))  # type: ignore[arg-type] # one of two literals


class People:
    """The principals of these tests."""

    def __init__(self) -> None:
        self.admin = _caller("admin@example.com", ADMINS)
        self.ana = _caller("ana@example.com", "team")
        self.ben = _caller("ben@example.com", "team")
        self.pipeline = _caller(PIPELINE_ID)
        self.callers = {each.name: each for each in (self.admin, self.ana, self.ben, self.pipeline)}

    def find_principal(self, name: str) -> Known | None:
        if name in {"team", USERS, ADMINS}:
            return Known("group", name, name)
        caller = self.callers.get(name)
        return Known(caller.kind, caller.principal_id, caller.name) if caller else None

    def caller(self, principal_id: str) -> Caller:
        return self.callers[principal_id.removeprefix("id-")]


class Grants:
    """Object permissions in memory, with what the room did to them."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, str], dict[str, str]] = {}

    def created(self, kind: str, object_id: str, caller: Caller) -> None:
        self.grant(kind, object_id, caller.name, "CAN_MANAGE")

    def grant(self, kind: str, object_id: str, principal: str, level: str) -> None:
        self.levels.setdefault((kind, object_id), {})[principal] = level

    def holds(self, caller: Caller, kind: str, object_id: str, level: str) -> bool:
        held = self.levels.get((kind, object_id), {})
        return caller.is_admin or any(
            covers(kind, granted, level) for name, granted in held.items() if name in caller.principals
        )

    def forget(self, kind: str, object_id: str) -> None:
        self.levels.pop((kind, object_id), None)


@dataclass
class Bench:
    """The service with everything around it."""

    service: Workspace
    database: Database
    blobs: Blobs
    grants: Grants
    people: People

    def another(self, *, notebook_limit_bytes: int = 10_000_000, file_limit_bytes: int = 10_000_000) -> Workspace:
        """The same workspace in another process, or with other limits."""
        return Workspace(
            database=self.database,
            blobs=self.blobs,
            permissions=self.grants,
            directory=self.people,
            notebook_limit_bytes=notebook_limit_bytes,
            file_limit_bytes=file_limit_bytes,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = Database.open(sqlite_url(tmp_path / "workspace.db"))
    METADATA.create_all(database.engine)
    blobs, grants, people = LocalBlobs(tmp_path / "blobs"), Grants(), People()
    service = Workspace(
        database=database, blobs=blobs, permissions=grants, directory=people, clock=lambda: 1_700_000_000
    )
    service.recover()
    yield Bench(service, database, blobs, grants, people)
    database.close()
