"""A whole embedded workspace whose compute does nothing, and five callers of it."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.databases import served_database

from wheelyard.compute.engine import (
    CellResult,
    Compute,
    Identity,
    InstallResult,
    LaunchSpec,
    OnLine,
    Output,
    ProcessResult,
    Session,
    StagedFile,
)
from wheelyard.core.redaction import Secret
from wheelyard.embedded import EmbeddedWorkspace, Settings, open_workspace


class QuietSession:
    """A notebook session in which every cell ends at once."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id

    def execute(self, source: str, on_output: Callable[[Output], None] | None = None) -> CellResult:  # noqa: ARG002 # the interface
        return CellResult("ok")

    def stage(self, files: Sequence[StagedFile]) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class QuietCompute:
    """Compute that is ready at once and does nothing."""

    def __init__(self, compute_id: str) -> None:
        self.compute_id = compute_id
        self._sessions = itertools.count(1)

    def install(
        self,
        requirement: Sequence[str],  # noqa: ARG002 # the interface
        *,
        index_url: Secret[str] | None,  # noqa: ARG002 # the interface
        on_line: OnLine,  # noqa: ARG002 # the interface
        files: Sequence[StagedFile] = (),  # noqa: ARG002 # the interface
    ) -> InstallResult:
        return InstallResult(())

    def refresh(self) -> None:
        pass

    def open_session(
        self,
        identity: Identity,  # noqa: ARG002 # the interface
        *,
        parameters: Mapping[str, str],  # noqa: ARG002 # the interface
        cwd: str = "",  # noqa: ARG002 # the interface
        files: Sequence[StagedFile] = (),  # noqa: ARG002 # the interface
    ) -> Session:
        return QuietSession(f"{self.compute_id}-{next(self._sessions)}")

    def run(
        self,
        identity: Identity,  # noqa: ARG002 # the interface
        program: Sequence[str],  # noqa: ARG002 # the interface
        *,
        on_line: OnLine,  # noqa: ARG002 # the interface
        cancelled: Callable[[], bool],  # noqa: ARG002 # the interface
        timeout_seconds: float | None = None,  # noqa: ARG002 # the interface
        files: Sequence[StagedFile] = (),  # noqa: ARG002 # the interface
    ) -> ProcessResult:
        return ProcessResult(0)

    def hide(self, secret: Secret[str]) -> None:
        pass

    def idle_seconds(self) -> float:
        return 0.0

    def stop(self) -> None:
        pass


class QuietEngine:
    """An engine for tests that are about who may ask, not about what runs."""

    def start(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        on_line("started")
        return QuietCompute(spec.compute_id)

    def sweep(self) -> Sequence[str]:
        return ()

    def stop(self, compute_id: str) -> None:
        pass

    def stop_all(self) -> None:
        pass


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content or b"{}")


@dataclass(frozen=True)
class Known:
    """A caller of the matrix; `name` is what stands in ACLs."""

    label: str
    principal_id: str
    name: str
    token: str


class Swept:
    """The workspace on a port."""

    def __init__(self, workspace: EmbeddedWorkspace, port: int) -> None:
        self.workspace = workspace
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.counter = itertools.count(1)
        self.admin_token = workspace.admin_token.reveal()

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, form: bool = False) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        if token != "":
            headers["Authorization"] = f"Bearer {self.admin_token if token is None else token}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def made(self, method: str, path: str, body: Any = None) -> Any:
        """What the admin was answered; the call must succeed."""
        answer = self.call(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer.json

    def user(self, name: str) -> Known:
        made = self.made("POST", "/api/2.0/preview/scim/v2/Users", {"userName": name})
        return Known(name.partition("@")[0], made["id"], name, self.workspace.issue_token(made["id"]).reveal())

    def service_principal(self, label: str) -> Known:
        made = self.made("POST", "/api/2.0/preview/scim/v2/ServicePrincipals", {"displayName": label})
        return Known(label, made["id"], made["applicationId"], self.workspace.issue_token(made["id"]).reveal())


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = int(bound.getsockname()[1])
    settings = Settings(
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        database_url=served_database(folder / "wheelyard.db"),
        sandbox="none",
    )
    workspace = open_workspace(settings, url=f"http://127.0.0.1:{port}", engine=lambda _settings: QuietEngine())
    server = uvicorn.Server(uvicorn.Config(workspace.app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
    yield Swept(workspace, port)
    server.should_exit = True
    thread.join()
    workspace.close()
