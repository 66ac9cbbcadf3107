"""What the demo's compute runs, and how its answers are collected."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wheelyard.cli.demo.wheels import Project
from wheelyard.client.clusters import find_cluster
from wheelyard.core.errors import Unavailable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["EXPLICIT_CELLS", "JOB", "PUBLIC", "RUNTIME", "notebook", "preview", "projects", "run_cells"]

PUBLIC = "six"
"""A small public package without needs of its own."""
RUNTIME = "15.4.x-scala2.12"

_LEDGER = '''"""A ledger that nobody outside has."""

__version__ = "{version}"


def total(entries):
    return sum(amount for _name, amount in entries)
'''
_REPORT = '''"""Reports on ledgers."""

import ledgerlib

__version__ = "2.0.0"


def report(entries):
    return f"ledger of {len(entries)} entries, total {ledgerlib.total(entries)}"
'''


def projects(*, needs_public: bool) -> tuple[Project, ...]:
    """The two private projects; the second needs the first, and a public package when there is one to be had."""
    public = (PUBLIC,) if needs_public else ()
    return (
        Project("ledgerlib", "1.4.0", "ledgerlib", _LEDGER.format(version="1.4.0"), "A private ledger."),
        Project("ledger-report", "2.0.0", "ledger_report", _REPORT, "Reports.", ("ledgerlib>=1.4", *public)),
    )


def preview() -> Project:
    """The next version of the ledger, on another feed."""
    return Project("ledgerlib", "2.0.0", "ledgerlib", _LEDGER.format(version="2.0.0"), "The next ledger.")


_CELLS = """%pip install ledger-report
import ledger_report
report = ledger_report.report([("a", 1), ("b", 2), ("c", 3)])
"""


def cell_lines() -> str:
    """The notebook's cells as the story shows them."""
    return _CELLS.rstrip()


def notebook(*, needs_public: bool) -> str:
    """Source of the notebook: installs, imports, and hands its result back."""
    check = f"import {PUBLIC}\n" if needs_public else ""
    install, *rest = _CELLS.splitlines()
    body = "\n".join(rest)
    return (
        f"# Databricks notebook source\n# MAGIC {install}\n\n# COMMAND ----------\n\n{check}{body}\n\n"
        "# COMMAND ----------\n\ndbutils.notebook.exit(report)\n"
    )


JOB = """import sys
from importlib.metadata import version

import ledger_report

print("ledger-report", version("ledger-report"))
print(ledger_report.report([("x", 40), ("y", 2)]))
"""

EXPLICIT_CELLS = (
    'url = dbutils.secrets.get("demo", "preview-url")',
    "%pip install ledgerlib==2.0.0 --index-url $url",
    "import importlib.metadata as m; print('ledgerlib', m.version('ledgerlib'))",
)


def shown_cells() -> str:
    """The cells of the explicit step, as a reader would write them."""
    return "\n".join(EXPLICIT_CELLS)


def cluster_id(client: WorkspaceClient, name: str) -> str:
    """The id of the demo's cluster."""
    return str(find_cluster(client, name)["cluster_id"])


def run_cells(client: WorkspaceClient, cluster: str, cells: Sequence[str], tell: Callable[[str], None]) -> str:
    """Run cells one after the other in one session, as a notebook attached to the cluster does; returns output."""
    api, place = client.api_client, cluster_id(client, cluster)
    made = api.do("POST", "/api/1.2/contexts/create", body={"clusterId": place, "language": "python"})
    session = {"clusterId": place, "contextId": made["id"]}
    _until(lambda: api.do("GET", "/api/1.2/contexts/status", query=session), {"Running", "Error"})
    told = []
    for cell in cells:
        tell(cell)
        started = api.do("POST", "/api/1.2/commands/execute", body={**session, "language": "python", "command": cell})
        command = {**session, "commandId": started["id"]}
        ended = {"Finished", "Error", "Cancelled"}
        answer = _until(lambda command=command: api.do("GET", "/api/1.2/commands/status", query=command), ended)  # type: ignore[misc]
        results = answer.get("results") or {}
        told.append(str(results.get("data") or results.get("cause") or results.get("summary") or ""))
    api.do("POST", "/api/1.2/contexts/destroy", body=session)
    return "\n".join(told)


def _until(ask: Callable[[], dict[str, Any]], ended: set[str], deadline_seconds: float = 120) -> dict[str, Any]:
    end = time.monotonic() + deadline_seconds
    while time.monotonic() < end:
        answer = ask()
        if answer.get("status") in ended:
            return answer
        time.sleep(0.1)
    raise Unavailable("The cell has not ended in time", reference="demo-cell", hint="wheelyard clusters logs demo")


def wait_for_libraries(client: WorkspaceClient, cluster_id: str, deadline_seconds: float = 120) -> str:
    """Wait until no library of the cluster is on its way; returns the statuses as JSON."""
    end = time.monotonic() + deadline_seconds
    while True:
        answer = client.api_client.do("GET", "/api/2.0/libraries/cluster-status", query={"cluster_id": cluster_id})
        states = {one.get("status") for one in answer.get("library_statuses") or ()}
        if not states & {"PENDING", "RESOLVING", "INSTALLING"} or time.monotonic() > end:
            return json.dumps(answer)
        time.sleep(0.2)


def everything_answered(client: WorkspaceClient, cluster: str) -> dict[str, str]:
    """What the workspace says about the cluster and the runs, by where it was asked."""
    place = cluster_id(client, cluster)
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        "cluster events": ("POST", "/api/2.1/clusters/events", {"cluster_id": place, "limit": 500}),
        "cluster details": ("GET", "/api/2.1/clusters/get", {"cluster_id": place}),
        "library statuses": ("GET", "/api/2.0/libraries/cluster-status", {"cluster_id": place}),
        "runs": ("GET", "/api/2.2/jobs/runs/list", {"expand_tasks": True}),
        "secret listing": ("GET", "/api/2.0/secrets/list", {"scope": "databricks-package-management"}),
    }
    found = {}
    for name, (method, path, fields) in asked.items():
        sent: dict[str, Any] = {"query": fields} if method == "GET" else {"body": fields}
        found[name] = json.dumps(client.api_client.do(method, path, **sent))
    return found
