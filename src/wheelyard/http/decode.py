"""From what arrived to the row's body struct.

Path fields, query, JSON, form and multipart fields end in one mapping (path wins over body, body over query) that
msgspec converts at once. Conversion is lenient about spelling, as the platform's own JSON mapping is: `"5"` is a
number, `True` a boolean, `null` an absent field, an unknown field nothing at all. It is strict about meaning: every
refusal names the field.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import inspect
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header

from wheelyard.control.operation import Operation
from wheelyard.core.errors import InvalidParameter, MalformedRequest

__all__ = ["Decoder", "Payload"]

_MOST_FIELDS = 2000
_DEEPEST = 64
_LARGEST_NUMBER = 2**63
_PROBLEM = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")


class Payload(msgspec.Struct, frozen=True):
    """The parts of a request that fields come from. `query` is the raw query string."""

    query: str = ""
    content: bytes = b""
    content_type: str = ""
    authorization: str = ""


@dataclass(slots=True)
class _Shape:
    """What a query key may mean: whether it repeats, and which keys lie below it (`None`: any)."""

    repeated: bool
    below: dict[str, _Shape] | None


class Decoder:
    """Decodes the requests of one row."""

    def __init__(self, operation: Operation[Any, Any, Any]) -> None:
        self._operation = operation
        self._shapes = _shapes_of(operation.body)
        self._only_texts = _holds_only_texts(operation.body)

    def decode(self, payload: Payload, path_fields: Mapping[str, str]) -> Any:
        """Build the row's body.

        Raises:
            MalformedRequest: query or body cannot be read at all, or the body is no JSON object.
            InvalidParameter: a field is missing, ill-typed or out of range; the text names it.
        """
        fields = self._from_query(payload.query) if payload.query else {}
        fields.update(self._from_body(payload))
        if self._operation.envelope == "oauth":
            fields.update(_basic_credentials(payload.authorization))
        if not _is_flat(fields):
            fields = _cleaned(fields, "", 0)
        if path_fields:
            fields.update(_cleaned(dict(path_fields), "", 0))
        try:
            body = msgspec.convert(fields, self._operation.body, strict=False)
        except msgspec.ValidationError as error:
            raise _refusal(str(error)) from None
        if not self._only_texts:
            _check_numbers(body, "")
        return body

    def _from_query(self, query: str) -> dict[str, Any]:
        return self._placed(_pairs(query, "query"))

    def _placed(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in pairs:
            _place(fields, self._shapes, key, value)
        return fields

    def _from_body(self, payload: Payload) -> dict[str, Any]:
        if self._operation.raw:
            return {"content": payload.content}
        if not payload.content:
            return {}
        media_type, options = parse_options_header(payload.content_type)
        if media_type == b"multipart/form-data" and self._operation.form:
            return self._placed(_multipart(payload.content, options))
        if media_type == b"application/x-www-form-urlencoded" and not _looks_like_json(payload.content):
            return self._form(payload.content)
        return _json_object(payload.content, media_type.decode("latin-1"))

    def _form(self, content: bytes) -> dict[str, Any]:
        if not self._operation.form:
            raise MalformedRequest(
                "Could not parse request object: a JSON object is needed, not a form.",
                hint="send Content-Type: application/json",
            )
        return self._placed(_pairs(_text(content, "body"), "body"))


def _pairs(text: str, where: str) -> list[tuple[str, str]]:
    if text.count("&") < _MOST_FIELDS and "%" not in text and "+" not in text:  # nothing to decode; mostly so
        return [(name, value) for name, _, value in [pair.partition("=") for pair in text.split("&") if pair]]
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"The {where} of the request holds escapes that are no UTF-8.") from error
    except ValueError as error:
        raise MalformedRequest(f"The {where} of the request holds more than {_MOST_FIELDS} fields.") from error


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"The {where} of the request is no UTF-8.") from error


def _looks_like_json(content: bytes) -> bool:
    """`curl -d '{…}'` says it sends a form; people do that, and the platform lets them."""
    return content[:64].lstrip()[:1] in (b"{", b"[")


def _json_object(content: bytes, media_type: str) -> dict[str, Any]:
    if media_type not in {"", "text/plain", "application/x-www-form-urlencoded"} and not media_type.endswith("json"):
        raise MalformedRequest(
            f"Could not parse request object: Content-Type '{media_type[:100]}' is not supported here.",
            reference="unsupported-content-type",
            hint="send Content-Type: application/json",
        )
    try:
        decoded = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise MalformedRequest(f"Could not parse request object: {error}") from None
    except UnicodeDecodeError:
        raise MalformedRequest("Could not parse request object: it is no UTF-8.") from None
    except RecursionError:
        raise MalformedRequest("Could not parse request object: it is nested too deeply.") from None
    if not isinstance(decoded, dict):
        raise MalformedRequest(f"Could not parse request object: expected a JSON object, got {_kind(decoded)}.")
    return decoded


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _multipart(content: bytes, options: Mapping[bytes, bytes]) -> list[tuple[str, Any]]:
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedRequest("The Content-Type of the request names no boundary for its parts.")
    parts: list[tuple[str, Any]] = []

    def on_field(field: Field) -> None:
        name, value = field.field_name or b"", field.value or b""
        parts.append((_text(name, "body"), _text(value, "body")))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        parts.append((_text(file.field_name or b"", "body"), file.file_object.read()))

    parser = FormParser(
        "multipart/form-data", on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(content) + 1}
    )
    try:
        parser.write(content)
        parser.finalize()
    except FormParserError as error:
        raise MalformedRequest(f"The parts of the request's body cannot be told apart: {error}") from None
    finally:
        parser.close()
    return parts


def _basic_credentials(authorization: str) -> dict[str, str]:
    """Client credentials may come as Basic as well as in the form. Source: RFC 6749, 2.3.1."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, client_secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:
        raise MalformedRequest("The Basic credentials of the request are no base64 of UTF-8 text.") from error
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(client_secret)}


def _shapes_of(body: type[Any]) -> dict[str, _Shape] | None:
    """What the query of a body may hold; `None`, for a body that is no struct, is anything."""
    known: dict[type[Any], dict[str, _Shape]] = {}

    def of_struct(info: inspect.StructType) -> dict[str, _Shape]:
        if info.cls not in known:
            known[info.cls] = {}
            known[info.cls].update({field.encode_name: of_type(field.type) for field in info.fields})
        return known[info.cls]

    def of_type(info: inspect.Type) -> _Shape:
        if isinstance(info, inspect.Metadata):
            return of_type(info.type)
        if isinstance(info, inspect.UnionType):
            return next(
                (shape for shape in map(of_type, info.types) if shape.repeated or shape.below != {}), _Shape(False, {})
            )
        if isinstance(info, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
            return _Shape(True, of_type(info.item_type).below)
        if isinstance(info, inspect.StructType):
            return _Shape(False, of_struct(info))
        if isinstance(info, inspect.DictType | inspect.AnyType):
            return _Shape(False, None)
        return _Shape(False, {})

    top = inspect.type_info(body)
    return of_struct(top) if isinstance(top, inspect.StructType) else None


def _holds_only_texts(body: type[Any]) -> bool:
    info = inspect.type_info(body)
    return isinstance(info, inspect.StructType) and all(
        isinstance(field.type, inspect.StrType | inspect.LiteralType) for field in info.fields
    )


def _place(fields: dict[str, Any], shapes: dict[str, _Shape] | None, key: str, value: Any) -> None:
    """Put one query field where its dotted key says; what the struct does not know is left out."""
    shape = _Shape(False, None) if shapes is None else shapes.get(key)
    if shape is not None:
        if shape.repeated:
            fields.setdefault(key, []).append(value)
        else:
            fields[key] = value
        return
    head, dot, rest = key.partition(".")
    if not dot or shapes is None or head not in shapes:
        return
    inner = fields.setdefault(head, {})
    if isinstance(inner, dict):
        _place(inner, shapes[head].below, rest, value)


def _is_flat(fields: Mapping[str, Any]) -> bool:
    """Whether there are only texts, and no NUL in them: then there is nothing to clean."""
    return all(type(value) is str for value in fields.values()) and "\0" not in "".join([*fields, *fields.values()])


def _cleaned(value: Any, name: str, depth: int) -> Any:
    """Drop nulls, and refuse NUL characters, which not every store of ours could keep."""
    if depth > _DEEPEST:
        raise MalformedRequest("Could not parse request object: it is nested too deeply.")
    if isinstance(value, dict):
        _cleaned("".join(value), name, depth)
        return {
            key: _cleaned(item, f"{name}.{key}" if name else key, depth + 1)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_cleaned(item, f"{name}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, str) and "\0" in value:
        raise InvalidParameter(f"Invalid value for field '{name}': it holds a NUL character.")
    return value


def _check_numbers(value: Any, name: str) -> None:
    """Refuse numbers beyond 64 bits, however they were spelled."""
    if isinstance(value, int):
        if not -_LARGEST_NUMBER <= value < _LARGEST_NUMBER:
            raise InvalidParameter(f"Invalid value for field '{name}': the number is out of range.")
    elif isinstance(value, msgspec.Struct):
        for field, wire_name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            _check_numbers(getattr(value, field), f"{name}.{wire_name}" if name else wire_name)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_numbers(item, f"{name}[{index}]")


def _refusal(problem: str) -> InvalidParameter:
    """Turn msgspec's words into ours. They hold names and types, and no value but that of an enumeration."""
    found = _PROBLEM.fullmatch(problem)
    what, path = (found["what"], found["path"] or "") if found else (problem, "")
    place = path.removeprefix("$").removeprefix(".")
    missing = _MISSING.fullmatch(what)
    if missing:
        name = f"{place}.{missing['field']}" if place else missing["field"]
        return InvalidParameter(f"Missing required field: {name}", reference="missing-field")
    return InvalidParameter(f"Invalid value for field '{place}': {what[:1].lower()}{what[1:]}")
