"""How soon a notebook's first result is there: on a cluster that starts, beside a bare kernel, and on a warm one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.bare_kernel import kernel_environment, seconds_to_first_result
from bench.cluster import Cluster, put_secret, start_cluster
from bench.results import Measured, Result
from bench.run import Run
from bench.served import Served, served
from wheelyard.compute.machine import Interpreter

__all__ = ["first_results"]

_ADDED = "compute.added-to-kernel"
_INDEX = "https://bench:secret-of-the-bench@pkgs.example.com/simple/"
_VARIABLES = {"STAGE": "bench", "FIRST": "{{secrets/bench/first}}", "SECOND": "{{secrets/bench/second}}"}
_POLICY = {
    "spark_env_vars.STAGE": {"type": "fixed", "value": "bench"},
    "custom_tags.team": {"type": "fixed", "value": "b"},
}


def first_results(run: Run, interpreter: Interpreter) -> Iterator[Result]:
    python = kernel_environment(run, interpreter)
    with served(run, run.scratch / "notebooks", cores=run.cores.every) as workspace:
        put_secret(workspace, "databricks-package-management", "pip-index-url", _INDEX)
        for key in ("first", "second"):
            put_secret(workspace, "bench", key, f"value of the {key} secret")
        policy = _policy(run, workspace)
        note = "" if policy else "without a policy: this workspace has none"

        def turn() -> tuple[float, ...]:
            bare = seconds_to_first_result(run, python)
            return (_seconds_from_create(workspace, policy) - bare) * 1000, bare * 1000

        (added, bare), disturbed = run.turns(_ADDED, turn)
        yield Measured(_ADDED, added, bare, disturbed, note)
        cluster = start_cluster(workspace)
        cluster.open_context().run("1 + 1")
        yield run.beside("compute.second-notebook", partial(_seconds_of_notebook, cluster))
        cluster.end()


def _seconds_from_create(workspace: Served, policy: dict[str, Any]) -> float:
    """From the request for a cluster to the first result on it."""
    started = time.perf_counter()
    cluster = start_cluster(workspace, spark_env_vars=_VARIABLES, **policy)
    _first_result(cluster)
    took = time.perf_counter() - started
    cluster.end()
    return took


def _seconds_of_notebook(cluster: Cluster) -> float:
    started = time.perf_counter()
    _first_result(cluster)
    return time.perf_counter() - started


def _first_result(cluster: Cluster) -> None:
    if cluster.open_context().run("1 + 1").strip() != "2":
        raise RuntimeError("the first result is another")


def _policy(run: Run, workspace: Served) -> dict[str, Any]:
    """What makes a cluster follow a policy; nothing where the workspace has no policies."""
    told = {"name": f"bench-{time.time_ns()}", "definition": json.dumps(_POLICY)}
    try:
        made = workspace.ask("POST", "/api/2.0/policies/clusters/create", told)
    except RuntimeError as problem:
        run.say(f"without a cluster policy: {problem}")
        return {}
    return {"policy_id": made["policy_id"], "custom_tags": {"team": "b"}}
