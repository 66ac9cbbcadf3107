"""The command line: a table of verbs, each a file that is imported when it is asked for.

`wheelyard --help` and shell completion read the table only, so they answer at once and work with the light install of
the client half. A verb's module holds a click command named `command`.

Exit codes: 0 done; 1 it found or met a problem it reports; 2 wrong usage; 3 the workspace refused (authentication,
permission); 4 the workspace could not be reached.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby

import click
from click.shell_completion import CompletionItem

from wheelyard.cli.settings import Family, version_option
from wheelyard.core.errors import WrongUsage

__all__ = ["VERBS", "Verb", "main", "program"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A row of the table: the word, where its command lives, what it does in a few words, and its place in the help."""

    name: str
    module: str
    summary: str
    section: str


_START, _DAILY, _GRAMMAR, _SHELL = (
    "Start",
    "Package sources",
    "The official CLI's grammar, against any workspace",
    "This program",
)

VERBS: tuple[Verb, ...] = (
    Verb("demo", "wheelyard.cli.demo", "Show the main job end to end, in under two minutes.", _START),
    Verb("up", "wheelyard.cli.up", "Serve an embedded workspace on this machine.", _START),
    Verb("env", "wheelyard.cli.env", "Print exports that point the official clients at it.", _START),
    Verb("sign-in", "wheelyard.cli.sign_in", "Print a one-time link to its pages.", _START),
    Verb("doctor", "wheelyard.cli.doctor", "Check this machine and the workspace it talks to.", _START),
    Verb("default", "wheelyard.cli.default", "Show, set, unset or check the workspace default.", _DAILY),
    Verb("explain", "wheelyard.cli.explain", "Say which index wins, and why.", _DAILY),
    Verb("feed", "wheelyard.cli.feed", "Create private feeds, fill them, hand out tokens.", _DAILY),
    Verb("run", "wheelyard.cli.run", "Run a file on a cluster or serverless and print its output.", _DAILY),
    Verb("secrets", "wheelyard.cli.secrets", "Secret scopes, secrets and their ACLs.", _GRAMMAR),
    Verb("clusters", "wheelyard.cli.clusters", "Create, start, stop and look at clusters.", _GRAMMAR),
    Verb("libraries", "wheelyard.cli.libraries", "Install libraries on clusters and see their status.", _GRAMMAR),
    Verb("workspace", "wheelyard.cli.workspace", "Import, export and list notebooks and files.", _GRAMMAR),
    Verb("jobs", "wheelyard.cli.jobs", "Create jobs, run them, read their output.", _GRAMMAR),
    Verb("keys", "wheelyard.cli.keys", "Rotate the keys that seal a workspace's secrets.", _SHELL),
    Verb("completion", "wheelyard.cli.completion", "Print the completion script of your shell.", _SHELL),
)
"""In the order of the help."""

_BY_NAME = {verb.name: verb for verb in VERBS}


class _Program(Family):
    """The outermost group. Its help and completion need no verb's module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_BY_NAME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _BY_NAME:
            return None
        try:
            command = import_module(_BY_NAME[cmd_name].module).command
        except ModuleNotFoundError as missing:
            raise WrongUsage(
                f"`wheelyard {cmd_name}` needs the Python package `{missing.name}`, which is not installed",
                reference="extra-missing",
                unchanged="nothing was started",
                hint="pip install 'wheelyard[all]'",
            ) from missing
        if not isinstance(command, click.Command):
            raise TypeError(f"{_BY_NAME[cmd_name].module}.command is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for section, verbs in groupby(VERBS, key=lambda verb: verb.section):
            with formatter.section(section):
                formatter.write_dl([(click.style(verb.name, fg="cyan"), verb.summary) for verb in verbs])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        verbs = [CompletionItem(v.name, help=v.summary) for v in VERBS if v.name.startswith(incomplete)]
        return verbs if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)


program = _Program(
    name="wheelyard",
    params=[version_option()],
    help="The right private Python index for every notebook, job and cluster of a data workspace.",
    epilog="Start with `wheelyard demo`. Every command takes --host or --profile, and --output json.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; `sys.exit` around it is the caller's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        answer = program.main(words, prog_name="wheelyard", standalone_mode=False)
    except Exception as problem:  # noqa: BLE001 - the outermost frame: every error gets its form and its exit code here
        report = import_module("wheelyard.cli.failures").report
        return int(report(problem, words))
    return answer if isinstance(answer, int) else 0
