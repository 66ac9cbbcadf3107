"""The OpenAPI 3.1 document, written from the rows and the structs they name.

GET and DELETE fields are query parameters, nested ones with dots; other methods take a JSON body, without the fields
that the path already holds. One error schema per envelope.
"""

from __future__ import annotations

import inspect as python_inspect
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from wheelyard import __version__
from wheelyard.control.operation import ANYONE, Empty, Operation, RawAnswer, Room

__all__ = ["openapi_document", "operation_ids"]

_Row = Operation[Any, Any, Any]
_FIELD = re.compile(r"\{(\w+)(?:\.\.\.)?\}")
_REFERENCE = "#/components/schemas/{name}"
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
_ANY_BYTES = {"schema": {"type": "string", "format": "binary"}}

_ERRORS: Mapping[str, dict[str, Any]] = {
    "default": {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {
            "error_code": {"type": "string"},
            "message": {"type": "string"},
            "details": {"type": "array", "items": {"type": "object"}},
        },
    },
    "scim": {
        "type": "object",
        "required": ["schemas", "detail", "status"],
        "properties": {
            "schemas": {"type": "array", "items": {"type": "string"}},
            "detail": {"type": "string"},
            "status": {"type": "string"},
            "scimType": {"type": "string"},
        },
    },
    "1.2": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "oauth": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    },
}


def openapi_document(rooms: Sequence[Room]) -> dict[str, Any]:
    """Describe the rooms' rows."""
    rows = [(room, row) for room in rooms for row in room.operations]
    _, components = msgspec.json.schema_components(_structs(row for _, row in rows), ref_template=_REFERENCE)
    components |= {_error_name(envelope): schema for envelope, schema in _ERRORS.items()}
    ids = operation_ids(rooms)
    paths: dict[str, dict[str, Any]] = {}
    for room, row in rows:
        path = _FIELD.sub(r"{\1}", row.path)
        described = _described(row, components)
        paths.setdefault(path, {})[row.method.lower()] = {
            "operationId": ids[row.method, row.path],
            "tags": [room.name],
            **described,
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wheelyard embedded workspace",
            "version": __version__,
            "description": "Answers the part of the workspace REST API that package management needs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": room.name, "description": _first_sentence(room.service)} for room in rooms],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "client": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{"bearer": []}],
    }


def operation_ids(rooms: Iterable[Room]) -> dict[tuple[str, str], str]:
    """Name each row after its room and handler.

    Rows that share a handler get their last path segment and method too.
    """
    wanted = {
        (row.method, row.path): (f"{room.name}_{getattr(row.handler, '__name__', 'call')}".strip("_"), row)
        for room in rooms
        for row in room.operations
    }
    taken = Counter(name for name, _ in wanted.values())
    return {key: name if taken[name] == 1 else _longer(name, row) for key, (name, row) in wanted.items()}


def _longer(name: str, row: _Row) -> str:
    place = "_".join(re.findall(r"\w+", row.path.split("/", 3)[-1]))
    return f"{name}_{row.method.lower()}_{place}"


def _structs(rows: Iterable[_Row]) -> list[type[Any]]:
    found: dict[type[Any], None] = {}
    for row in rows:
        for used in (row.body, row.answer):
            if _is_struct(used):
                found[used] = None
    return list(found)


def _described(row: _Row, components: Mapping[str, Any]) -> dict[str, Any]:
    in_path = _FIELD.findall(row.path)
    described: dict[str, Any] = {
        "summary": _first_sentence(row.handler) or f"{row.handler.__name__.replace('_', ' ').capitalize()}.",
        "description": f"Needs: {row.needs.label}.",
        "parameters": _parameters(row, in_path, components),
        "responses": _responses(row, components),
    }
    if row.method not in _WITHOUT_BODY and row.body is not Empty:
        described["requestBody"] = {"content": _request_content(row, in_path, components), "required": _needs_body(row)}
    if row.needs is ANYONE:
        described["security"] = [{"client": []}, {}] if row.envelope == "oauth" else []
    return described


def _is_struct(used: Any) -> bool:
    """A body or answer may also be a mapping, kept as it came, or `RawAnswer`."""
    return isinstance(used, type) and issubclass(used, msgspec.Struct)


def _schema(used: Any, components: Mapping[str, Any]) -> dict[str, Any]:
    if not _is_struct(used):
        return {"type": "object"}
    return {"$ref": _REFERENCE.format(name=_name(used, components))}


def _needs_body(row: _Row) -> bool:
    return row.raw or not _is_struct(row.body) or any(field.required for field in msgspec.structs.fields(row.body))


def _parameters(row: _Row, in_path: list[str], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    properties = _properties(row.body, components)
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**properties.get(name, {"type": "string"}), "minLength": 1} | {"type": "string"},
        }
        for name in in_path
    ]
    if row.method in _WITHOUT_BODY or row.raw:
        info = inspect.type_info(row.body)
        skipped = frozenset({*in_path, "content"} if row.raw else in_path)
        parameters += _query_parameters(info, components, skipped=skipped)
    return parameters


def _query_parameters(
    info: inspect.Type,
    components: Mapping[str, Any],
    *,
    prefix: str = "",
    skipped: frozenset[str] = frozenset(),
    above: tuple[type[Any], ...] = (),
) -> list[dict[str, Any]]:
    if not isinstance(info, inspect.StructType) or info.cls in above:
        return []
    properties = _properties(info.cls, components)
    parameters: list[dict[str, Any]] = []
    for field in info.fields:
        if field.encode_name in skipped:
            continue
        inner = _struct_in(field.type)
        name = f"{prefix}{field.encode_name}"
        if inner is not None:
            parameters += _query_parameters(inner, components, prefix=f"{name}.", above=(*above, info.cls))
        else:
            schema = properties.get(field.encode_name, {"type": "string"})
            parameters.append(
                {"name": name, "in": "query", "required": field.required and not prefix, "schema": schema}
            )
    return parameters


def _struct_in(info: inspect.Type) -> inspect.StructType | None:
    if isinstance(info, inspect.UnionType):
        return next((found for found in map(_struct_in, info.types) if found is not None), None)
    return info if isinstance(info, inspect.StructType) else None


def _properties(struct: type[Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    if not _is_struct(struct):
        return {}
    properties: Mapping[str, Any] = components.get(_name(struct, components), {}).get("properties", {})
    return properties


def _name(struct: type[Any], components: Mapping[str, Any]) -> str:
    """The component's name: msgspec uses the full one where two rooms have structs of one name."""
    full = f"{struct.__module__}.{struct.__qualname__}"
    return full if full in components else struct.__name__


def _request_content(row: _Row, in_path: list[str], components: Mapping[str, Any]) -> dict[str, Any]:
    if row.raw:
        return {"application/octet-stream": _ANY_BYTES}
    schema = _schema(row.body, components)
    if in_path and _is_struct(row.body):
        whole = components[_name(row.body, components)]
        schema = {
            "type": "object",
            "properties": {name: part for name, part in whole.get("properties", {}).items() if name not in in_path},
            "required": [name for name in whole.get("required", ()) if name not in in_path],
        }
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if row.envelope == "oauth":
        return {"application/x-www-form-urlencoded": {"schema": schema}}
    if row.form:
        content["multipart/form-data"] = {"schema": schema}
    return content


def _responses(row: _Row, components: Mapping[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done."}
    if row.answer is RawAnswer:
        success["content"] = {"application/octet-stream": _ANY_BYTES}
    elif row.status != 204:
        success["content"] = {row.media_type: {"schema": _schema(row.answer, components)}}
    refused = {"schema": {"$ref": _REFERENCE.format(name=_error_name(row.envelope))}}
    return {
        str(row.status): success,
        "4XX": {"description": "Refused; nothing was changed.", "content": {"application/json": refused}},
        "5XX": {"description": "Failed.", "content": {"application/json": refused}},
    }


def _error_name(envelope: str) -> str:
    return {"default": "Error", "scim": "ScimError", "1.2": "Api12Error", "oauth": "OAuthError"}[envelope]


def _first_sentence(documented: Any) -> str:
    text = python_inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].split())
