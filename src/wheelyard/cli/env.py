"""`wheelyard env`: point the official clients at a running embedded workspace."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import click

from wheelyard.core.errors import Unreachable

__all__ = ["command", "default_data_dir", "read_run_file"]


def default_data_dir() -> Path:
    """Where `wheelyard up` keeps a workspace when no folder is named."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wheelyard"


@click.command(name="env", short_help="Print the variables that point the official clients at your workspace.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of the workspace.  [default: $XDG_DATA_HOME/wheelyard]",
)
@click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)
def command(data_dir: Path | None, output: str) -> None:
    """Print DATABRICKS_HOST and DATABRICKS_TOKEN exports for a running embedded workspace.

    The token is an admin's: use it as `eval "$(wheelyard env)"`, so that it reaches no terminal.
    """
    folder = data_dir or default_data_dir()
    found = read_run_file(folder)
    variables = {"DATABRICKS_HOST": str(found["host"]), "DATABRICKS_TOKEN": str(found["token"])}
    if output == "json":
        click.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def read_run_file(folder: Path) -> dict[str, Any]:
    """What the running workspace wrote; refuses a file that its process has left behind."""
    try:
        found: dict[str, Any] = json.loads((folder / "run.json").read_text())
        os.kill(int(found["pid"]), 0)
    except (OSError, ValueError, KeyError):
        raise Unreachable(
            f"No workspace is running in `{folder}`",
            because="its run file is missing, or its process has ended",
            hint=f"wheelyard up --data-dir {folder}",
        ) from None
    return found
