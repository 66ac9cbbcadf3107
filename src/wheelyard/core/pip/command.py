"""The installer's own command line, read as the installer reads it."""

from __future__ import annotations

import optparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.pip.uv_command import parse_uv_command
from wheelyard.core.redaction import Secret, mask_urls
from wheelyard.core.rules.pip_options import INDEX_COMMANDS, PIP_OPTIONS, PipOption, options_of

__all__ = ["ORIGIN", "parse_command"]

ORIGIN = "command line"


class NotUnderstood(Exception):
    """optparse wants to exit; the text is what it would print."""


class OptionReader(optparse.OptionParser):
    """pip's own kind of parser (abbreviations, `-iURL`, `--name=value`), which notes each followed option in order."""

    def __init__(self, options: Iterable[PipOption], *, interspersed: bool = True) -> None:
        super().__init__(add_help_option=False, prog="pip")
        self.noted: list[tuple[str, str]] = []
        if not interspersed:
            self.disable_interspersed_args()
        for option in options:
            takes_value = option.takes in {"value", "int", "float"}
            self.add_option(
                *option.spellings,
                action="callback",
                callback=self._note,
                type="string" if takes_value else None,
                callback_args=(option.long_names[0],),
                dest=option.long_names[0],
            )

    def _note(self, _option: Any, _spelling: str, value: str | None, _parser: Any, name: str) -> None:
        self.noted.append((name, value or ""))

    def error(self, msg: str) -> NoReturn:
        raise NotUnderstood(mask_urls(msg))


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
        reader = OptionReader(
            options_of(command, installer.version) if command in INDEX_COMMANDS else PIP_OPTIONS_LOOSE
        )
        reader.parse_args(rest)
    except NotUnderstood as error:
        return Layer(LayerKind.COMMAND_LINE, ORIGIN, refusal=Refusal(2, str(error), ORIGIN))
    settings = tuple(Setting(name, Secret(value)) for name, value in reader.noted)
    return Layer(LayerKind.COMMAND_LINE, ORIGIN, settings, command=command)


PIP_OPTIONS_LOOSE: tuple[PipOption, ...] = tuple(
    option for option in PIP_OPTIONS if not option.commands or "install" in option.commands.split()
)
"""For commands that ask no index: what they share with the others."""


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The command, and all other words in order: general options may stand before it."""
    general = OptionReader((option for option in PIP_OPTIONS_LOOSE if not option.commands), interspersed=False)
    _options, rest = general.parse_args(words)
    if not rest:
        return "install", words
    others = list(words)
    others.remove(rest[0])
    return rest[0], others
