"""Requirements and constraints files as uv reads them, which is not as pip does.

Requirements files come before constraints files. A file included by `-c` gives its versions and none of its options.
There can be one `--index-url` in all: a second one in a file, or another one in another file, stops uv.

Source: uv's requirements reader, measured by the differential test with uv 0.13.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wheelyard.core.pip.command import NotUnderstood
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.pip.requirements_text import LineOptions, is_remote, joined_path, lines_of, options_on
from wheelyard.core.redaction import Secret

__all__ = ["uv_requirements_layers"]

EXIT_CODE = 2
_GRAMMAR = Installer.parse("pip")
_DEEPEST = 100


class _Stopped(Exception):
    def __init__(self, text: str, origin: str) -> None:
        super().__init__(text)
        self.refusal = Refusal(EXIT_CODE, text, origin)


@dataclass(slots=True)
class _Found:
    """What one file gives, with everything it includes."""

    index: str | None = None
    settings: list[tuple[str, Setting]] = field(default_factory=list)


def uv_requirements_layers(
    constraints: Iterable[str],
    requirements: Iterable[str],
    read: Callable[[str], str | None],
    variables: Mapping[str, str],
) -> tuple[Layer, ...]:
    """One layer for each option, in the order in which uv adds them to its list."""
    reader = _Reader(read, variables)
    found: list[tuple[str, Setting]] = []
    refusal: Refusal | None = None
    index: str | None = None
    try:
        for path in (*requirements, *constraints):
            one = reader.file(path, 0)
            found += one.settings
            index = _one_index(index, one.index, path)
    except _Stopped as stopped:
        refusal = stopped.refusal
    layers = [Layer(LayerKind.REQUIREMENTS, origin, (setting,), place) for place, (origin, setting) in enumerate(found)]
    if refusal is not None:
        layers.append(Layer(LayerKind.REQUIREMENTS, refusal.origin, position=len(layers), refusal=refusal))
    return tuple(layers)


def _one_index(known: str | None, found: str | None, path: str) -> str | None:
    if known and found and found != known:
        raise _Stopped("Multiple index URLs specified", path)
    return found or known


class _Reader:
    def __init__(self, read: Callable[[str], str | None], variables: Mapping[str, str]) -> None:
        self.read = read
        self.variables = variables

    def file(self, path: str, depth: int) -> _Found:
        if is_remote(path):
            return _Found()
        text = self.read(path)
        if text is None or depth > _DEEPEST:
            raise _Stopped(f"File not found: `{path}`", path)
        found = _Found()
        for number, line in lines_of(text, self.variables, join_options=False):
            self._line(found, path, f"{path}, line {number}", line, depth)
        return found

    def _line(self, found: _Found, path: str, origin: str, line: str, depth: int) -> None:
        if line.startswith("-") and line.endswith("\\"):
            raise _Stopped("Invalid URL: uv joins no option lines", origin)
        try:
            options = options_on(line, _GRAMMAR)
        except NotUnderstood as error:
            raise _Stopped(str(error), origin) from error
        if options is None:
            return
        included, constrained = options.first("requirement"), options.first("constraint")
        if included:
            self._include(found, self.file(joined_path(path, included), depth + 1), origin)
        elif constrained:
            self.file(joined_path(path, constrained), depth + 1)
        else:
            self._note(found, options, origin)

    @staticmethod
    def _include(found: _Found, included: _Found, origin: str) -> None:
        if included.index and found.index and included.index != found.index:
            raise _Stopped("Nested requirements file contains conflicting `--index-url`", origin)
        found.index = found.index or included.index
        found.settings += included.settings

    @staticmethod
    def _note(found: _Found, options: LineOptions, origin: str) -> None:
        for name, value in options.options:
            if name == "index-url":
                if found.index is not None:
                    raise _Stopped("Multiple `--index-url` values provided", origin)
                found.index = value
            if name in {"index-url", "extra-index-url", "find-links", "no-index"}:
                found.settings.append((origin, Setting(name, Secret(value))))
