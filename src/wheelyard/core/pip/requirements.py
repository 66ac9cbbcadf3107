"""Requirements and constraints files: the option lines that decide where an installer looks, in reading order.

Lines that name a project are skipped: an option behind a requirement has no effect on indexes. `${NAME}` is expanded here and
nowhere else; a name without a value stays as it stands and is sent as it stands.
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from wheelyard.core.pip.command import NotUnderstood, OptionReader
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.redaction import Secret, mask_urls
from wheelyard.core.rules.installers import behaviour
from wheelyard.core.rules.pip_options import REQUIREMENTS_OPTIONS

__all__ = ["requirements_layers"]

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_REMOTE = re.compile(r"^(http|https|file):", re.IGNORECASE)
_DEEPEST = 100

ReadFile = Callable[[str], str | None]
"""Gives a file's text by path as written or joined; None when it is not there."""


def requirements_layers(
    constraints: Iterable[str],
    requirements: Iterable[str],
    read: ReadFile,
    variables: Mapping[str, str],
    installer: Installer,
) -> tuple[Layer, ...]:
    """One layer for each option line, constraints before requirements, nested files where they are named.

    Source: facts/packaging.md A4; pip reads constraints first, read from its source and measured.
    """
    reader = _Reader(read, variables, installer)
    for path in constraints:
        reader.file(path, ())
    for path in requirements:
        reader.file(path, ())
    return tuple(reader.layers)


def lines_of(text: str, variables: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Number and content of each logical line: continuations joined, comments gone, `${NAME}` expanded.

    >>> list(lines_of("# note\\n--index-url \\\\\\n  https://${T}@h/simple # ours\\n", {"T": "x"}))
    [(2, '--index-url   https://x@h/simple')]
    """
    for number, joined in _joined(text):
        line = _COMMENT.sub("", joined).strip()
        if line:
            yield number, _VARIABLE.sub(lambda found: variables.get(found[1]) or found[0], line)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    begun: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            first = first if begun else number
            begun.append(line.strip("\\"))
            continue
        yield (first if begun else number), "".join([*begun, f" {line}" if is_comment else line])
        begun = []
    if begun:
        yield first, "".join(begun)


@dataclass(slots=True)
class _Line:
    """One line that names no project: its options in order, and the file it includes."""

    options: list[tuple[str, str]]

    def first(self, name: str) -> str | None:
        return next((value for option, value in self.options if option == name), None)


class _Reader:
    def __init__(self, read: ReadFile, variables: Mapping[str, str], installer: Installer) -> None:
        self.read = read
        self.variables = variables
        self.installer = installer
        self.layers: list[Layer] = []
        self.stopped = False

    def file(self, path: str, above: tuple[str, ...]) -> None:
        if self.stopped:
            return
        if os.path.normpath(path) in above or len(above) > _DEEPEST:
            self._refuse_loop(path, above)
            return
        text = self.read(path)
        if text is None:
            self._missing(path)
            return
        for number, line in lines_of(text, self.variables):
            self._line(path, number, line, (*above, os.path.normpath(path)))

    def _line(self, path: str, number: int, line: str, above: tuple[str, ...]) -> None:
        origin = f"{path}, line {number}"
        try:
            found = _options_on(line, self.installer)
        except NotUnderstood as error:
            self._stop(Refusal(1, f"Invalid requirement: {mask_urls(line)}: {error}", origin))
            return
        if found is None or self.stopped:
            return
        nested = found.first("requirement") or found.first("constraint")
        if nested:
            self.file(_joined_path(path, nested), above)
        else:
            self._options(found, origin)

    def _options(self, line: _Line, origin: str) -> None:
        """Of several `--index-url` on one line the last counts, of several `--find-links` the first; empty ones are nothing."""
        last_index = [value for name, value in line.options if name == "index-url"][-1:]
        settings: list[Setting] = [Setting("index-url", Secret(value)) for value in last_index if value]
        settings += [Setting("no-index", Secret("")) for name, _value in line.options[:] if name == "no-index"][:1]
        settings += [
            Setting(name, Secret(value))
            for name, value in line.options
            if name in {"extra-index-url", "trusted-host"} and (value or name == "extra-index-url")
        ]
        first_links = line.first("find-links")
        if first_links:
            settings.append(Setting("find-links", Secret(first_links)))
        if settings:
            self.layers.append(Layer(LayerKind.REQUIREMENTS, origin, tuple(settings), position=len(self.layers)))

    def _missing(self, path: str) -> None:
        if _REMOTE.match(path):
            self.layers.append(Layer(LayerKind.REQUIREMENTS, path, position=len(self.layers), state="not seen"))
            return
        self._stop(Refusal(1, f"Could not open requirements file: {path} is not there or cannot be read", path))

    def _refuse_loop(self, path: str, above: tuple[str, ...]) -> None:
        exit_code = 1 if behaviour("requirements-loop", "pip", self.installer.version) == "refused" else 2
        self._stop(Refusal(exit_code, f"{path} includes itself, by way of {above[-1]}", path))

    def _stop(self, refusal: Refusal) -> None:
        self.stopped = True
        self.layers.append(Layer(LayerKind.REQUIREMENTS, refusal.origin, position=len(self.layers), refusal=refusal))


def _options_on(line: str, installer: Installer) -> _Line | None:
    """The options of a line; None for a line that names a project or an editable one."""
    words = line.split(" ")
    project = [word for word in words[: _first_option(words)] if word]
    known = (option for option in REQUIREMENTS_OPTIONS if option.known_to("install", installer.version))
    reader = OptionReader(known)
    try:
        reader.parse_args(shlex.split(" ".join(words[_first_option(words) :])))
    except ValueError as error:
        raise NotUnderstood(str(error)) from error
    if project or any(name == "editable" for name, _value in reader.noted):
        return None
    return _Line(reader.noted)


def _first_option(words: list[str]) -> int:
    return next((place for place, word in enumerate(words) if word.startswith("-")), len(words))


def _joined_path(path: str, nested: str) -> str:
    if _REMOTE.match(path) or _REMOTE.match(nested):
        return nested
    return os.path.normpath(os.path.join(os.path.dirname(path), nested))  # noqa: PTH118, PTH120  text, not this machine's files
