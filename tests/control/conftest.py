"""The identity rooms alone, on a real database and served over real HTTP: what the other rooms stand on."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from starlette.types import ASGIApp
from tests.databases import database_with_tables

from wheelyard.control import oauth, permissions, probes, scim, tokens
from wheelyard.core.redaction import Secret
from wheelyard.http.app import build_app
from wheelyard.storage.barrier import Barrier, KeyRing

WORKSPACE_ID = "7405605123456789"


class Clock:
    """Seconds since the epoch; moves only when told."""

    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Person:
    principal_id: str
    name: str
    token: str


class IdentityWorkspace:
    """Services, the URL they answer on, and shortcuts to be somebody."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.database = database_with_tables(folder / "identity.db")
        barrier = self.barrier = Barrier(KeyRing.open(folder / "keys.json"))
        self.directory = scim.Directory(database=self.database, clock=self.clock)
        self.tokens = tokens.Tokens(database=self.database, barrier=barrier, directory=self.directory, clock=self.clock)
        self.oauth = oauth.OAuth(
            database=self.database, barrier=barrier, directory=self.directory, tokens=self.tokens, clock=self.clock
        )
        self.permissions = permissions.ObjectPermissions(database=self.database, directory=self.directory)
        self.app: ASGIApp = build_app(
            [
                (probes.ROOM, probes.Probes(workspace_id=WORKSPACE_ID)),
                (scim.ROOM, self.directory),
                (tokens.ROOM, self.tokens),
                (oauth.ROOM, self.oauth),
                (permissions.ROOM, self.permissions),
            ],
            self.tokens,
            feed_app=None,
            workspace_id=WORKSPACE_ID,
            ready=lambda: True,
        )
        self.url = ""
        admin_id = self.directory.bootstrap_admin("admin@example.com")
        self.admin = Person(admin_id, "admin@example.com", self.token_of(admin_id))

    def token_of(self, principal_id: str) -> str:
        return self.tokens.issue(principal_id, kind="pat", lifetime_seconds=None).value.reveal()

    def user(self, name: str = "") -> Person:
        self.clock.advance(0.001)
        made = self.client().users.create(user_name=name or f"user-{uuid.uuid4().hex[:8]}@example.com")
        assert made.id
        assert made.user_name
        return Person(made.id, made.user_name, self.token_of(made.id))

    def service_principal(self) -> Person:
        made = self.client().service_principals.create(display_name="pipeline")
        assert made.id
        assert made.application_id
        return Person(made.id, made.application_id, self.token_of(made.id))

    def client(self, token: str | None = None) -> WorkspaceClient:
        """The real SDK, configured by nothing but these values."""
        return WorkspaceClient(config=Config(host=self.url, token=token or self.admin.token, retry_timeout_seconds=5))

    def request(
        self, method: str, path: str, *, token: str | None = None, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """One plain request; `token=""` sends no Authorization, None the admin's."""
        sent = dict(headers)
        if token != "":
            sent.setdefault("Authorization", f"Bearer {token or self.admin.token}")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, _lower(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _lower(error.headers), error.read())

    def authenticate(self, token: str) -> Any:
        return self.tokens.authenticate(Secret(token))


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityWorkspace]:
    """One for each test module; tests make their own principals in it."""
    workspace = IdentityWorkspace(tmp_path_factory.mktemp("identity"))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    workspace.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(workspace.app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
    yield workspace
    server.should_exit = True
    thread.join()
    workspace.database.close()
