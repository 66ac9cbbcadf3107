"""`wheelyard keys`: the key ring that seals a workspace's secrets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from wheelyard.cli.up import DATABASE_OPTION
from wheelyard.core.redaction import Secret
from wheelyard.embedded import Settings, default_data_dir, require_workspace, rotate_keys
from wheelyard.serving import FolderLock

__all__ = ["command"]


@click.group(name="keys", short_help="Look at or rotate the keys that seal a workspace's secrets.")
def command() -> None:
    """Look at or rotate the keys that seal a workspace's secrets.

    The key ring lies in the data folder, readable by its owner only. Stop the workspace first.
    """


_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder of the workspace.  [default: $XDG_DATA_HOME/wheelyard]",
)
_OUTPUT = click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)


@command.command(name="rotate", short_help="Make a new key and seal every value with it.")
@_DATA_DIR
@DATABASE_OPTION
@_OUTPUT
def rotate(data_dir: Path | None, database_url: str, output: str) -> None:
    """Make a new key and seal every stored value with it.

    Safe to interrupt, and to repeat: old keys stay in the ring, so values of either kind, and backups, can still be
    opened.
    """
    settings = Settings(
        data_dir=(data_dir or default_data_dir()).absolute(),
        database_url=Secret(database_url) if database_url else None,
    )
    require_workspace(settings)
    with FolderLock(settings.data_dir, hint="stop it, rotate the keys, and start it again"):
        resealed = rotate_keys(settings)
    if output == "json":
        click.echo(json.dumps({"resealed": resealed}))
    else:
        click.echo(f"a new key is in use; {resealed} values are sealed with it")
