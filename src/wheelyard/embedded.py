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
    sign_in,
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
from wheelyard.control.package_repositories.addresses import AddressRules
from wheelyard.control.package_repositories.index_check import IndexCheck
from wheelyard.control.package_repositories.service import PackageRepositories
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.probes.service import Probes
from wheelyard.control.scim.service import Directory
from wheelyard.control.secrets.service import Secrets
from wheelyard.control.sign_in.service import LINK_SECONDS, SignIn, link_url
from wheelyard.control.tokens.service import Tokens
from wheelyard.control.workspace.service import Workspace
from wheelyard.core.errors import NotFound, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.orphans import BlobClaims, FeedOrphans
from wheelyard.http.app import build_app
from wheelyard.http.errors import status_of
from wheelyard.http.feed_app import feed_app
from wheelyard.http.metrics import Metrics
from wheelyard.logs import hide_in_logs
from wheelyard.pages.door import Served, Surroundings, serve_pages
from wheelyard.pages.groups import page_groups
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.belonging import bind, check_database
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database, sqlite_url
from wheelyard.storage.durable_files import remove_unfinished, write_durably
from wheelyard.storage.migrations import has_schema, migrate
from wheelyard.storage.sweeping import Sweeper, unfinished

__all__ = [
    "ROOMS",
    "SIGN_IN_LINK_SECONDS",
    "EmbeddedWorkspace",
    "Settings",
    "default_cache_dir",
    "default_data_dir",
    "open_workspace",
    "require_workspace",
    "rotate_keys",
]

ROOMS: tuple[Room, ...] = (
    probes.ROOM,
    scim.ROOM,
    tokens.ROOM,
    oauth.ROOM,
    sign_in.ROOM,
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

SIGN_IN_LINK_SECONDS = LINK_SECONDS
"""How long a link of `EmbeddedWorkspace.sign_in_link` is good."""


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
        database_url: `postgresql+psycopg://…`, or None for SQLite in the data folder.
        blobs_url: `s3://…`, `az://…`, `gs://…`, or empty for a folder in the data folder.
        wheelhouse: wheels to build runtime images from, instead of the machine's package index.
        sandbox: see `EngineSettings`.
        admin: user name of the first admin.
        machine_index: index URL of this machine's own pip configuration, which stands for the public index.
        machine_roots: certificate authorities this machine trusts, a PEM file.
        check_networks: networks and hosts that the check of an index may reach beyond loopback and public addresses.
    """

    data_dir: Path = field(default_factory=default_data_dir)
    cache_dir: Path = field(default_factory=default_cache_dir)
    database_url: Secret[str] | None = None
    blobs_url: str = ""
    wheelhouse: Path | None = None
    sandbox: Literal["auto", "bubblewrap", "none"] = "auto"
    admin: str = "admin@wheelyard.example"
    machine_index: Secret[str] | None = None
    machine_roots: Path | None = None
    check_networks: tuple[str, ...] = ()


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
        sign_in_link: Callable[[], Secret[str] | None],
        close: Callable[[], None],
    ) -> None:
        self.app = app
        self.workspace_id = workspace_id
        self.admin_token = admin_token
        self.sandbox = sandbox
        self.issue_token = issue_token
        """Makes a token for a principal id without asking whether the caller may: for whoever owns the data folder."""
        self.sign_in_link = sign_in_link
        """Makes a link for the first admin, good for `SIGN_IN_LINK_SECONDS`; None once they have a password."""
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
        sign_in_link=lambda: _first_link(services.sign_in, admin_id, url),
        close=close,
    )


class _Services:
    """Every room's service, wired. The order of construction is the order of `ROOMS`."""

    def __init__(self, stored: _Stored, engine: Engine, url: str, settings: Settings) -> None:
        database, barrier, blobs = stored.database, stored.barrier, stored.blobs
        changes, claims = FeedChanges(), BlobClaims()
        self.probes = Probes(workspace_id=stored.workspace_id)
        self.directory = Directory(database=database)
        self.tokens = Tokens(database=database, barrier=barrier, directory=self.directory)
        self.oauth = OAuth(database=database, barrier=barrier, directory=self.directory, tokens=self.tokens)
        self.sign_in = SignIn(database=database, barrier=barrier, directory=self.directory, tokens=self.tokens)
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
            claims=claims,
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
        self.repositories = PackageRepositories(
            secrets=self.secrets,
            clusters=self.clusters,
            workspace=self.workspace,
            index_check=IndexCheck(AddressRules.parse(settings.check_networks), settings.machine_roots),
        )
        self.engine = engine
        self.sweeper = Sweeper(
            {
                "feeds' files": FeedOrphans(database=database, blobs=blobs, claims=claims).sweep,
                "workspace's contents": self.workspace.sweep,
                "unfinished blobs": unfinished(blobs),
            }
        )

    def _hide(self, caller: Caller, value: Secret[bytes]) -> None:
        self.clusters.hide(caller, value)

    def app(self, workspace_id: str) -> ASGIApp:
        services = (
            self.probes,
            self.directory,
            self.tokens,
            self.oauth,
            self.sign_in,
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
        metrics = Metrics()
        pages = self._pages(workspace_id, metrics)
        return build_app(
            tuple(zip(ROOMS, services, strict=True)),
            self.tokens,
            feed_app=self.feed_app,
            workspace_id=workspace_id,
            ready=lambda: True,
            routes=pages.routes,
            missing_page=pages.missing,
            metrics=metrics,
        )

    def _pages(self, workspace_id: str, metrics: Metrics) -> Served:
        around = Surroundings(
            sign_in=self.sign_in,
            workspace_id=workspace_id,
            admins=self.directory.admins,
            status_of=status_of,
            record=metrics.record,
        )
        return serve_pages(page_groups(self.sign_in, self.repositories), around)

    def recover(self) -> None:
        """Find ended what an earlier process left running."""
        self.tokens.recover()
        self.sign_in.recover()
        self.workspace.recover()
        self.clusters.recover()
        self.libraries.recover()
        self.jobs.recover()
        self.sweeper.start()

    def close(self) -> None:
        """From the top down, so that nothing starts what is being stopped."""
        self.sweeper.close()
        self.jobs.close()
        self.commands.close()
        self.clusters.close()
        self.libraries.close()  # an installation ends with the compute it runs on
        self.feed_app.close()
        self.secrets.close()


def _open_stored(settings: Settings) -> _Stored:
    folder = settings.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_unfinished(folder)
    database = _open_database(settings)
    try:
        migrate(database)
        blobs = open_blobs(settings.blobs_url or (folder / "blobs").as_uri())
        workspace_id = _workspace_id(folder / _ID_FILE)
        bind(workspace_id, database, blobs)
        return _Stored(database, blobs, Barrier(KeyRing.open(folder / _KEY_RING_FILE)), workspace_id)
    except BaseException:
        database.close()
        raise


def _open_database(settings: Settings) -> Database:
    if settings.database_url is None:
        return open_database(sqlite_url(settings.data_dir / _DATABASE_FILE))
    hide_in_logs(settings.database_url)
    return open_database(settings.database_url.reveal())


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


_ID_FILE, _KEY_RING_FILE, _DATABASE_FILE = "workspace.json", "key-ring.json", "wheelyard.db"
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


def _first_link(sign_in: SignIn, admin_id: str, url: str) -> Secret[str] | None:
    if sign_in.has_password(admin_id):
        return None
    link = sign_in.new_link(admin_id).value
    hide_in_logs(link)
    return link_url(url, link)


def require_workspace(settings: Settings) -> None:
    """Check, without making anything, that the data folder holds a workspace whose database is where it is looked for.

    Raises:
        NotFound: it does not.
    """
    folder = settings.data_dir
    if not (folder / _ID_FILE).exists() or not (folder / _KEY_RING_FILE).exists():
        raise NotFound(
            f"There is no workspace in `{folder}`",
            reference="no-workspace",
            unchanged="nothing was changed",
            hint="name its folder with --data-dir",
        )
    if settings.database_url is None and not (folder / _DATABASE_FILE).exists():
        raise _no_database(f"`{folder}`")


def rotate_keys(settings: Settings) -> int:
    """Make a new key and seal every stored value with it; returns how many. The caller holds the data folder.

    Raises:
        NotFound: the data folder or the database holds no workspace.
        InvalidState: the database is another workspace's.
    """
    require_workspace(settings)
    database = _open_database(settings)
    try:
        workspace_id = _workspace_id(settings.data_dir / _ID_FILE)
        if not has_schema(database):
            raise _no_database("the database that was named")
        migrate(database)
        if not check_database(workspace_id, database):
            raise _no_database("the database that was named")
        barrier = Barrier(KeyRing.open(settings.data_dir / _KEY_RING_FILE))
        barrier.rotate()
        return _reseal(database, barrier, workspace_id) + _reseal_admin_token(settings, barrier)
    finally:
        database.close()


def _reseal(database: Database, barrier: Barrier, workspace_id: str) -> int:
    directory = Directory(database=database)
    service = Secrets(database=database, barrier=barrier, directory=directory, workspace_id=workspace_id)
    try:
        return service.reseal()
    finally:
        service.close()


def _reseal_admin_token(settings: Settings, barrier: Barrier) -> int:
    path = settings.data_dir / "admin-token"
    if not path.exists():
        return 0
    write_durably(path, barrier.reseal(path.read_bytes(), _ADMIN_TOKEN_CONTEXT))
    return 1


def _no_database(where: str) -> NotFound:
    return NotFound(
        f"The workspace's database is not in {where}",
        reference="no-workspace",
        unchanged="nothing was changed",
        hint="name the database that the workspace was made with: WHEELYARD_DATABASE_URL, or --database",
    )
