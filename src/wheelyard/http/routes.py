"""Which row answers a method and a path.

Rows are matched against the *raw* path, before percent-decoding: the official CLI escapes a whole workspace path in
one go (`…/import-file/Workspace%2FUsers%2Fana`), and a decoded slash would no longer tell a segment from a path.
Fields are decoded after the match. Rows are written with one API version; 2.0, 2.1 and 2.2 reach the same row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from wheelyard.control.operation import Operation
from wheelyard.core.errors import MalformedRequest
from wheelyard.http.decode import Decoder

__all__ = ["Binding", "Match", "RouteTable"]

_API_VERSION = re.compile(r"\A/api/2\.[012]/")
_FIELD = re.compile(r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<rest>\.\.\.)?\}")
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Binding:
    """A row with the service that runs it and the decoder of its body."""

    room: str
    operation: Operation[Any, Any, Any]
    service: Any
    decoder: Decoder


@dataclass(frozen=True, slots=True)
class Match:
    """A row and the decoded fields of the path."""

    binding: Binding
    path_fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Pattern:
    regex: re.Pattern[str]
    binding: Binding


class RouteTable:
    """All rows of a workspace. Paths without fields are looked up in a dictionary, the others from specific to general.

    Raises:
        ValueError: two rows answer one method and path.
    """

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self.bindings = tuple(bindings)
        self._exact: dict[tuple[str, str], Binding] = {}
        patterns: dict[str, list[Binding]] = {}
        seen: set[tuple[str, str]] = set()
        for binding in self.bindings:
            method, path = binding.operation.method, _any_version(binding.operation.path)
            shape = (method, _FIELD.sub("{}", path))
            if shape in seen:
                raise ValueError(f"two rows answer {method} {binding.operation.path}")
            seen.add(shape)
            if _FIELD.search(path):
                patterns.setdefault(method, []).append(binding)
            else:
                self._exact[method, path] = binding
        self._patterns = {method: _ordered(rows) for method, rows in patterns.items()}

    def find(self, method: str, raw_path: str) -> Match | None:
        """Find the row. HEAD is answered by the GET row where no row is written for it.

        Raises:
            MalformedRequest: the escapes of the path are no UTF-8.
        """
        path = _any_version(raw_path)
        found = self._find(method, path)
        return self._find("GET", path) if found is None and method == "HEAD" else found

    def at_once(self) -> dict[str, Match]:
        """The GET rows that say `at_once` and whose paths have no fields, by every path that reaches them."""
        rows = [binding for (method, _path), binding in self._exact.items() if method == "GET"]
        return {
            path: Match(binding, _NO_FIELDS)
            for binding in rows
            if binding.operation.at_once
            for path in _versions(binding.operation.path)
        }

    def _find(self, method: str, path: str) -> Match | None:
        exact = self._exact.get((method, path))
        if exact is not None:
            return Match(exact, _NO_FIELDS)
        for pattern in self._patterns.get(method, ()):
            matched = pattern.regex.fullmatch(path)
            if matched is not None:
                return Match(pattern.binding, {name: _unescaped(text) for name, text in matched.groupdict().items()})
        return None


def _any_version(path: str) -> str:
    return _API_VERSION.sub("/api/2.x/", path)


def _versions(path: str) -> tuple[str, ...]:
    return tuple(_API_VERSION.sub(f"/api/2.{minor}/", path) for minor in (0, 1, 2))


def _ordered(bindings: Iterable[Binding]) -> tuple[_Pattern, ...]:
    by_rank = sorted(bindings, key=lambda binding: _rank(binding.operation.path))
    return tuple(_Pattern(_compiled(_any_version(binding.operation.path)), binding) for binding in by_rank)


def _rank(path: str) -> tuple[int, ...]:
    """Literal segments before fields, fields before rests, compared from the left."""
    return tuple(2 if "...}" in segment else 1 if "{" in segment else 0 for segment in path.split("/"))


def _compiled(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    position = 0
    for field in _FIELD.finditer(path):
        parts.append(re.escape(path[position : field.start()]))
        parts.append(f"(?P<{field['name']}>{'.+' if field['rest'] else '[^/]+'})")
        position = field.end()
    return re.compile("".join(parts) + re.escape(path[position:]), re.DOTALL)


def _unescaped(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise MalformedRequest("The path of the request holds escapes that are no UTF-8.") from error
