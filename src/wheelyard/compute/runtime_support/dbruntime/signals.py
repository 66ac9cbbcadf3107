"""How a cell ends early on purpose, and how the engine is told.

A signal is published as display data of a private MIME type, which the engine takes out of the output.
"""

from __future__ import annotations

from typing import Any

__all__ = ["EXIT_MIME", "RESTART_MIME", "CommandFailed", "EndOfCell", "NotebookExit", "PythonRestart"]

EXIT_MIME = "application/vnd.wheelyard.exit+json"
RESTART_MIME = "application/vnd.wheelyard.restart+json"


class EndOfCell(BaseException):
    """Ends the cell; `except Exception` in user code does not catch it."""

    mime = ""

    def content(self) -> dict[str, Any]:
        return {}


class NotebookExit(EndOfCell):
    """`dbutils.notebook.exit(value)`."""

    mime = EXIT_MIME

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value

    def content(self) -> dict[str, Any]:
        return {"value": self.value}


class PythonRestart(EndOfCell):
    """`%restart_python`, `dbutils.library.restartPython()`."""

    mime = RESTART_MIME


class CommandFailed(Exception):  # the name stands in a cell's output
    """A command that a magic ran ended with another status than 0; its output says why."""
