"""SCIM filters: text to a tree, and whether a resource matches it.

`eq ne co sw ew pr`, `and`, `or`, `not`, parentheses; `and` binds closer than `or`. Clients quote values or do not, so
a bare word is a value too. Strings compare whatever their case, except ids. Source: RFC 7644, 3.4.2.2; workspace-api
facts 3.3.

>>> tree = parse_filter('userName sw ana and not (active eq false)')
>>> matches(tree, wire.Resource(userName="Ana@example.com", active=True))
True
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from wheelyard.control.scim import wire
from wheelyard.core.errors import InvalidParameter

__all__ = ["And", "Comparison", "Filter", "Not", "Or", "matches", "parse_filter", "values_at"]

_LONGEST = 4096
_DEEPEST = 32
_TOKEN = re.compile(r"""\s*(?:(?P<mark>[()])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()"]+))""")
_OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "pr"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attribute operator value`; the attribute as a dotted path, the operator in lower case."""

    attribute: str
    operator: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class And:
    """Both sides hold."""

    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Or:
    """One side holds, or both."""

    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Not:
    """The inside does not hold."""

    inner: Filter


Filter = Comparison | And | Or | Not


def parse_filter(text: str) -> Filter:
    """Parse one filter.

    Raises:
        InvalidParameter: it is longer than 4096 characters, nested too deeply, or no filter; nothing is guessed.
    """
    if len(text) > _LONGEST:
        raise _invalid(f"it is longer than {_LONGEST} characters")
    reader = _Reader(text)
    tree = reader.any_of(0)
    if reader.now is not None:
        raise _invalid(f"'{reader.now.text[:40]}' is not expected there")
    return tree


def matches(tree: Filter, resource: wire.Resource | wire.Reference) -> bool:
    """Whether a resource, or one entry of a multi-valued attribute, satisfies the filter."""
    if isinstance(tree, And):
        return matches(tree.left, resource) and matches(tree.right, resource)
    if isinstance(tree, Or):
        return matches(tree.left, resource) or matches(tree.right, resource)
    if isinstance(tree, Not):
        return not matches(tree.inner, resource)
    return _compare(tree, list(values_at(resource, tree.attribute)))


def values_at(value: Any, path: str) -> Iterator[str]:
    """Every value a dotted attribute path leads to, as text; nothing for an attribute that is absent or unknown."""
    if isinstance(value, tuple):
        for item in value:
            yield from values_at(item, path)
    elif isinstance(value, msgspec.Struct):
        head, _, rest = path.partition(".")
        name = _field_named(type(value), head or "value")
        if name:
            yield from values_at(getattr(value, name), rest)
    elif value is not None and not path:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _field_named(struct: type[msgspec.Struct], wanted: str) -> str:
    folded = wanted.casefold()
    return next((field.name for field in msgspec.structs.fields(struct) if field.encode_name.casefold() == folded), "")


def _compare(comparison: Comparison, values: list[str]) -> bool:
    if comparison.operator == "pr":
        return any(values)
    if comparison.operator == "ne":
        return not _compare(Comparison(comparison.attribute, "eq", comparison.value), values)
    if comparison.attribute.casefold() == "id":
        return any(_holds(comparison.operator, value, comparison.value) for value in values)
    wanted = comparison.value.casefold()
    return any(_holds(comparison.operator, value.casefold(), wanted) for value in values)


def _holds(operator: str, value: str, wanted: str) -> bool:
    if operator == "eq":
        return value == wanted
    if operator == "sw":
        return value.startswith(wanted)
    return value.endswith(wanted) if operator == "ew" else wanted in value


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool

    def is_word(self, word: str) -> bool:
        return not self.quoted and self.text.lower() == word


class _Reader:
    """Recursive descent over the tokens, one ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self.now: _Token | None = next(self._tokens, None)

    def _take(self) -> _Token:
        taken = self.now
        if taken is None:
            raise _invalid("it ends too early")
        self.now = next(self._tokens, None)
        return taken

    def _skip(self, word: str) -> bool:
        if self.now is None or not self.now.is_word(word):
            return False
        self._take()
        return True

    def any_of(self, depth: int) -> Filter:
        tree = self._all_of(depth)
        while self._skip("or"):
            tree = Or(tree, self._all_of(depth))
        return tree

    def _all_of(self, depth: int) -> Filter:
        tree = self._one(depth)
        while self._skip("and"):
            tree = And(tree, self._one(depth))
        return tree

    def _one(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise _invalid("it is nested too deeply")
        if self._skip("not"):
            return Not(self._one(depth + 1))
        if self._skip("("):
            tree = self.any_of(depth + 1)
            if not self._skip(")"):
                raise _invalid("a ')' is missing")
            return tree
        return self._comparison()

    def _comparison(self) -> Comparison:
        attribute, operator = self._take(), self._take()
        name = operator.text.lower()
        if attribute.quoted or operator.quoted or name not in _OPERATORS:
            raise _invalid(f"'{operator.text[:40]}' is no operator; there are {', '.join(sorted(_OPERATORS))}")
        return Comparison(attribute.text, name, "" if name == "pr" else self._take().text)


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise _invalid("a quote is not closed")
        position = found.end()
        quoted = found["quoted"]
        if quoted is not None:
            yield _Token(re.sub(r"\\(.)", r"\1", quoted), quoted=True)
        else:
            yield _Token(found["mark"] or found["word"], quoted=False)


def _invalid(reason: str) -> InvalidParameter:
    return InvalidParameter(
        f"The filter cannot be understood: {reason}.",
        reference="invalid-filter",
        hint='a filter looks like userName eq "ana@example.com"',
    )
