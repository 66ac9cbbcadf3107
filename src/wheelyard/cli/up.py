"""`wheelyard up`: serve an embedded workspace until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from wheelyard.client.local import machine_certificate, machine_index
from wheelyard.core.redaction import Secret
from wheelyard.embedded import SIGN_IN_LINK_SECONDS, Settings, default_cache_dir, default_data_dir
from wheelyard.logs import configure_logging
from wheelyard.serving import RunningWorkspace, write_ready_file

__all__ = ["DATABASE_OPTION", "RUN_FILE", "command"]

RUN_FILE = "run.json"
"""In the data folder while the workspace is served: what `wheelyard env` reads."""


DATABASE_OPTION = click.option(
    "--database",
    "database_url",
    default="",
    envvar="WHEELYARD_DATABASE_URL",
    show_envvar=True,
    help="PostgreSQL URL; one with a password belongs in the variable.  [default: SQLite in the data folder]",
)


@click.command(name="up", short_help="Start an embedded workspace and serve it until Ctrl-C.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder that holds the workspace. Made with mode 0700.  [default: $XDG_DATA_HOME/wheelyard]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8470, show_default=True, help="Port; 0 picks a free one."
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Written, with mode 0600, once the workspace answers: host, admin token, workspace id, pid.",
)
@click.option("--admin", default="admin@wheelyard.example", show_default=True, help="User name of the first admin.")
@DATABASE_OPTION
@click.option("--blobs", "blobs_url", default="", help="s3://, az:// or gs:// URL.  [default: the data folder]")
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    envvar="WHEELYARD_CACHE_DIR",
    show_envvar=True,
    help="Environments shared by all your workspaces.  [default: $XDG_CACHE_HOME/wheelyard]",
)
@click.option(
    "--wheelhouse",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    envvar="WHEELYARD_WHEELHOUSE",
    show_envvar=True,
    help="Folder of wheels to build runtime images from, instead of this machine's package index.",
)
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "bubblewrap", "none"]),
    default="auto",
    show_default=True,
    help="How user code is kept from the rest of this machine.",
)
@click.option(
    "--check-network",
    "check_networks",
    multiple=True,
    metavar="NETWORK|HOST",
    help="Network or host that the check of an index may reach beside loopback and public addresses; may be repeated.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Least severe lines to log.",
)
def command(
    data_dir: Path | None,
    host: str,
    port: int,
    ready_file: Path | None,
    admin: str,
    database_url: str,
    blobs_url: str,
    cache_dir: Path | None,
    wheelhouse: Path | None,
    sandbox: str,
    check_networks: tuple[str, ...],
    log_level: str,
) -> None:
    """Start an embedded workspace and serve it until SIGTERM or Ctrl-C.

    The official SDK, CLI and Terraform provider work against it unchanged: `eval "$(wheelyard env)"` points them here.
    What was answered survives a crash; compute that ran is stopped at the end, or found and removed at the next start.
    """
    configure_logging(log_level)
    index = machine_index(os.environ, home=Path.home())
    roots = machine_certificate(os.environ, home=Path.home())
    settings = Settings(
        data_dir=(data_dir or default_data_dir()).absolute(),
        cache_dir=(cache_dir or default_cache_dir()).absolute(),
        database_url=Secret(database_url) if database_url else None,
        blobs_url=blobs_url,
        wheelhouse=wheelhouse.absolute() if wheelhouse else None,
        sandbox=sandbox,  # type: ignore[arg-type] # click.Choice has checked it
        admin=admin,
        machine_index=Secret(index.reveal()) if index else None,
        machine_roots=Path(roots) if roots else None,
        check_networks=check_networks,
    )
    run_file = settings.data_dir / RUN_FILE
    stop = _stop_on_signal()
    with RunningWorkspace(settings, host=host, port=port) as running:
        write_ready_file(run_file, running)
        if ready_file is not None:
            write_ready_file(ready_file, running)
        _banner(running.url, settings.data_dir, running.workspace.sandbox, running.workspace.sign_in_link())
        gc.freeze()  # what is loaded stays; without it, each look for garbage is long, and garbage waits for it longer
        try:
            while not stop and not running.wait(0.2):
                pass
        finally:
            run_file.unlink(missing_ok=True)
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)


def _stop_on_signal() -> list[int]:
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return received


def _banner(url: str, data_dir: Path, sandbox: str, link: Secret[str] | None) -> None:
    console = Console(stderr=True, highlight=False)
    until = datetime.fromtimestamp(time.time() + SIGN_IN_LINK_SECONDS, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if not sys.stderr.isatty():
        console.print(f"wheelyard: serving {url}, data in {data_dir}, sandbox: {sandbox}", soft_wrap=True)
        if link is not None:
            console.print(f"wheelyard: sign in, once, until {until}: {link.reveal()}", soft_wrap=True, markup=False)
        return
    console.print(f"\n  [bold]Wheelyard[/bold] answers at [bold cyan]{url}[/bold cyan]")
    console.print(f"  data      {data_dir}", soft_wrap=True)
    console.print(f"  sandbox   {sandbox}", soft_wrap=True)
    if link is not None:
        console.print(f"  sign in   [bold cyan]{link.reveal()}[/bold cyan]", soft_wrap=True)
        console.print(f"            works once, until {until}, and sets the admin's password", soft_wrap=True)
    console.print(
        '\n  In another terminal: [bold]eval "$(wheelyard env)"[/bold], then `wheelyard doctor`. Ctrl-C stops it.\n'
    )
