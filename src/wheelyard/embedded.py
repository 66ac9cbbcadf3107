"""The composition root of the embedded workspace: settings -> adapters -> services -> app.

`wheelyard up` and the tests build their workspace here, with other adapters where they need them; nothing else knows
how the rooms fit together. Opening is quick: it opens the database and loads nothing.
"""

from __future__ import annotations

import json
import os
import secrets as randomness
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from starlette.types import ASGIApp

from wheelyard.compute.engine import Engine, EngineSettings
from wheelyard.compute.local import LocalEngine
from wheelyard.compute.sandbox import describe_sandbox
from wheelyard.control import (
    clusters,
    command_execution,
    feeds,
    jobs,
    libraries,
    logs,
    oauth,
    permissions,
    probes,
    scim,
    secrets,
    tokens,
    workspace,
)
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.command_execution.service import Commands
from wheelyard.control.feeds.service import Feeds
from wheelyard.control.jobs.service import Jobs
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.logs.service import Logs
from wheelyard.control.oauth.service import OAuth
from wheelyard.control.operation import Room
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.probes.service import Probes
from wheelyard.control.scim.service import Directory
from wheelyard.control.secrets.service import Secrets
from wheelyard.control.tokens.service import Tokens
from wheelyard.control.workspace.service import Workspace
from wheelyard.core.errors import Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.feed.changes import FeedChanges
from wheelyard.http.app import build_app
from wheelyard.http.feed_app import feed_app
from wheelyard.logs import hide_in_logs
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database, sqlite_url
from wheelyard.storage.durable_files import write_durably
from wheelyard.storage.migrations import migrate

__all__ = [
    "ROOMS",
    "EmbeddedWorkspace",
    "Settings",
    "default_cache_dir",
    "default_data_dir",
    "open_workspace",
    "rotate_keys",
]

ROOMS: tuple[Room, ...] = (
    probes.ROOM,
    scim.ROOM,
    tokens.ROOM,
    oauth.ROOM,
    permissions.ROOM,
    secrets.ROOM,
    workspace.ROOM,
    feeds.ROOM,
    clusters.ROOM,
    libraries.ROOM,
    command_execution.ROOM,
    jobs.ROOM,
    logs.ROOM,
)
"""In the order of dependence: a room may call those before it, never those behind it."""


def default_data_dir() -> Path:
    """Where a workspace lies when no folder is named."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wheelyard"


def default_cache_dir() -> Path:
    """Where environments are shared when no folder is named."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wheelyard"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an embedded workspace is built from.

    Args:
        data_dir: folder of this workspace, made with mode 0700; holds the key ring, the database and the blobs.
        cache_dir: environments shared by all workspaces of this user; holds no secret.
        database_url: `postgresql+psycopg://…`, or empty for SQLite in the data folder.
        blobs_url: `s3://…`, `az://…`, `gs://…`, or empty for a folder in the data folder.
        wheelhouse: wheels to build runtime images from, instead of the machine's package index.
        sandbox: see `EngineSettings`.
        admin: user name of the first admin.
        machine_index: index URL of this machine's own pip configuration, which stands for the public index.
        machine_roots: certificate authorities this machine trusts, a PEM file.
    """

    data_dir: Path = field(default_factory=default_data_dir)
    cache_dir: Path = field(default_factory=default_cache_dir)
    database_url: str = ""
    blobs_url: str = ""
    wheelhouse: Path | None = None
    sandbox: Literal["auto", "bubblewrap", "none"] = "auto"
    admin: str = "admin@wheelyard.example"
    machine_index: Secret[str] | None = None
    machine_roots: Path | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What lies in the data folder, opened."""

    database: Database
    blobs: Blobs
    barrier: Barrier
    workspace_id: str


class EmbeddedWorkspace:
    """An opened workspace: its ASGI app, and what whoever serves it must know."""

    def __init__(
        self,
        *,
        app: ASGIApp,
        workspace_id: str,
        admin_token: Secret[str],
        sandbox: str,
        issue_token: Callable[[str], Secret[str]],
        close: Callable[[], None],
    ) -> None:
        self.app = app
        self.workspace_id = workspace_id
        self.admin_token = admin_token
        self.sandbox = sandbox
        self.issue_token = issue_token
        """Makes a token for a principal id without asking whether the caller may: for whoever owns the data folder."""
        self._close = close
        self._closed = False

    def close(self) -> None:
        """Stop compute and write what is left. Closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_workspace(
    settings: Settings, *, url: str, engine: Callable[[EngineSettings], Engine] | None = None
) -> EmbeddedWorkspace:
    """Open the workspace in the data folder, making what is not there yet.

    The caller holds the folder (`serving.FolderLock`). `url` is where the workspace will answer. Whatever ran when an
    earlier process ended is found ended afterwards.
    """
    with ExitStack() as undo:
        stored = _open_stored(settings)
        undo.callback(stored.database.close)
        compute = (engine or _local_engine(settings))(
            EngineSettings(
                folder=settings.data_dir / "compute",
                cache=settings.cache_dir,
                wheelhouse=settings.wheelhouse,
                sandbox=settings.sandbox,
            )
        )
        undo.callback(compute.stop_all)
        services = _Services(stored, compute, url, settings)
        undo.callback(services.close)
        services.recover()
        admin_id = services.directory.bootstrap_admin(settings.admin)
        admin_token = _admin_token(stored, services, settings, admin_id)
        close = undo.pop_all().close
    return EmbeddedWorkspace(
        app=services.app(stored.workspace_id),
        workspace_id=stored.workspace_id,
        admin_token=admin_token,
        sandbox=describe_sandbox(settings.sandbox).text,
        issue_token=lambda principal_id: (
            services.tokens.issue(principal_id, kind="pat", comment="", lifetime_seconds=None).value
        ),
        close=close,
    )


class _Services:
    """Every room's service, wired. The order of construction is the order of `ROOMS`."""

    def __init__(self, stored: _Stored, engine: Engine, url: str, settings: Settings) -> None:
        database, barrier, blobs = stored.database, stored.barrier, stored.blobs
        changes = FeedChanges()
        self.probes = Probes(workspace_id=stored.workspace_id)
        self.directory = Directory(database=database)
        self.tokens = Tokens(database=database, barrier=barrier, directory=self.directory)
        self.oauth = OAuth(database=database, barrier=barrier, directory=self.directory, tokens=self.tokens)
        self.permissions = ObjectPermissions(database=database, directory=self.directory)
        self.secrets = Secrets(
            database=database,
            barrier=barrier,
            directory=self.directory,
            workspace_id=stored.workspace_id,
            on_read=self._hide,
        )
        self.workspace = Workspace(
            database=database, blobs=blobs, permissions=self.permissions, directory=self.directory
        )
        self.feeds = Feeds(
            database=database, blobs=blobs, tokens=self.tokens, directory=self.directory, changes=changes
        )
        self.feed_app = feed_app(
            database=database,
            blobs=blobs,
            gate=self.feeds.admit,
            changes=changes,
            incoming=settings.data_dir / "incoming",
        )
        self.clusters = Clusters(
            database=database,
            engine=engine,
            secrets=self.secrets,
            directory=self.directory,
            tokens=self.tokens,
            permissions=self.permissions,
            log_folder=settings.data_dir / "logs",
            host=lambda: url,
            workspace_id=stored.workspace_id,
        )
        self.libraries = Libraries(database=database, clusters=self.clusters, workspace=self.workspace)
        self.commands = Commands(clusters=self.clusters, workspace=self.workspace)
        self.jobs = Jobs(
            database=database,
            clusters=self.clusters,
            libraries=self.libraries,
            workspace=self.workspace,
            permissions=self.permissions,
            host=lambda: url,
            workspace_id=stored.workspace_id,
        )
        self.logs = Logs(clusters=self.clusters, jobs=self.jobs)
        self.engine = engine

    def _hide(self, caller: Caller, value: Secret[bytes]) -> None:
        self.clusters.hide(caller, value)

    def app(self, workspace_id: str) -> ASGIApp:
        services = (
            self.probes,
            self.directory,
            self.tokens,
            self.oauth,
            self.permissions,
            self.secrets,
            self.workspace,
            self.feeds,
            self.clusters,
            self.libraries,
            self.commands,
            self.jobs,
            self.logs,
        )
        return build_app(
            tuple(zip(ROOMS, services, strict=True)),
            self.tokens,
            feed_app=self.feed_app,
            workspace_id=workspace_id,
            ready=lambda: True,
        )

    def recover(self) -> None:
        """Find ended what an earlier process left running."""
        self.tokens.recover()
        self.workspace.recover()
        self.clusters.recover()
        self.libraries.recover()
        self.jobs.recover()

    def close(self) -> None:
        """From the top down, so that nothing starts what is being stopped."""
        self.jobs.close()
        self.commands.close()
        self.clusters.close()
        self.libraries.close()  # an installation ends with the compute it runs on
        self.feed_app.close()
        self.secrets.close()


def _open_stored(settings: Settings) -> _Stored:
    folder = settings.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    blobs_folder = folder / "blobs"
    database = open_database(settings.database_url or sqlite_url(folder / "wheelyard.db"))
    try:
        migrate(database)
        return _Stored(
            database=database,
            blobs=open_blobs(settings.blobs_url or blobs_folder.as_uri()),
            barrier=Barrier(KeyRing.open(folder / "key-ring.json")),
            workspace_id=_workspace_id(folder / "workspace.json"),
        )
    except BaseException:
        database.close()
        raise


def _local_engine(settings: Settings) -> Callable[[EngineSettings], Engine]:
    return lambda wanted: LocalEngine(
        wanted, machine_index=settings.machine_index, machine_roots=settings.machine_roots
    )


def _workspace_id(path: Path) -> str:
    """The workspace's id, drawn once: sixteen digits, as the live service has them."""
    try:
        return str(json.loads(path.read_text())["workspace_id"])
    except FileNotFoundError:
        drawn = str(10**15 + randomness.randbelow(9 * 10**15))
        write_durably(path, json.dumps({"workspace_id": drawn}).encode())
        return drawn


_ADMIN_TOKEN_CONTEXT = "admin-token"  # noqa: S105 # names what is sealed


def _admin_token(stored: _Stored, services: _Services, settings: Settings, admin_id: str) -> Secret[str]:
    """The first admin's token: the same at every start for as long as it is valid. It is kept sealed."""
    path = settings.data_dir / "admin-token"
    if path.exists():
        kept = Secret(stored.barrier.open(path.read_bytes(), _ADMIN_TOKEN_CONTEXT).reveal().decode())
        try:
            services.tokens.authenticate(kept)
        except Unauthenticated:
            pass
        else:
            hide_in_logs(kept)
            return kept
    issued = services.tokens.issue(admin_id, kind="pat", comment="wheelyard up", lifetime_seconds=None).value
    write_durably(path, stored.barrier.seal(issued.reveal().encode(), _ADMIN_TOKEN_CONTEXT))
    hide_in_logs(issued)
    return issued


def rotate_keys(settings: Settings) -> int:
    """Make a new key and seal every stored value with it; returns how many. The caller holds the data folder."""
    stored = _open_stored(settings)
    try:
        stored.barrier.rotate()
        directory = Directory(database=stored.database)
        service = Secrets(
            database=stored.database, barrier=stored.barrier, directory=directory, workspace_id=stored.workspace_id
        )
        try:
            resealed = service.reseal()
        finally:
            service.close()
        path = settings.data_dir / "admin-token"
        if path.exists():
            write_durably(path, stored.barrier.reseal(path.read_bytes(), _ADMIN_TOKEN_CONTEXT))
            resealed += 1
        return resealed
    finally:
        stored.database.close()
