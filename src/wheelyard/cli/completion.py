"""`wheelyard completion`: the script that makes a shell complete our words."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from wheelyard.cli.settings import Leaf

__all__ = ["command"]


def _print_script(shell: str) -> None:
    from wheelyard.cli import program  # noqa: PLC0415 - the table of verbs imports this file

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    sys.stdout.write(kind(program, {}, "wheelyard", "_WHEELYARD_COMPLETE").source() + "\n")


command = Leaf(
    "completion",
    params=[click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]))],
    argument_help={"SHELL": "bash, zsh or fish"},
    short_help="Print the completion script of your shell.",
    help="""Print the completion script of a shell.

    \b
    bash  add to ~/.bashrc:   eval "$(wheelyard completion bash)"
    zsh   add to ~/.zshrc:    eval "$(wheelyard completion zsh)"
    fish  wheelyard completion fish > ~/.config/fish/completions/wheelyard.fish""",
    callback=_print_script,
)
