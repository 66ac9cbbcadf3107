"""Every verb is there, is complete, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from wheelyard.cli import VERBS, program

OWNED_ELSEWHERE = {"up", "env", "keys"}
"""Plain click commands that bring their own options."""


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            for name, inner in sorted(command.commands.items()):
                yield from walk(f"{path} {name}", inner)

    for verb in VERBS:
        yield from walk(verb.name, import_module(verb.module).command)


COMMANDS = dict(commands())
LEAVES = {path: one for path, one in COMMANDS.items() if not isinstance(one, click.Group)}


def test_verbs_are_unique_and_each_has_a_file() -> None:
    names = [verb.name for verb in VERBS]
    assert len(set(names)) == len(names)
    for verb in VERBS:
        assert verb.module == f"wheelyard.cli.{verb.name.replace('-', '_')}"
        assert import_module(verb.module).command.name == verb.name


def test_every_file_of_a_verb_is_in_the_table() -> None:
    rooms = {"settings", "render", "failures", "grammar"}
    here = Path(import_module("wheelyard.cli").__path__[0])
    files = {path.stem for path in here.iterdir() if not path.name.startswith("_")}
    assert files - rooms == {verb.name.replace("-", "_") for verb in VERBS}


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_help_is_complete(path: str) -> None:
    command = COMMANDS[path]
    assert command.help, f"{path} has no help"
    assert command.get_short_help_str(200)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts[0]} has no help"
    if path.split(maxsplit=1)[0] not in OWNED_ELSEWHERE and not isinstance(command, click.Group):
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        assert len(getattr(command, "argument_help", {})) == len(arguments), f"{path}: an argument has no help"


@pytest.mark.parametrize("path", sorted(LEAVES))
def test_help_is_printed_in_eighty_columns(path: str) -> None:
    context = click.Context(LEAVES[path], info_name=f"wheelyard {path}", terminal_width=80)
    text = click.unstyle(LEAVES[path].get_help(context))
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("Usage: ")


@pytest.mark.parametrize("path", sorted(path for path in LEAVES if path.split(maxsplit=1)[0] not in OWNED_ELSEWHERE))
def test_every_leaf_takes_the_shared_options(path: str) -> None:
    names = {option for parameter in LEAVES[path].params for option in parameter.opts}
    assert {"--host", "--profile", "--output", "--debug"} <= names


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_neither_the_sdk_nor_rich_nor_the_server() -> None:
    loaded = loaded_by("from wheelyard.cli import main; main(['--help'])")
    heavy = {"databricks.sdk", "requests", "sqlalchemy", "starlette", "msgspec", "wheelyard.embedded"}
    assert not loaded & heavy
    assert not any(name.startswith("wheelyard.control") for name in loaded)


def test_explaining_this_machine_needs_no_sdk() -> None:
    loaded = loaded_by("from wheelyard.cli import main; main(['explain', '--local', '-o', 'json'])")
    assert "databricks.sdk" not in loaded


def test_completion_knows_the_verbs_without_loading_them() -> None:
    context = click.Context(program, info_name="wheelyard")
    offered = [item.value for item in program.shell_complete(context, "de")]
    assert offered == ["demo", "default"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wheelyard", "completion", shell], capture_output=True, text=True, check=True
    )
    assert "_WHEELYARD_COMPLETE" in done.stdout
