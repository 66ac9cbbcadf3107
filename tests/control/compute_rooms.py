"""The rooms that start compute, on real identities, secrets, files and permissions, served over real HTTP; only the
engine is another one."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from starlette.types import ASGIApp
from tests.control.instant_engine import InstantEngine
from tests.databases import database_with_tables

from wheelyard.control import (
    clusters,
    command_execution,
    jobs,
    libraries,
    logs,
    permissions,
    probes,
    scim,
    secrets,
    tokens,
    workspace,
)
from wheelyard.control.caller import Caller
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.defaults import PackageRepositorySwitches
from wheelyard.http.app import build_app
from wheelyard.storage.backends import open_blobs
from wheelyard.storage.barrier import Barrier, KeyRing

WORKSPACE_ID = "7405605123456789"
RUNTIME = "15.4.x-scala2.12"


@dataclass(frozen=True)
class Person:
    principal_id: str
    name: str
    token: str


class ComputeRooms:
    """One process's worth of services on a data folder; make another one on the same folder to restart."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.engine = InstantEngine()
        self.switches = PackageRepositorySwitches()
        self.database = database_with_tables(folder / "rooms.db")
        barrier = Barrier(KeyRing.open(folder / "keys.json"))
        self.directory = scim.Directory(database=self.database)
        self.tokens = tokens.Tokens(database=self.database, barrier=barrier, directory=self.directory)
        self.permissions = permissions.ObjectPermissions(database=self.database, directory=self.directory)
        self.secrets = secrets.Secrets(
            database=self.database,
            barrier=barrier,
            directory=self.directory,
            workspace_id=WORKSPACE_ID,
            on_read=self._hide,
        )
        (folder / "blobs").mkdir(exist_ok=True)
        self.workspace = workspace.Workspace(
            database=self.database,
            blobs=open_blobs((folder / "blobs").as_uri()),
            permissions=self.permissions,
            directory=self.directory,
        )
        self.clusters = clusters.Clusters(
            database=self.database,
            engine=self.engine,
            secrets=self.secrets,
            directory=self.directory,
            tokens=self.tokens,
            permissions=self.permissions,
            log_folder=folder / "logs",
            host=lambda: self.url,
            workspace_id=WORKSPACE_ID,
            switches=lambda: self.switches,
        )
        self.libraries = libraries.Libraries(database=self.database, clusters=self.clusters, workspace=self.workspace)
        self.commands = command_execution.Commands(clusters=self.clusters, workspace=self.workspace)
        self.jobs = jobs.Jobs(
            database=self.database,
            clusters=self.clusters,
            libraries=self.libraries,
            workspace=self.workspace,
            permissions=self.permissions,
            host=lambda: self.url,
            workspace_id=WORKSPACE_ID,
        )
        self.logs = logs.Logs(clusters=self.clusters, jobs=self.jobs)
        admin_id = self.directory.bootstrap_admin("admin@example.com")
        self.admin = Person(admin_id, "admin@example.com", self.token_of(admin_id))

    def _hide(self, caller: Caller, value: Secret[bytes]) -> None:
        self.clusters.hide(caller, value)

    @property
    def app(self) -> ASGIApp:
        return build_app(
            [
                (probes.ROOM, probes.Probes(workspace_id=WORKSPACE_ID)),
                (scim.ROOM, self.directory),
                (permissions.ROOM, self.permissions),
                (secrets.ROOM, self.secrets),
                (workspace.ROOM, self.workspace),
                (clusters.ROOM, self.clusters),
                (libraries.ROOM, self.libraries),
                (command_execution.ROOM, self.commands),
                (jobs.ROOM, self.jobs),
                (logs.ROOM, self.logs),
            ],
            self.tokens,
            feed_app=None,
            workspace_id=WORKSPACE_ID,
            ready=lambda: True,
        )

    def recover(self) -> None:
        self.workspace.recover()
        self.tokens.recover()
        self.clusters.recover()
        self.libraries.recover()
        self.jobs.recover()

    def close(self) -> None:
        self.jobs.close()
        self.commands.close()
        self.clusters.close()
        self.libraries.close()
        self.secrets.close()
        self.database.close()

    # -- to be somebody

    def token_of(self, principal_id: str) -> str:
        return self.tokens.issue(principal_id, kind="pat", lifetime_seconds=None).value.reveal()

    def user(self, *entitlements: str) -> Person:
        made = self.client().api_client.do(
            "POST",
            "/api/2.0/preview/scim/v2/Users",
            body={
                "userName": f"user-{uuid.uuid4().hex[:8]}@example.com",
                "entitlements": [{"value": entitlement} for entitlement in entitlements],
            },
        )
        return Person(str(made["id"]), str(made["userName"]), self.token_of(str(made["id"])))

    def client(self, person: Person | None = None) -> WorkspaceClient:
        """The real SDK, configured by nothing but these values."""
        token = (person or self.admin).token
        return WorkspaceClient(config=Config(host=self.url, token=token, retry_timeout_seconds=5))

    def call(self, method: str, path: str, body: Any = None, person: Person | None = None) -> tuple[int, Any]:
        """One plain request: status and decoded answer."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {(person or self.admin).token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    # -- shortcuts

    def cluster(self, person: Person | None = None, **spec: Any) -> str:
        """A running cluster of this person's."""
        body = {"spark_version": RUNTIME, "num_workers": 0, "node_type_id": "m.small", **spec}
        status, answer = self.call("POST", "/api/2.1/clusters/create", body, person)
        assert status == 200, answer
        cluster_id = str(answer["cluster_id"])
        self.until(lambda: self.state(cluster_id) == "RUNNING")
        return cluster_id

    def state(self, cluster_id: str) -> str:
        return str(self.details(cluster_id)["state"])

    def details(self, cluster_id: str) -> dict[str, Any]:
        status, answer = self.call("GET", f"/api/2.1/clusters/get?cluster_id={cluster_id}")
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found

    @staticmethod
    def until(condition: Callable[[], bool]) -> None:
        """Wait for something that must happen; the test's own timeout ends a wait for what does not."""
        while not condition():
            time.sleep(0.01)


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


class Server:
    """Serves whatever rooms it is given, on one address."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(self._app, log_config=None, access_log=False, lifespan="off", interface="asgi3")
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="rooms-server", daemon=True
        )
        self.app: ASGIApp | None = None
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def rooms(tmp_path: Path, server: Server) -> Iterator[ComputeRooms]:
    """Fresh rooms for each test."""
    made = ComputeRooms(tmp_path, server.url)
    made.recover()
    server.app = made.app
    yield made
    made.close()
