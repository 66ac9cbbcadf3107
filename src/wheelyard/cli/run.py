"""`wheelyard run`: a local file on compute, with its output, in one command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wheelyard.cli.jobs import RunFailed
from wheelyard.cli.render import Screen, screen
from wheelyard.cli.settings import Leaf, connect
from wheelyard.client import runs
from wheelyard.client.clusters import find_cluster

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["command"]


def _run(  # noqa: PLR0917 - one argument an option; click passes them by name
    file: str,
    cluster: str | None,
    serverless: bool,  # noqa: FBT001 - as above
    dependencies: Sequence[str],
    environment_version: str | None,
    timeout: float,
    keep: bool,  # noqa: FBT001 - as above
    parameters: Sequence[str],
) -> None:
    if (cluster is None) != serverless:
        raise click.UsageError("say where: --cluster ID|NAME, or --serverless")
    if cluster is not None and (dependencies or environment_version):
        raise click.UsageError("--dependency and --environment-version belong to --serverless")
    out, client = screen(), connect()
    cluster_id = str(find_cluster(client, cluster)["cluster_id"]) if cluster else ""
    program = runs.put_program(client, Path(file))
    try:
        run_id = runs.submit(
            client,
            program,
            cluster_id=cluster_id,
            environment=_environment(dependencies, environment_version),
            parameters=parameters,
            name=f"wheelyard run {Path(file).name}",
        )
        with out.progress(f"run {run_id}: submitted") as tell:
            run = runs.follow_run(client, run_id, tell, timeout * 60)
        _print(client, run, out)
    finally:
        if not keep:
            runs.remove_program(client, program)
    result, message = runs.run_result(run)
    if result != "SUCCESS":
        raise RunFailed(run_id, result, message)


def _environment(dependencies: Sequence[str], version: str | None) -> dict[str, Any] | None:
    spec: dict[str, Any] = {}
    if version:
        spec["environment_version"] = version
    if dependencies:
        spec["dependencies"] = list(dependencies)
    return spec or None


def _print(client: WorkspaceClient, run: dict[str, Any], out: Screen) -> None:
    outputs = runs.task_outputs(client, run)
    if out.wants_json:
        tasks = [
            {
                "task_key": one.task_key,
                "result_state": one.result_state,
                "output": one.text,
                "error": one.error,
                "trace": one.trace,
            }
            for one in outputs
        ]
        result, message = runs.run_result(run)
        out.json({"run_id": run["run_id"], "result_state": result, "message": message, "tasks": tasks})
        return
    for one in outputs:
        if one.text:
            out.raw(one.text)
        trouble = one.trace or one.error
        if trouble and trouble.strip() not in one.text:
            out.note(trouble, "red")


command = Leaf(
    "run",
    params=[
        click.Argument(["file"], metavar="FILE", type=click.Path(exists=True, dir_okay=False)),
        click.Argument(["parameters"], nargs=-1, metavar="[-- PARAMETER...]", type=click.UNPROCESSED),
        click.Option(["--cluster"], metavar="ID|NAME", help="Run on this cluster; it is started if need be."),
        click.Option(["--serverless"], is_flag=True, help="Run on serverless compute."),
        click.Option(
            ["--dependency", "dependencies"],
            multiple=True,
            metavar="LINE",
            help="With --serverless: a requirements line, as in 'six==1.16.0'; may be repeated.",
        ),
        click.Option(["--environment-version"], metavar="N", help="With --serverless: its environment version."),
        click.Option(
            ["--timeout"], type=float, default=20, show_default=True, metavar="MINUTES", help="How long to wait."
        ),
        click.Option(["--keep"], is_flag=True, help="Leave the copy of FILE in the workspace."),
    ],
    argument_help={"FILE": "`.py` or `.ipynb` on this machine", "PARAMETER": "handed to the program"},
    short_help="Run a file on a cluster or serverless and print its output.",
    help="""Run FILE on compute, follow it and print its output.

    FILE is a Python file, a notebook source (`.py` with the notebook header) or an `.ipynb`. It is copied into your
    home folder in the workspace, submitted as a run, and removed afterwards. Parameters come after `--`: as they are
    for a Python file, as NAME=VALUE for a notebook. Exit code 1 when the run does not succeed.""",
    callback=_run,
)
