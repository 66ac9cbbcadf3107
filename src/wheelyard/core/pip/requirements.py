"""Requirements and constraints files: the option lines that decide where an installer looks, in reading order.

Lines that name a project are skipped: an option behind a requirement has no effect on indexes. `${NAME}` is expanded
here and nowhere else; a name without a value stays as it stands and is sent as it stands.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping

from wheelyard.core.pip.command import NotUnderstood
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.pip.requirements_text import LineOptions, is_remote, joined_path, lines_of, options_on
from wheelyard.core.pip.uv_requirements import uv_requirements_layers
from wheelyard.core.redaction import Secret, mask_urls
from wheelyard.core.rules.installers import behaviour

__all__ = ["requirements_layers"]

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
    if installer.name == "uv":
        return uv_requirements_layers(constraints, requirements, read, variables)
    reader = _Reader(read, variables, installer)
    for path in constraints:
        reader.file(path, ())
    for path in requirements:
        reader.file(path, ())
    return tuple(reader.layers)


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
            found = options_on(line, self.installer)
        except NotUnderstood as error:
            self._stop(Refusal(1, f"Invalid requirement: {mask_urls(line)}: {error}", origin))
            return
        if found is None or self.stopped:
            return
        nested = found.first("requirement") or found.first("constraint")
        if nested:
            self.file(joined_path(path, nested), above)
        else:
            self._options(found, origin)

    def _options(self, line: LineOptions, origin: str) -> None:
        """Of several `--index-url` on a line the last counts, of several `--find-links` the first, empty ones never."""
        last_index = [value for name, value in line.options if name == "index-url"][-1:]
        settings: list[Setting] = [Setting("index-url", Secret(value)) for value in last_index if value]
        settings += [Setting("no-index", Secret("")) for name, _value in line.options if name == "no-index"][:1]
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
        if is_remote(path):
            self.layers.append(Layer(LayerKind.REQUIREMENTS, path, position=len(self.layers), state="not seen"))
            return
        self._stop(Refusal(1, f"Could not open requirements file: {path} is not there or cannot be read", path))

    def _refuse_loop(self, path: str, above: tuple[str, ...]) -> None:
        exit_code = 1 if behaviour("requirements-loop", "pip", self.installer.version) == "refused" else 2
        self._stop(Refusal(exit_code, f"{path} includes itself, by way of {above[-1]}", path))

    def _stop(self, refusal: Refusal) -> None:
        self.stopped = True
        self.layers.append(Layer(LayerKind.REQUIREMENTS, refusal.origin, position=len(self.layers), refusal=refusal))
