"""The notebook's magics, as an IPython extension.

`%pip` and `%uv` act on the session's own environment; `%sh` is a cell when it stands first and a line elsewhere. Words
that Databricks reads as another language (`%sql`, `%scala`, `%r`) get a sentence instead of a stack.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from . import commands
from .namespace import notebook_names
from .signals import CommandFailed, EndOfCell, PythonRestart

__all__ = ["load_ipython_extension"]

_RESTART_NOTE = (
    "Note: you may need to restart the Python kernel using %restart_python or dbutils.library.restartPython() "
    "to use updated packages."
)
_CELL_WORDS = ("sh", "md", "sql", "scala", "r", "fs", "run")
_OTHER_LANGUAGES = ("sql", "scala", "r", "fs", "run")


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts."""
    shell.user_ns.update(notebook_names())
    shell.user_ns_hidden.update(notebook_names())
    shell.input_transformers_cleanup.append(first_line_rules)
    shell.set_custom_exc((EndOfCell, CommandFailed), _ended)
    shell.system = lambda command: _system(shell, command)
    for name, line in _LINES.items():
        shell.register_magic_function(line, "line", name)
    for name, cell in _CELLS.items():
        shell.register_magic_function(cell, "cell", name)
    for name in _OTHER_LANGUAGES:
        shell.register_magic_function(_refuse(name), "line_cell", name)


def first_line_rules(lines: list[str]) -> list[str]:
    r"""A language word in a cell's first line rules the whole cell.

    >>> first_line_rules(["%sh ls\n", "pwd\n"])
    ['%%sh ls\n', 'pwd\n']
    >>> first_line_rules(["%sh ls"])
    ['%sh ls']
    >>> first_line_rules(["x = 1\n", "%sh ls\n"])
    ['x = 1\n', '%sh ls\n']
    """
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        word, *rest = line.lstrip().split(None, 1)
        if word == "%python":
            return [*rest, *lines[number + 1 :]]
        if word.startswith("%") and word[1:] in _CELL_WORDS:
            below = lines[number + 1 :]
            alone = not any(other.strip() for other in below)
            return lines if alone and rest else [f"%{line.lstrip()}", *below]
        break
    return lines


def _ended(shell: Any, _kind: type[BaseException], value: BaseException, _trace: Any, tb_offset: Any = None) -> None:  # noqa: ARG001  # IPython's signature
    if isinstance(value, EndOfCell):
        shell.display_pub.publish({value.mime: value.content()})


def _system(shell: Any, command: str) -> None:
    """`!command`: its status is known as `_exit_code`, and fails nothing."""
    shell.user_ns["_exit_code"] = commands.run_script(shell.var_expand(command, depth=2))
    importlib.invalidate_caches()


def _pip(line: str) -> None:
    _installed("pip", line, commands.run_module("pip", line))


def _uv(line: str) -> None:
    """`%uv pip install …`, and every other command of uv, on this session's environment."""
    _installed("uv", line, commands.run_program("uv", line))


def _installed(program: str, line: str, status: int) -> None:
    importlib.invalidate_caches()
    if status != 0:
        raise CommandFailed(f"{program} ended with exit code {status}")
    if {"install", "uninstall"} & set(line.split()):
        sys.stdout.write(_RESTART_NOTE + os.linesep)


def _sh_line(line: str) -> None:
    _shell(line)


def _sh_cell(line: str, cell: str) -> None:
    _shell(f"{line}\n{cell}" if line else cell)


def _shell(script: str) -> None:
    """`-e` as the first word makes a failing command fail the cell."""
    strict = script.split(None, 1)[:1] == ["-e"]
    status = commands.run_script(script.lstrip()[2:] if strict else script, stop_at_failure=strict)
    importlib.invalidate_caches()
    if strict and status != 0:
        raise CommandFailed(f"the shell ended with exit code {status}")


def _nothing(_line: str = "", _cell: str | None = None) -> None:
    """`%md`: words for the reader."""


def _restart(_line: str) -> None:
    raise PythonRestart


def _refuse(name: str) -> Callable[..., None]:
    def refuse(_line: str = "", _cell: str | None = None) -> None:
        raise CommandFailed(f"%{name} is not offered here: this compute runs Python and shell cells")

    return refuse


_LINES = {"pip": _pip, "uv": _uv, "sh": _sh_line, "restart_python": _restart, "md": _nothing}
_CELLS = {"sh": _sh_cell, "md": _nothing}
