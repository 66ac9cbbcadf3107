"""Write docs/reference/operations.md and docs/reference/errors.md; `--check` says whether they are current.

Operations come from the rooms' rows. Errors come from the table in `http/errors.py` and from the source itself:
wherever an error is raised, its class, reference and text stand next to each other.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wheelyard.control.operation import Operation, Room
from wheelyard.core import errors
from wheelyard.embedded import ROOMS
from wheelyard.http.errors import STATUS
from wheelyard.http.openapi import operation_ids

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "wheelyard"
TARGETS = ROOT / "docs" / "reference"
WRITTEN = "<!-- Written by scripts/reference_rest.py from {origin}; change those, then run `make docs`. -->"

OPERATIONS_OPENING = """\
The embedded workspace answers these, and every other path below `/api` with 404 `ENDPOINT_NOT_FOUND`. A row written
with one version of API 2 is answered under 2.0, 2.1 and 2.2. The machine-readable form is `/openapi.json`; who may
call what, tried out, is `tests/matrix/operations.txt`."""

ERRORS_OPENING = """\
An error answer has a `message` for the reader and an `error_code` for the client. `details` holds an `ErrorInfo` whose
`reason` is the reference below and whose `metadata` may hold `because`, `unchanged` and `hint`. SCIM, API 1.2 and OAuth
answer in their own shapes, with the same statuses. On the command line the reference stands behind `error:`."""


def operations_page() -> str:
    """Every endpoint, room by room."""
    parts = [
        "# REST operations",
        WRITTEN.format(origin="the operation rows"),
        OPERATIONS_OPENING,
    ]
    ids = operation_ids(ROOMS)
    for room in ROOMS:
        parts += [f"## {room.name.replace('_', ' ')}", _sentence(room.service), "\n".join(_rows(room, ids))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(room: Room, ids: dict[tuple[str, str], str]) -> Iterator[str]:
    yield "| operation | needs | what it does | operation id |"
    yield "|---|---|---|---|"
    for row in room.operations:
        key = ids[row.method, row.path]
        yield f"| `{row.method} {row.path}` | {row.needs.label} | {_cell(_does(row))} | `{key}` |"


def _does(row: Operation[Any, Any, Any]) -> str:
    name: str = row.handler.__name__
    return _sentence(row.handler) or f"{name.replace('_', ' ').capitalize()}."


def errors_page() -> str:
    """Every error class with its answer, and every reference with its texts."""
    parts = [
        "# Errors",
        WRITTEN.format(origin="`http/errors.py` and the source"),
        ERRORS_OPENING,
        "## Classes",
        "\n".join(_class_rows()),
        "## References",
        "Names in braces stand for the values of the case.",
        "\n".join(_reference_rows()),
    ]
    return "\n\n".join(parts) + "\n"


def _class_rows() -> Iterator[str]:
    yield "| class | status | error_code | when |"
    yield "|---|---|---|---|"
    for found in sorted(_known().values(), key=lambda found: (_answer(found), found.__name__)):
        status, code = _answer(found)
        yield f"| `{found.__name__}` | {status} | `{code}` | {_cell(_sentence(found))} |"


def _known() -> dict[str, type[errors.WheelyardError]]:
    return {
        name: found
        for name, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, errors.WheelyardError)
    }


def _answer(found: type[errors.WheelyardError]) -> tuple[int, str]:
    return next(STATUS[ancestor] for ancestor in found.__mro__ if ancestor in STATUS)


def _reference_rows() -> Iterator[str]:
    texts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    classes: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for reference, name, text in sorted(set(_raised())):
        texts[reference][text] = None
        classes[reference][name] = None
    yield "| reference | class | text |"
    yield "|---|---|---|"
    for reference in sorted(texts):
        names = ", ".join(f"`{name}`" for name in classes[reference])
        yield f"| `{reference}` | {names} | {'<br>'.join(map(_cell, texts[reference]))} |"


def _raised() -> Iterator[tuple[str, str, str]]:
    known = _known()
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                reference = _keyword(node, "reference")
                text = _template(node.args[0])
                if name in known and text:
                    yield reference or known[name].default_reference, name, text


def _keyword(node: ast.Call, name: str) -> str:
    found = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else ""


def _template(node: ast.expr) -> str:
    """The text of a literal or f-string, its values as `{value}`; nothing for a text that comes from elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"{{{_value(node.value)}}}"
    return ""


def _value(node: ast.expr) -> str:
    names = [
        part.attr if isinstance(part, ast.Attribute) else part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute | ast.Name)
    ]
    return names[0].strip("_").lower() if names else "value"


def _sentence(documented: Any) -> str:
    text = inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


PAGES = {"operations.md": operations_page, "errors.md": errors_page}


def main() -> None:
    """Write the pages, or compare them."""
    stale = []
    for name, page in PAGES.items():
        target, text = TARGETS / name, page()
        if "--check" in sys.argv:
            if not target.exists() or target.read_text(encoding="utf-8") != text:
                stale.append(str(target))
        else:
            TARGETS.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(f"wrote {target}")
    if stale:
        sys.exit(f"out of date: {', '.join(stale)}; run python scripts/reference_rest.py")


if __name__ == "__main__":
    main()
