"""uv's command line. uv knows no abbreviations, and an option that takes one value may be given once only."""

from __future__ import annotations

from collections.abc import Sequence

from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.uv_options import UV_FLAGS, UV_SINGLE_VALUES, UV_VALUES

__all__ = ["parse_uv_command"]

_ORIGIN = "command line"
_VALUES = {spelling: row for row in UV_VALUES for spelling in row.split()}
_FLAGS = {spelling: row for row in UV_FLAGS for spelling in row.split()}


def parse_uv_command(arguments: Sequence[str]) -> Layer:
    """Make the command-line layer of `uv pip install …`; `uv` and `pip` in front may be left out.

    >>> layer = parse_uv_command(["pip", "install", "--default-index=https://pkgs.example.com/simple", "six"])
    >>> layer.command, [setting.name for setting in layer.settings]
    ('install', ['default-index'])
    """
    words = list(arguments)
    while words and words[0] in {"uv", "pip"}:
        words.pop(0)
    reader = _Reader(words)
    reader.read()
    refusal = Refusal(2, reader.problem, _ORIGIN) if reader.problem else None
    return Layer(
        LayerKind.COMMAND_LINE, _ORIGIN, tuple(reader.settings), refusal=refusal, command=reader.command or "install"
    )


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.settings: list[Setting] = []
        self.command = ""
        self.problem = ""

    def read(self) -> None:
        while self.words and not self.problem:
            word = self.words.pop(0)
            if word == "--":
                return
            if word.startswith("--"):
                self._option(*_parted(word))
            elif word.startswith("-") and len(word) > 1:
                self._short(word)
            elif not self.command:
                self.command = word

    def _short(self, word: str) -> None:
        spelling, rest = word[:2], word[2:]
        if spelling in _FLAGS and rest:
            self._option(spelling, None)
            self.words.insert(0, f"-{rest}")
        else:
            self._option(spelling, rest.removeprefix("=") if rest else None)

    def _option(self, spelling: str, value: str | None) -> None:
        if spelling in _FLAGS:
            self._note(_FLAGS[spelling], "")
        elif spelling not in _VALUES:
            self.problem = f"unexpected argument '{spelling}' found"
        elif value is None and not self.words:
            self.problem = f"a value is required for '{spelling}' but none was supplied"
        else:
            self._note(_VALUES[spelling], self.words.pop(0) if value is None else value)

    def _note(self, row: str, value: str) -> None:
        name = next(part for part in row.split() if part.startswith("--")).removeprefix("--")
        if name in UV_SINGLE_VALUES and any(setting.name == name for setting in self.settings):
            self.problem = f"the argument '--{name}' cannot be used multiple times"
        self.settings.append(Setting(name, Secret(value)))


def _parted(word: str) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    return name, value if equals else None
