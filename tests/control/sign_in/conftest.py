"""The sign-in room on a real database with a clock that moves when told; hashing is cheap, but real."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.databases import database_with_tables

from wheelyard.control.caller import RequestInfo
from wheelyard.control.scim import Directory
from wheelyard.control.scim.wire import OnResource, Patch, PatchOperation, Resource
from wheelyard.control.sign_in.passwords import Passwords
from wheelyard.control.sign_in.service import NewSession, SignIn
from wheelyard.control.tokens import IssuedToken, Tokens
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier, KeyRing

PASSWORD = Secret("correct horse battery")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML) Version/18.0 Safari/604.1"


class Clock:
    """Seconds since the epoch; moves only when told."""

    def __init__(self) -> None:
        self.now = 1_772_614_800.0  # 2026-03-04 09:00 UTC

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class CountingHasher(PasswordHasher):
    """Argon2id at the lowest cost, which counts what it does."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified = 0
        self.hashed = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002 # theirs
        self.verified += 1
        return super().verify(hash, password)


@dataclass(frozen=True)
class Person:
    principal_id: str
    name: str


class Door:
    """The rooms below, the sign-in room, and shortcuts to be somebody."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "test.db"
        self.clock = Clock()
        self.database = database_with_tables(self.path)
        self.barrier = Barrier(KeyRing.open(folder / "keys.json"))
        self.directory = Directory(database=self.database, clock=self.clock)
        self.tokens = Tokens(database=self.database, barrier=self.barrier, directory=self.directory, clock=self.clock)
        self.hasher = CountingHasher()
        self.sign_in = self.restarted()
        admin_id = self.directory.bootstrap_admin("admin@example.com")
        self.admin = Person(admin_id, "admin@example.com")

    def restarted(self, hasher: PasswordHasher | None = None) -> SignIn:
        """The room as another process would open it, on the same database."""
        return SignIn(
            database=self.database,
            barrier=self.barrier,
            directory=self.directory,
            tokens=self.tokens,
            clock=self.clock,
            passwords=Passwords(keyed_hash=self.keyed, hasher=hasher or self.hasher),
        )

    def keyed(self, data: bytes) -> bytes:
        return self.barrier.keyed_hash(data, purpose="password")

    def user(self, name: str = "") -> Person:
        name = name or f"user-{uuid.uuid4().hex[:8]}@example.com"
        made = self.directory.create("user", Resource(userName=name))
        return Person(made.id, name)

    def somebody(self, password: Secret[str] = PASSWORD) -> Person:
        """A user with a password and no session."""
        person = self.user()
        self.sign_in.sign_out(self.by_link(person, password).session)
        return person

    def service_principal(self) -> Person:
        made = self.directory.create("service_principal", Resource(displayName="pipeline"))
        return Person(made.id, made.applicationId)

    def remove(self, person: Person) -> None:
        self.directory.delete("user", OnResource(id=person.principal_id))

    def activate(self, person: Person, *, active: bool) -> None:
        change = PatchOperation(op="replace", path="active", value=active)
        self.directory.patch("user", Patch(id=person.principal_id, Operations=(change,)))

    def pat(self, person: Person, lifetime_seconds: int | None = None) -> IssuedToken:
        return self.tokens.issue(person.principal_id, kind="pat", lifetime_seconds=lifetime_seconds)

    def by_link(self, person: Person, password: Secret[str] = PASSWORD) -> NewSession:
        return self.sign_in.with_link(self.sign_in.new_link(person.principal_id).value, password, here())

    def by_password(self, person: Person, password: Secret[str] = PASSWORD) -> NewSession:
        return self.sign_in.with_password(person.name, password, here())

    def by_token(self, person: Person) -> NewSession:
        return self.sign_in.with_token(self.pat(person).value, here())


def here(address: str = "192.0.2.1", user_agent: str = FIREFOX) -> RequestInfo:
    """A request as a browser at this address makes it."""
    return RequestInfo(base_url="http://workspace.example.com", client_address=address, user_agent=user_agent)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    yield door
    door.database.close()
