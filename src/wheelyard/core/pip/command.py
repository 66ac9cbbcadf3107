"""The installer's own command line, read as the installer reads it."""

from __future__ import annotations

import optparse
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cache, lru_cache
from typing import Any, NoReturn

from packaging.version import Version

from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.pip.uv_command import parse_uv_command
from wheelyard.core.redaction import Secret, mask_urls
from wheelyard.core.rules.pip_options import INDEX_COMMANDS, PIP_OPTIONS, PipOption, options_of

__all__ = ["ORIGIN", "parse_command"]

ORIGIN = "command line"


class NotUnderstood(Exception):
    """optparse wants to exit; the text is what it would print."""


class _Noted(optparse.Values):
    """What one reading has met; optparse hands it to the callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[tuple[str, str]] = []


class OptionReader(optparse.OptionParser):
    """pip's own kind of parser (abbreviations, `-iURL`, `--name=value`), which notes each followed option in order.

    Building one costs as much as a hundred readings, so there is one for each table of options, and threads share it:
    each reading works on a copy.
    """

    def __init__(self, options: Iterable[PipOption], *, interspersed: bool = True) -> None:
        super().__init__(add_help_option=False, prog="pip")
        if not interspersed:
            self.disable_interspersed_args()
        for option in options:
            takes_value = option.takes in {"value", "int", "float"}
            self.add_option(
                *option.spellings,
                action="callback",
                callback=_note,
                type="string" if takes_value else None,
                callback_args=(option.long_names[0],),
                dest=option.long_names[0],
            )

    def read(self, words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
        """Name and value of each option in order, and the other words.

        Raises:
            NotUnderstood: pip would print its usage and stop.
        """
        noted = _Noted()
        _values, rest = copy(self).parse_args(words, noted)
        return noted.options, rest

    def error(self, msg: str) -> NoReturn:
        raise NotUnderstood(mask_urls(msg))


def _note(_option: Any, _spelling: str, value: str | None, parser: Any, name: str) -> None:
    parser.values.options.append((name, value or ""))


def parse_command(arguments: Sequence[str], installer: Installer) -> Layer:
    """Make the command-line layer of `install -r requirements.txt --index-url URL` (without the program's name).

    A command line the installer would refuse gives a layer with a refusal. `pip` or `uv pip` in front is tolerated.

    >>> layer = parse_command(["install", "-ihttps://pkgs.example.com/simple", "six"], Installer.parse("pip"))
    >>> layer.command, layer.options
    ('install', {'index-url': (SafeUrl('https://pkgs.example.com/simple'),)})

    Source: facts/packaging.md A1; options and their versions in `rules/pip_options.py`.
    """
    if installer.name == "uv":
        return parse_uv_command(arguments)
    words = list(arguments[1:] if arguments and arguments[0] == "pip" else arguments)
    try:
        command, rest = _split(words)
        reader = _reader_of(command, installer.version) if command in INDEX_COMMANDS else _loose_reader()
        noted, _words = reader.read(rest)
    except NotUnderstood as error:
        return Layer(LayerKind.COMMAND_LINE, ORIGIN, refusal=Refusal(2, str(error), ORIGIN))
    settings = tuple(Setting(name, Secret(value)) for name, value in noted)
    return Layer(LayerKind.COMMAND_LINE, ORIGIN, settings, command=command)


PIP_OPTIONS_LOOSE: tuple[PipOption, ...] = tuple(
    option for option in PIP_OPTIONS if not option.commands or "install" in option.commands.split()
)
"""For commands that ask no index: what they share with the others."""


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The command, and all other words in order: general options may stand before it."""
    if words and not words[0].startswith("-"):
        return words[0], words[1:]
    _options, rest = _general_reader().read(words)
    if not rest:
        return "install", words
    others = list(words)
    others.remove(rest[0])
    return rest[0], others


@lru_cache(maxsize=128)
def _reader_of(command: str, version: Version) -> OptionReader:
    return OptionReader(options_of(command, version))


@cache
def _loose_reader() -> OptionReader:
    return OptionReader(PIP_OPTIONS_LOOSE)


@cache
def _general_reader() -> OptionReader:
    return OptionReader((option for option in PIP_OPTIONS_LOOSE if not option.commands), interspersed=False)
