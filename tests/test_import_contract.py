"""Imports point one way only. The arrows are the tables below; every import counts, also those inside functions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = "wheelyard"

ARROWS: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "artifacts": frozenset({"core"}),
    "storage": frozenset({"core"}),
    "compute": frozenset({"core"}),
    "logs": frozenset({"core"}),
    "feed": frozenset({"core", "artifacts", "storage", "compute"}),
    "control": frozenset({"core", "artifacts", "storage", "compute", "feed"}),
    "http": frozenset({"core", "artifacts", "storage", "compute", "feed", "control"}),
    "pages": frozenset({"core", "artifacts", "storage", "compute", "feed", "control"}),
    "embedded": frozenset({"artifacts", "compute", "control", "core", "feed", "http", "logs", "pages", "storage"}),
    "serving": frozenset({"compute", "core", "storage", "control", "http", "embedded", "logs"}),
    "pytest_plugin": frozenset({"core", "embedded", "serving"}),
    "client": frozenset({"core", "artifacts"}),
    "cli": frozenset({"core", "artifacts", "compute", "client", "embedded", "serving", "logs"}),
    "__main__": frozenset({"cli"}),
    "__init__": frozenset(),
}
"""Room to the rooms it may import; itself always."""

CONTROL_ROOMS = (
    "caller",
    "operation",
    "attempts",
    "probes",
    "scim",
    "tokens",
    "oauth",
    "sign_in",
    "permissions",
    "secrets",
    "workspace",
    "feeds",
    "clusters",
    "libraries",
    "command_execution",
    "jobs",
    "logs",
    "package_repositories",
)
"""In the order of dependence: a room may import those before it."""

CORE_MAY_IMPORT = frozenset({"packaging", "ahocorasick_rs", "pip_requirements_parser"})
"""Beside the standard library; docs/decisions/redaction-automaton.md says why the automaton is among them."""

INSIDE_KERNELS = f"{PACKAGE}.compute.runtime_support"
"""Copied into environments that do not hold this program."""

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared"}


@dataclass(frozen=True)
class Import:
    """One module named by an import in one of our files."""

    importer: str
    line: int
    imported: str

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((SOURCE / PACKAGE).rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(module: str) -> Iterator[Import]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                start = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{start}.{alias.name}"
                yield Import(module, node.lineno, name if name in MODULES else start)


IMPORTS = [found for module in MODULES for found in imports_of(module)]
OURS = [found for found in IMPORTS if found.imported.partition(".")[0] == PACKAGE]


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def control_room(module: str) -> str | None:
    parts = module.split(".")
    return parts[2] if parts[1:2] == ["control"] and len(parts) > 2 else None


def test_every_room_is_in_the_table() -> None:
    assert {room(module) for module in MODULES} <= ARROWS.keys()


def test_rooms_import_in_the_direction_of_the_arrows() -> None:
    wrong = [
        str(found)
        for found in OURS
        if room(found.imported) not in {room(found.importer), "__init__", *ARROWS[room(found.importer)]}
    ]
    assert wrong == []


def test_the_arrows_make_no_circle() -> None:
    left = dict(ARROWS)
    while left:
        free = [name for name, targets in left.items() if not targets & left.keys()]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


def test_the_client_never_sees_the_control_plane() -> None:
    assert not ARROWS["client"] & {"control", "http", "storage", "compute", "feed", "embedded"}


def test_control_rooms_call_downwards_only() -> None:
    wrong = []
    for found in OURS:
        caller, called = control_room(found.importer), control_room(found.imported)
        if caller and called and CONTROL_ROOMS.index(called) > CONTROL_ROOMS.index(caller):
            wrong.append(str(found))
    assert wrong == []


def test_every_control_room_is_in_the_table() -> None:
    assert {name for module in MODULES if (name := control_room(module))} <= set(CONTROL_ROOMS)


def test_the_core_needs_nothing_but_the_standard_library_and_a_few_pure_packages() -> None:
    allowed = sys.stdlib_module_names | CORE_MAY_IMPORT | {PACKAGE}
    wrong = [
        str(found)
        for found in IMPORTS
        if room(found.importer) == "core" and found.imported.partition(".")[0] not in allowed
    ]
    assert wrong == []


INPUT_AND_OUTPUT = {"socket", "subprocess", "http", "urllib.request", "asyncio", "sqlite3", "tempfile", "shutil"}


def test_the_core_does_no_input_or_output() -> None:
    wrong = [str(found) for found in IMPORTS if room(found.importer) == "core" and found.imported in INPUT_AND_OUTPUT]
    assert wrong == []


def test_code_that_runs_inside_kernels_imports_nothing_of_ours() -> None:
    wrong = [
        str(found)
        for found in OURS
        if found.importer.startswith(INSIDE_KERNELS) and not found.imported.startswith(INSIDE_KERNELS)
    ]
    assert wrong == []


def test_no_module_is_named_after_nothing() -> None:
    assert [module for module in MODULES if NAMES_THAT_SAY_NOTHING & set(module.split("."))] == []


def test_no_two_modules_import_each_other() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in OURS:
        if found.imported in graph and found.imported != found.importer:
            graph[found.importer].add(found.imported)
    while True:
        free = [module for module, targets in graph.items() if not targets & graph.keys()]
        if not free:
            break
        for module in free:
            del graph[module]
    assert sorted(graph) == []


def test_the_rooms_are_served_in_the_order_of_the_table() -> None:
    embedded = pytest.importorskip("wheelyard.embedded")
    served = [served_room.service.__module__.split(".")[2] for served_room in embedded.ROOMS]
    assert served == sorted(served, key=CONTROL_ROOMS.index)
