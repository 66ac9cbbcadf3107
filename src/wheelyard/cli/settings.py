"""What every command accepts: which workspace, as whom, and in which form to answer.

Hosts and credentials come from the databricks-sdk's own configuration (profiles in `~/.databrickscfg`, `DATABRICKS_*`
variables, OAuth), so a command that works with the official CLI works here. The shared options may stand before or
after the verb; the one nearest to the end wins.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from wheelyard import __version__
from wheelyard.core.errors import Unreachable, WrongUsage
from wheelyard.core.url_masking import mask_urls

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Family", "Leaf", "Settings", "connect", "settings", "shared_options", "version_option"]

RETRY_SECONDS = 20
"""How long a command goes on trying to reach a workspace; the SDK's own five minutes look like a hang on a terminal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The shared options of one command line."""

    host: str = ""
    profile: str = ""
    output: Literal["text", "json"] = "text"
    debug: bool = False


def settings() -> Settings:
    """The shared options of the running command."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Settings) if context else None
    return found or Settings()


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    current = ctx.find_object(Settings) or Settings()
    if value and param.name:
        ctx.obj = replace(current, **{param.name: value})
    else:
        ctx.obj = current
    return value


def shared_options() -> list[click.Parameter]:
    """New copies of the options that every command takes."""

    def option(*names: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=_remember, **attributes)

    return [
        option("--host", metavar="URL", help="Workspace to talk to; default: DATABRICKS_HOST or the profile's."),
        option(
            "-p", "--profile", metavar="NAME", help="Profile of ~/.databrickscfg to take host and credentials from."
        ),
        option("-o", "--output", type=click.Choice(["text", "json"]), help="Form of the answer; default: text."),
        option("--debug", is_flag=True, help="Log every request to the workspace on standard error, secrets masked."),
    ]


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        click.echo(f"wheelyard {__version__}")
        ctx.exit()


def version_option() -> click.Option:
    """`--version`."""
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Show the version and exit.",
    )


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Arguments, own options, then the options that every command shares."""
    shared = {"host", "profile", "output", "debug"}
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(ctx)
        if record is not None:
            (common if parameter.name in shared and not parameter.expose_value else own).append(record)
    arguments = list(getattr(command, "argument_help", {}).items())
    for title, records in (("Arguments", arguments), ("Options", own), ("Shared options", common)):
        if records:
            with formatter.section(title):
                formatter.write_dl([(click.style(names, fg="cyan"), text) for names, text in records])


class Leaf(click.Command):
    """A command that does something; it takes the shared options too.

    Args:
        argument_help: what each positional argument is, by the name the usage line shows.
    """

    def __init__(
        self,
        name: str | None,
        params: list[click.Parameter] | None = None,
        argument_help: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options()], **attributes)
        self.argument_help = dict(argument_help or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class Family(click.Group):
    """A group of commands; it takes the shared options too, and its own commands are `Leaf`s."""

    command_class = Leaf
    group_class = type

    def __init__(self, name: str | None = None, params: list[click.Parameter] | None = None, **attributes: Any) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options()], **attributes)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


class _MaskUrls(logging.Filter):
    """The SDK leaves secret fields out of its log; URLs with credentials in other fields are masked here."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask_urls(record.getMessage()), ()
        return True


def _log_requests() -> None:
    handler = logging.StreamHandler()
    handler.addFilter(_MaskUrls())
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    logger = logging.getLogger("databricks.sdk")
    logger.setLevel(logging.DEBUG)
    logger.handlers = [handler]
    logger.propagate = False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _knock(url: str) -> None:
    """Fail at once where nothing listens on this machine; elsewhere proxies may stand between, and the SDK tries."""
    parts = urlsplit(url)
    if not parts.hostname or not _is_loopback(parts.hostname):
        return
    try:
        socket.create_connection((parts.hostname, parts.port or 80), timeout=5).close()
    except OSError as problem:
        raise Unreachable(
            f"The workspace at `{url}` does not answer",
            because=f"connecting to `{parts.netloc.rpartition('@')[2]}` failed: {problem.strerror or problem}",
            unchanged="nothing was sent",
            hint='wheelyard up, then eval "$(wheelyard env)" in this shell',
        ) from problem


def connect(
    chosen: Settings | None = None,
    *,
    make: Callable[..., WorkspaceClient] | None = None,
    retry_seconds: int = RETRY_SECONDS,
) -> WorkspaceClient:
    """A client of the workspace that the shared options, the profile or the environment name.

    Raises:
        WrongUsage: no host or no credentials can be found.
        Unreachable: nothing listens at a host of this machine.
    """
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 - costs more than a second; `--help` and `--local` need none
    from databricks.sdk.core import Config  # noqa: PLC0415 - as above

    wanted = chosen or settings()
    if wanted.debug:
        _log_requests()
    named: dict[str, Any] = {"host": wanted.host or None, "profile": wanted.profile or None}
    _knock(wanted.host or (os.environ.get("DATABRICKS_HOST", "") if not wanted.profile else ""))
    try:
        config = Config(
            **named,
            product="wheelyard",
            product_version=__version__,
            retry_timeout_seconds=retry_seconds,
        )
    except ValueError as problem:
        raise WrongUsage(
            "There is no workspace to talk to",
            reference="no-workspace",
            because=re.split(r"[,.] (?:please|Config:|Env:)", str(problem))[0],
            unchanged="nothing was sent",
            hint='wheelyard up, then eval "$(wheelyard env)"; or name one with --host or --profile',
        ) from problem
    _knock(config.host or "")
    return (make or WorkspaceClient)(config=config)
