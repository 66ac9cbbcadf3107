"""The workspace that the pages' tests share, and what they set up in it behind the pages' back."""

from __future__ import annotations

import base64
import itertools
import re
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import AclPermission
from tests.conftest import Workspace
from tests.control.instant_engine import InstantEngine
from tests.feed.conftest import multipart, upload_fields, wheel
from tests.security.secrets_made import remember

from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, KEYS

__all__ = [
    "CERTIFICATE_KEY",
    "EXTRA_INDEX_URLS_KEY",
    "INDEX_URL_KEY",
    "PAGE",
    "RUNTIME",
    "Yard",
    "fresh_token",
    "private_feed",
    "with_credentials",
]

PAGE = "/settings/compute/default-package-repositories"
RUNTIME = "15.4.x-scala2.12"

_SCOPE = str(RESERVED_SCOPE)
_counter = itertools.count(1)


def fresh_token(prefix: str = "tok") -> str:
    """A credential that stands nowhere else and that the leak sweep looks for."""
    made = f"{prefix}-{uuid.uuid4().hex}"
    remember(made)
    return made


@dataclass(frozen=True)
class Yard:
    """A running workspace. Its engine is the one below, or a real one that nobody needs to touch."""

    workspace: Workspace
    engine: InstantEngine = field(default_factory=InstantEngine)

    @property
    def host(self) -> str:
        return self.workspace.host

    @property
    def admin_token(self) -> str:
        return self.workspace.admin_token

    @property
    def admin_name(self) -> str:
        return str(self.client().current_user.me().user_name)

    def client(self, token: str | None = None) -> WorkspaceClient:
        return self.workspace.client(token)

    # -- the workspace default

    def store(self, values: Mapping[str, str] | None = None, *, token: str | None = None) -> None:
        """Make the stored default exactly this."""
        client = self.client(token)
        if _SCOPE not in {found.name for found in client.secrets.list_scopes()}:
            client.secrets.create_scope(_SCOPE)
            client.secrets.put_acl(_SCOPE, "users", AclPermission.READ)
            client.secrets.put_acl(_SCOPE, "admins", AclPermission.MANAGE)
        for found in client.secrets.list_secrets(_SCOPE):
            if found.key not in (values or {}):
                client.secrets.delete_secret(_SCOPE, str(found.key))
        for key, value in (values or {}).items():
            remember(value)
            client.secrets.put_secret(_SCOPE, key, string_value=value)

    def stored(self) -> dict[str, str]:
        """What is stored, by key."""
        client, found = self.client(), {}
        if _SCOPE not in {one.name for one in client.secrets.list_scopes()}:
            return {}
        for one in client.secrets.list_secrets(_SCOPE):
            if one.key in KEYS:
                found[str(one.key)] = self.secret(str(one.key))
        return found

    def secret(self, key: str) -> str:
        """One stored value."""
        value = self.client().secrets.get_secret(_SCOPE, key).value
        return base64.b64decode(value or "").decode()

    # -- people

    def another_admin(self) -> tuple[str, str]:
        """User name and token of a second admin."""
        return self.workspace.user(groups=("admins",))

    def set_password(self, user_name: str, password: str) -> None:
        """Through a one-time link, as a person would, without a browser."""
        made = self.workspace.request("POST", "/api/2.0/wheelyard/sign-in-links", body={"user_name": user_name})
        assert made.status == 200, made.content
        link = urllib.parse.parse_qs(urllib.parse.urlsplit(made.json["url"]).query)["link"][0]
        form = urllib.parse.urlencode({"link": link, "password": password, "again": password}).encode()
        request = urllib.request.Request(f"{self.host}/sign-in/link", data=form)
        opener = urllib.request.build_opener(_Stay)
        with opener.open(request, timeout=30) as answer:
            assert answer.status == 303, answer.status

    # -- compute and feeds

    def cluster(self, name: str = "", **spec: Any) -> str:
        """A running cluster's id."""
        body = {
            "spark_version": RUNTIME,
            "num_workers": 0,
            "node_type_id": "m5.large",
            "cluster_name": name or f"etl-{next(_counter)}",
            **spec,
        }
        made: Any = self.client().api_client.do("POST", "/api/2.1/clusters/create", body=body)
        cluster_id = str(made["cluster_id"])
        self.until(lambda: self.state(cluster_id) == "RUNNING")
        return cluster_id

    def state(self, cluster_id: str) -> str:
        state = self.client().clusters.get(cluster_id).state
        return state.value if state else ""

    def without_clusters(self) -> None:
        """End and forget every cluster."""
        for one in self.client().clusters.list():
            self.client().clusters.permanent_delete(str(one.cluster_id))

    def feed(self, *packages: str) -> tuple[str, str]:
        """A new private feed with version 1.0 of these packages; its index URL without credentials, and a token."""
        return private_feed(self.workspace, *packages)

    @staticmethod
    def until(condition: Callable[[], bool]) -> None:
        """Wait for something that must happen; the test's own timeout ends a wait for what does not."""
        while not condition():
            time.sleep(0.02)


def private_feed(workspace: Workspace, *packages: str) -> tuple[str, str]:
    """A new private feed of a workspace; see `Yard.feed`."""
    feeds = "/api/2.0/wheelyard/feeds"
    made = workspace.request("POST", feeds, body={"name": f"team-{uuid.uuid4().hex[:8]}"}).json
    for package in packages:
        filename, content = wheel(package)
        kind, body = multipart(upload_fields(filename, content), filename, content)
        path = made["upload_url"].removeprefix(workspace.host)
        answer = workspace.request("POST", path, body=body, headers={"Content-Type": kind})
        assert answer.status == 200, answer.content
    issued = workspace.request("POST", f"{feeds}/{made['feed_id']}/tokens", body={"scope": "read"}).json
    remember(issued["token_value"])
    index_url = made["index_url"]
    return (index_url if "://" in index_url else workspace.host + index_url), issued["token_value"]


def with_credentials(url: str, token: str, user: str = "build") -> str:
    """The URL as a secret holds it."""
    return re.sub("://", f"://{user}:{token}@", url, count=1)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Takes a redirect as the answer."""

    def http_error_303(self, _request: Any, stream: Any, *_rest: Any) -> Any:
        return stream
