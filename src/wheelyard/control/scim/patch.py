"""PATCH as a function: a resource and its operations in, the changed resource out; nothing is stored here.

Paths in use are an attribute (`members`), a part of one (`name.givenName`), a selection (`members[value eq "12"]`),
and none at all, where the value names the attributes. What clients may not change (`userName`, `id`, `emails` of an
existing user) is left as it is, as the platform does. Source: RFC 7644, 3.5.2; workspace-api facts 3.3;
databricks-sdk-py `iam.User`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from wheelyard.control.scim import wire
from wheelyard.control.scim.filters import matches, parse_filter
from wheelyard.core.errors import InvalidParameter

__all__ = ["patched"]

_PATH = re.compile(
    r"(?:urn:ietf:params:scim:schemas:core:2\.0:\w+:)?"
    r"(?P<attribute>[A-Za-z$]+)(?:\[(?P<selection>.*)\])?(?:\.(?P<part>[A-Za-z$]+))?",
    re.DOTALL,
)
_LISTS = {name.casefold(): name for name in ("members", "groups", "entitlements", "roles")}
_TEXTS = {name.casefold(): name for name in ("displayName", "externalId")}
_FIXED = frozenset({"id", "username", "applicationid", "schemas", "meta", "emails"})


def patched(resource: wire.Resource, operations: tuple[wire.PatchOperation, ...]) -> wire.Resource:
    """Apply the operations in order.

    Raises:
        InvalidParameter: an operation, path or value makes no sense; none of the operations is then applied.
    """
    for operation in operations:
        kind = operation.op.lower()
        if kind not in {"add", "remove", "replace"}:
            raise InvalidParameter(
                f"Invalid value for field 'op': '{operation.op[:40]}' is not add, remove or replace."
            )
        resource = _applied(resource, kind, operation.path.strip(), operation.value)
    return resource


def _applied(resource: wire.Resource, kind: str, path: str, value: Any) -> wire.Resource:
    if path:
        return _at_path(resource, kind, path, value)
    if not isinstance(value, Mapping):
        raise InvalidParameter("An operation without a path needs an object as its value.", reference="invalid-path")
    for name, part in value.items():
        resource = _at_path(resource, kind, name, part)
    return resource


def _at_path(resource: wire.Resource, kind: str, path: str, value: Any) -> wire.Resource:
    found = _PATH.fullmatch(path)
    attribute = found["attribute"].casefold() if found else ""
    if found and attribute in _LISTS and found["part"] in {None, "value"}:
        name = _LISTS[attribute]
        now = getattr(resource, name) or ()
        return msgspec.structs.replace(resource, **{name: _changed(now, kind, found["selection"], value)})
    if found and attribute in _TEXTS:
        return msgspec.structs.replace(resource, **{_TEXTS[attribute]: _text(path, kind, value)})
    if attribute == "active":
        return msgspec.structs.replace(resource, active=_boolean(kind, value))
    if found and attribute == "name":
        return msgspec.structs.replace(resource, name=_name(resource.name, kind, found["part"], value))
    if attribute in _FIXED:
        return resource
    raise InvalidParameter(f"The path '{path[:100]}' names nothing that can be changed.", reference="invalid-path")


def _changed(
    now: tuple[wire.Reference, ...], kind: str, selection: str | None, value: Any
) -> tuple[wire.Reference, ...]:
    if selection is not None:
        if kind != "remove":
            raise InvalidParameter("A path with a selection can only be removed.", reference="invalid-path")
        tree = parse_filter(selection)
        return tuple(item for item in now if not matches(tree, item))
    given = _references(value)
    if kind == "replace":
        return given
    named = {item.value for item in given}
    if kind == "add":
        return (*(item for item in now if item.value not in named), *given)
    return tuple(item for item in now if item.value not in named) if given else ()


def _references(value: Any) -> tuple[wire.Reference, ...]:
    """`[{"value": …}]`, `{"value": …}`, `"…"` and lists of texts are all in use."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    shaped = [{"value": item} if isinstance(item, str) else item for item in items]
    try:
        return msgspec.convert(shaped, tuple[wire.Reference, ...], strict=False)
    except msgspec.ValidationError:
        raise InvalidParameter("Invalid value for field 'value': a list of objects with a value is needed.") from None


def _text(path: str, kind: str, value: Any) -> str:
    if kind == "remove":
        return ""
    if not isinstance(value, str):
        raise InvalidParameter(f"Invalid value for field 'value': '{path}' needs a text.")
    return value


def _boolean(kind: str, value: Any) -> bool:
    text = str(value).lower()
    if kind == "remove" or text not in {"true", "false"}:
        raise InvalidParameter("Invalid value for field 'value': 'active' is true or false.")
    return text == "true"


def _name(now: wire.PersonName | None, kind: str, part: str | None, value: Any) -> wire.PersonName:
    name = now or wire.PersonName()
    if part is None:
        given = {} if kind == "remove" else value
        if not isinstance(given, Mapping):
            raise InvalidParameter("Invalid value for field 'value': 'name' needs an object.")
        return wire.PersonName(*(str(given.get(field, "")) for field in ("givenName", "familyName")))
    field = {"givenname": "givenName", "familyname": "familyName"}.get(part.casefold())
    if field is None:
        raise InvalidParameter(f"The path 'name.{part}' names nothing that can be changed.", reference="invalid-path")
    return msgspec.structs.replace(name, **{field: _text(f"name.{part}", kind, value)})
