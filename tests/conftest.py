"""What many tests share: a running workspace, and principals to call it as."""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from tests.conformance.postgres import find_binaries, postgresql_server
from tests.databases import on_postgresql, served_database
from tests.object_store import s3_service
from tests.security.secrets_made import remember

from wheelyard.embedded import Settings
from wheelyard.logs import configure_logging
from wheelyard.serving import RunningWorkspace

if TYPE_CHECKING:
    from tests.security.token_leak_sweep import Sweep  # at run time pytest loads it, as a plugin

pytest_plugins = ["tests.security.token_leak_sweep"]

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
WHEELHOUSE = Path(os.environ.get("WHEELYARD_WHEELHOUSE") or TOOLS / "wheelhouse")
CACHE = Path(os.environ.get("WHEELYARD_CACHE_DIR") or TOOLS / "cache")

_counter = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, error or not."""

    status: int
    headers: Message
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Workspace:
    """A running workspace as a client sees it."""

    host: str
    admin_token: str = field(repr=False)
    workspace_id: str
    data_dir: Path
    running: RunningWorkspace | None = None

    def client(self, token: str | None = None) -> WorkspaceClient:
        """The real SDK, configured by nothing but these two values."""
        return WorkspaceClient(
            config=Config(
                host=self.host, token=token or self.admin_token, retry_timeout_seconds=10, http_timeout_seconds=60
            )
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One plain HTTP request; `token=""` sends no Authorization, None the admin's."""
        sent = dict(headers or {})
        if token != "":
            sent.setdefault("Authorization", f"Bearer {token or self.admin_token}")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.host + path, data=data, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def user(self, *, entitlements: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> tuple[str, str]:
        """Make a user; returns user name and a token of theirs."""
        admin = self.client()
        name = f"user{next(_counter)}-{uuid.uuid4().hex[:6]}@example.com"
        made = admin.api_client.do(
            "POST",
            "/api/2.0/preview/scim/v2/Users",
            body={"userName": name, "entitlements": [{"value": entitlement} for entitlement in entitlements]},
        )
        return name, self._token_for(str(made["id"]), groups)

    def service_principal(self, *, entitlements: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> tuple[str, str]:
        """Make a service principal; returns application id and a token of its own."""
        made = self.client().api_client.do(
            "POST",
            "/api/2.0/preview/scim/v2/ServicePrincipals",
            body={
                "displayName": f"sp-{next(_counter)}",
                "entitlements": [{"value": entitlement} for entitlement in entitlements],
            },
        )
        principal_id, name = str(made["id"]), str(made["applicationId"])
        return name, self._token_for(principal_id, groups)

    def _token_for(self, principal_id: str, groups: tuple[str, ...]) -> str:
        admin = self.client()
        for group in groups:
            found = list(admin.groups.list(filter=f'displayName eq "{group}"'))
            group_id = found[0].id if found else admin.groups.create(display_name=group).id
            admin.api_client.do(
                "PATCH",
                f"/api/2.0/preview/scim/v2/Groups/{group_id}",
                body={
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{"op": "add", "path": "members", "value": [{"value": principal_id}]}],
                },
            )
        assert self.running is not None
        token = self.running.workspace.issue_token(principal_id)
        remember(token)
        return token.reveal()


@pytest.fixture(scope="session", autouse=True)
def server_log(tmp_path_factory: pytest.TempPathFactory, leak_sweep: Sweep) -> Iterator[Path]:
    """What the workspaces of this session log, in a file that can be searched for what must not be there."""
    path = tmp_path_factory.mktemp("log") / "server.log"
    leak_sweep.add(path)
    with path.open("w") as stream:
        configure_logging("debug", stream)
        yield path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgresql", action="store_true", help="put the tests' workspaces on a private PostgreSQL server"
    )


@pytest.fixture(scope="session", autouse=True)
def _database_server(request: pytest.FixtureRequest) -> Iterator[None]:
    with on_postgresql() if request.config.getoption("--postgresql") else nullcontext():
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a private server's database."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgresql_server(binaries) as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[Callable[[], str]]:
    """Makes URLs of empty blob stores on a private S3 service."""
    with s3_service() as new_store:
        yield new_store


@pytest.fixture(scope="session", autouse=True)
def _hermetic_clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The SDK and CLI find no profile, and no variable, of whoever runs the tests."""
    kept = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.startswith(("DATABRICKS_", "WHEELYARD_TEST_", "WHEELYARD_DATABASE_URL"))
    }
    os.environ["DATABRICKS_CONFIG_FILE"] = str(tmp_path_factory.mktemp("config") / "databrickscfg")
    yield
    os.environ.pop("DATABRICKS_CONFIG_FILE", None)
    os.environ.update(kept)


def settings_for(data_dir: Path, **changes: Any) -> Settings:
    """Settings as the tests use them: environments from the wheelhouse, never from an index."""
    changes.setdefault("database_url", served_database(data_dir / "wheelyard.db"))
    return Settings(data_dir=data_dir, cache_dir=CACHE, wheelhouse=WHEELHOUSE, **changes)


@pytest.fixture(scope="session")
def start_workspace(tmp_path_factory: pytest.TempPathFactory, leak_sweep: Sweep) -> Iterator[Callable[..., Workspace]]:
    """Start further workspaces: `start_workspace(data_dir=…, **settings)`; all end with the test session."""
    started: list[RunningWorkspace] = []

    def start(data_dir: Path | None = None, **changes: Any) -> Workspace:
        folder = data_dir or tmp_path_factory.mktemp("workspace")
        leak_sweep.watch(folder)
        running = RunningWorkspace(settings_for(folder, **changes))
        started.append(running)
        running.__enter__()
        return as_workspace(running, folder)

    yield start
    for running in started:
        running.close()


def as_workspace(running: RunningWorkspace, folder: Path) -> Workspace:
    token = running.workspace.admin_token.reveal()
    remember(token)
    return Workspace(running.url, token, running.workspace.workspace_id, folder, running)


@pytest.fixture(scope="session")
def workspace(start_workspace: Callable[..., Workspace]) -> Workspace:
    """One embedded workspace for the whole session; tests make their own names in it."""
    return start_workspace()
