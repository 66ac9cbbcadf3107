"""pip.conf: text to a layer and layers to text.

pip reads its files with Python's `RawConfigParser`: no interpolation, so `%` is literal; comments at the start of a
line only, so a trailing ` # note` becomes part of the value; `=` or `:`; indented lines continue a value; `[DEFAULT]`
gives to every section.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable

from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.redaction import Secret, mask_urls

__all__ = ["conf_text", "parse_conf"]

EXIT_CODE = 2
"""pip stops with this when a file cannot be loaded, whatever the command. Source: facts/packaging.md A1."""


def parse_conf(text: str, origin: str, kind: LayerKind, *, position: int = 0) -> Layer:
    r"""Read one pip.conf as pip does. A file pip would refuse gives a layer with a refusal and no settings.

    >>> parse_conf("[global]\nindex_url = https://h/simple # ours\n", "pip.conf", LayerKind.USER_FILE).options
    {'index-url': (SafeUrl('https://h/simple # ours'),)}

    Source: facts/packaging.md A1, measured.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, source=origin)
    except configparser.Error as error:
        return Layer(kind, origin, position=position, refusal=Refusal(EXIT_CODE, _words_for(error, origin), origin))
    settings = tuple(
        Setting(name, Secret(value), section, f"{origin} [{section}]" if section != "global" else "")
        for section in parser.sections()
        for name, value in parser.items(section)
    )
    return Layer(kind, origin, settings, position)


def unreadable(origin: str, kind: LayerKind, reason: str, *, position: int = 0) -> Layer:
    """A file that is there and cannot be loaded (wrong encoding): pip stops."""
    text = f"Configuration file {origin} could not be loaded: {reason}"
    return Layer(kind, origin, position=position, refusal=Refusal(EXIT_CODE, text, origin))


def _words_for(error: configparser.Error, origin: str) -> str:
    """Pip's case in our words: the parser's own message would repeat the offending line, credentials included."""
    match error:
        case configparser.DuplicateOptionError():
            found = f"option '{error.option}' in section '{error.section}' already exists (line {error.lineno})"
        case configparser.DuplicateSectionError():
            found = f"section '{error.section}' already exists (line {error.lineno})"
        case configparser.MissingSectionHeaderError():
            found = f"it contains no section header before line {error.lineno}"
        case configparser.ParsingError():
            found = f"line {', '.join(str(line) for line, _text in error.errors)} cannot be read"
        case _:
            found = mask_urls(error.message)
    return f"Configuration file {origin} could not be loaded: {found}"


def conf_text(settings: Iterable[Setting]) -> Secret[str]:
    """Write settings so that `parse_conf` reads the same back: sections in order of first use, lists one value a line.

    >>> print(conf_text([Setting("index-url", Secret("https://t@h/simple"))]).reveal(), end="")
    [global]
    index-url = https://t@h/simple
    """
    sections: dict[str, list[str]] = {}
    for setting in settings:
        sections.setdefault(setting.section, []).append(_line(setting))
    blocks = (f"[{section}]\n" + "".join(lines) for section, lines in sections.items())
    return Secret("\n".join(blocks))


def _line(setting: Setting) -> str:
    first, *more = setting.text.reveal().split("\n")
    lines = [f"{setting.name} = {first}".rstrip(), *(f"    {line.strip()}" for line in more if line.strip())]
    return "\n".join(lines) + "\n"
