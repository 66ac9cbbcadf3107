"""Clusters over the REST API, as an impatient client: every state is asked for each few milliseconds."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bench.served import Served

__all__ = ["RUNTIME", "Cluster", "Context", "put_file", "put_secret", "start_cluster"]

RUNTIME = "15.4"
_EVERY_SECONDS = 0.005
_PATIENCE_SECONDS = 300.0
_CLUSTERS, _LIBRARIES, _COMMANDS = "/api/2.1/clusters", "/api/2.0/libraries", "/api/1.2"


@dataclass(frozen=True, slots=True)
class Context:
    """An execution context of a cluster: one notebook's Python."""

    workspace: Served
    cluster_id: str
    context_id: str

    def run(self, source: str) -> str:
        """Run one command and return its text.

        Raises:
            RuntimeError: it ended with an error.
        """
        where = {"clusterId": self.cluster_id, "contextId": self.context_id}
        told = {**where, "language": "python", "command": source}
        command = self.workspace.ask("POST", f"{_COMMANDS}/commands/execute", told)
        query = urlencode({**where, "commandId": command["id"]})
        path = f"{_COMMANDS}/commands/status?{query}"
        done = _poll(self.workspace, path, lambda found: found["status"] in {"Finished", "Error", "Cancelled"})
        results = done.get("results") or {}
        if done["status"] != "Finished" or results.get("resultType") == "error":
            raise RuntimeError(f"a command ended {done['status']}: {results.get('summary')} {results.get('cause')}")
        return str(results.get("data") or "")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster."""

    workspace: Served
    cluster_id: str

    def open_context(self) -> Context:
        told = {"clusterId": self.cluster_id, "language": "python"}
        made = self.workspace.ask("POST", f"{_COMMANDS}/contexts/create", told)
        query = urlencode({"clusterId": self.cluster_id, "contextId": made["id"]})
        path = f"{_COMMANDS}/contexts/status?{query}"
        found = _poll(self.workspace, path, lambda seen: seen["status"] != "Pending")
        if found["status"] != "Running":
            raise RuntimeError(f"a context ended {found['status']}")
        return Context(self.workspace, self.cluster_id, made["id"])

    def install(self, library: Mapping[str, Any]) -> float:
        """Seconds until a library is installed."""
        started = time.perf_counter()
        told = {"cluster_id": self.cluster_id, "libraries": [library]}
        self.workspace.ask("POST", f"{_LIBRARIES}/install", told)
        path = f"{_LIBRARIES}/cluster-status?cluster_id={self.cluster_id}"
        found = _poll(self.workspace, path, lambda seen: _status(seen) in {"INSTALLED", "FAILED", "SKIPPED"})
        took = time.perf_counter() - started
        if _status(found) != "INSTALLED":
            raise RuntimeError(f"a library ended {_status(found)}: {found['library_statuses'][0].get('messages')}")
        return took

    def end(self) -> None:
        self.workspace.ask("POST", f"{_CLUSTERS}/permanent-delete", {"cluster_id": self.cluster_id})


def start_cluster(workspace: Served, **spec: object) -> Cluster:
    """Create a cluster and wait until it runs.

    Raises:
        RuntimeError: it ended otherwise.
    """
    told = {
        "spark_version": f"{RUNTIME}.x-scala2.12",
        "cluster_name": f"bench-{uuid.uuid4().hex[:8]}",
        "node_type_id": "m.small",
        "num_workers": 0,
        **spec,
    }
    cluster_id = workspace.ask("POST", f"{_CLUSTERS}/create", told)["cluster_id"]
    path = f"{_CLUSTERS}/get?cluster_id={cluster_id}"
    found = _poll(workspace, path, lambda seen: seen["state"] not in {"PENDING", "RESTARTING"})
    if found["state"] != "RUNNING":
        raise RuntimeError(f"a cluster ended {found['state']}: {found.get('termination_reason')}")
    return Cluster(workspace, cluster_id)


def put_file(workspace: Served, path: str, text: str) -> None:
    """Put a workspace file below an existing folder."""
    content = base64.b64encode(text.encode()).decode()
    told = {"path": path, "format": "AUTO", "content": content, "overwrite": True}
    workspace.ask("POST", "/api/2.0/workspace/import", told)


def put_secret(workspace: Served, scope: str, key: str, value: str) -> None:
    """Put a secret, and make its scope when it is not there."""
    there = {found["name"] for found in workspace.ask("GET", "/api/2.0/secrets/scopes/list").get("scopes", [])}
    if scope not in there:
        workspace.ask("POST", "/api/2.0/secrets/scopes/create", {"scope": scope})
    workspace.ask("POST", "/api/2.0/secrets/put", {"scope": scope, "key": key, "string_value": value})


def _status(found: Mapping[str, Any]) -> str:
    return str(found["library_statuses"][-1]["status"])


def _poll(workspace: Served, path: str, reached: Callable[[Any], bool]) -> Any:
    started = time.perf_counter()
    while time.perf_counter() - started < _PATIENCE_SECONDS:
        found = workspace.ask("GET", path)
        if reached(found):
            return found
        time.sleep(_EVERY_SECONDS)
    raise RuntimeError(f"{path} is not there after {_PATIENCE_SECONDS:.0f} s")
