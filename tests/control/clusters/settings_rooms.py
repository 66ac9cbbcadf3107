"""The rooms that settings pages and `wheelyard explain` ask about clusters, on whatever engine, over real HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from tests.control.compute_rooms import RUNTIME, WORKSPACE_ID
from tests.databases import database_with_tables
from tests.security.secrets_made import remember

from wheelyard.compute.engine import Engine
from wheelyard.control import clusters, feeds, permissions, probes, scim, secrets, tokens, workspace
from wheelyard.control.caller import Caller
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import KEYS
from wheelyard.core.rules.defaults import PackageRepositorySwitches
from wheelyard.feed.changes import FeedChanges
from wheelyard.http.app import build_app
from wheelyard.storage.backends import open_blobs
from wheelyard.storage.barrier import Barrier, KeyRing

ADMIN = "admin@example.com"


@dataclass
class Somebody:
    """A principal."""

    principal_id: str
    name: str
    token: str
    url: str

    @cached_property
    def client(self) -> WorkspaceClient:
        """The real SDK, configured by nothing but these values."""
        return WorkspaceClient(config=Config(host=self.url, token=self.token, retry_timeout_seconds=5))


class SettingsRooms:
    """One process's worth of services on a data folder."""

    def __init__(self, folder: Path, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self.switches = PackageRepositorySwitches()
        self.database = database_with_tables(folder / "rooms.db")
        barrier = Barrier(KeyRing.open(folder / "keys.json"))
        (folder / "blobs").mkdir()
        blobs = open_blobs((folder / "blobs").as_uri())
        self.directory = scim.Directory(database=self.database)
        self.tokens = tokens.Tokens(database=self.database, barrier=barrier, directory=self.directory)
        self.permissions = permissions.ObjectPermissions(database=self.database, directory=self.directory)
        self.secrets = secrets.Secrets(
            database=self.database, barrier=barrier, directory=self.directory, workspace_id=WORKSPACE_ID
        )
        self.workspace = workspace.Workspace(
            database=self.database, blobs=blobs, permissions=self.permissions, directory=self.directory
        )
        self.feeds = feeds.Feeds(
            database=self.database,
            blobs=blobs,
            tokens=self.tokens,
            directory=self.directory,
            changes=FeedChanges(),
        )
        self.clusters = clusters.Clusters(
            database=self.database,
            engine=engine,
            secrets=self.secrets,
            directory=self.directory,
            tokens=self.tokens,
            permissions=self.permissions,
            log_folder=folder / "logs",
            host=lambda: self.url,
            workspace_id=WORKSPACE_ID,
            switches=lambda: self.switches,
        )
        self.app = build_app(
            [
                (probes.ROOM, probes.Probes(workspace_id=WORKSPACE_ID)),
                (scim.ROOM, self.directory),
                (permissions.ROOM, self.permissions),
                (secrets.ROOM, self.secrets),
                (workspace.ROOM, self.workspace),
                (feeds.ROOM, self.feeds),
                (clusters.ROOM, self.clusters),
            ],
            self.tokens,
            feed_app=None,
            workspace_id=WORKSPACE_ID,
            ready=lambda: True,
        )
        self.workspace.recover()
        self.admin = self._somebody(self.directory.bootstrap_admin(ADMIN), ADMIN)

    def close(self) -> None:
        self.clusters.close()
        self.secrets.close()
        self.database.close()

    # -- to be somebody

    def user(self, *entitlements: str) -> Somebody:
        made: Any = self.admin.client.api_client.do(
            "POST",
            "/api/2.0/preview/scim/v2/Users",
            body={
                "userName": f"user-{uuid.uuid4().hex[:8]}@example.com",
                "entitlements": [{"value": entitlement} for entitlement in entitlements],
            },
        )
        return self._somebody(str(made["id"]), str(made["userName"]))

    def creator(self) -> Somebody:
        """A user who is no admin and may create clusters."""
        return self.user("allow-cluster-create")

    def caller(self, somebody: Somebody | None = None) -> Caller:
        return self.directory.caller((somebody or self.admin).principal_id)

    def _somebody(self, principal_id: str, name: str) -> Somebody:
        token = self.tokens.issue(principal_id, kind="pat", lifetime_seconds=None).value.reveal()
        remember(token)
        return Somebody(principal_id, name, token, self.url)

    # -- to set something up

    def set_default(self, values: Mapping[str, str], readers: tuple[str, ...] = ("users",)) -> None:
        """Make the stored default exactly these keys, with these readers."""
        client, scope = self.admin.client, str(RESERVED_SCOPE)
        if scope not in {found.name for found in client.secrets.list_scopes()}:
            client.secrets.create_scope(scope)
            for reader in readers:
                client.api_client.do(
                    "POST",
                    "/api/2.0/secrets/acls/put",
                    body={"scope": scope, "principal": reader, "permission": "READ"},
                )
        for key in {str(found.key) for found in client.secrets.list_secrets(scope)} & set(KEYS) - values.keys():
            client.secrets.delete_secret(scope, key)
        for key, value in values.items():
            client.secrets.put_secret(scope, key, string_value=value)

    def secret(self, scope: str, key: str, value: str, owner: Somebody | None = None) -> str:
        """Store a secret in a scope of the owner's; returns the reference to it."""
        client = (owner or self.admin).client
        if scope not in {found.name for found in client.secrets.list_scopes()}:
            client.secrets.create_scope(scope)
        client.secrets.put_secret(scope, key, string_value=value)
        return f"{{{{secrets/{scope}/{key}}}}}"

    def cluster(self, owner: Somebody | None = None, *, running: bool = True, **spec: Any) -> str:
        """A cluster of this person's that runs, or one whose start has ended somehow."""
        body = {"spark_version": RUNTIME, "num_workers": 0, "cluster_name": f"c-{uuid.uuid4().hex[:6]}", **spec}
        made: Any = (owner or self.admin).client.api_client.do("POST", "/api/2.1/clusters/create", body=body)
        cluster_id = str(made["cluster_id"])
        self.until(lambda: self.state(cluster_id) in {"RUNNING", "TERMINATED"})
        assert not running or self.state(cluster_id) == "RUNNING", self.clusters.logs.read(cluster_id, "startup")
        return cluster_id

    def share(self, cluster_id: str, somebody: Somebody, level: str) -> None:
        entry = {"user_name": somebody.name, "permission_level": level}
        path = f"/api/2.0/permissions/clusters/{cluster_id}"
        self.admin.client.api_client.do("PATCH", path, body={"access_control_list": [entry]})

    def restart(self, cluster_id: str) -> None:
        self.admin.client.clusters.restart(cluster_id)
        self.until(lambda: self.state(cluster_id) != "RESTARTING")

    def state(self, cluster_id: str) -> str:
        return self.clusters.records.get(cluster_id).state.value

    @staticmethod
    def until(condition: Callable[[], bool]) -> None:
        """Wait for something that must happen; the test's own timeout ends a wait for what does not."""
        while not condition():
            time.sleep(0.01)
