from __future__ import annotations

from pathlib import Path

import pytest

from wheelyard.compute.machine import Interpreter, find_interpreters, nearest, system_roots


def python(minor: int, micro: int = 0) -> Interpreter:
    return Interpreter(Path(f"/opt/{minor}.{micro}/bin/python"), (3, minor, micro), Path("/opt"), Path("/opt"))


@pytest.mark.parametrize(
    ("wanted", "minors", "taken"),
    [
        ("3.11", (10, 11, 12), 11),
        ("3.10", (11, 12), 11),
        ("3.12", (10, 11), 11),
        ("3.11", (10, 12), 12),
        ("3.14", (13,), 13),
    ],
)
def test_the_nearest_minor_version_and_the_newer_of_two(wanted: str, minors: tuple[int, ...], taken: int) -> None:
    found = nearest(wanted, [python(minor) for minor in minors])
    assert found is not None
    assert found.version[1] == taken


def test_the_newest_of_one_minor_version() -> None:
    assert nearest("3.11", [python(11, 2), python(11, 9), python(11, 4)]) == python(11, 9)


def test_none_at_all() -> None:
    assert nearest("3.11", []) is None


def test_the_python_that_runs_us_is_found_without_a_path(tmp_path: Path) -> None:
    found = find_interpreters(path="", home=tmp_path)
    assert len(found) == 1
    assert found[0].executable.is_file()


def test_what_is_no_python_is_passed_over(tmp_path: Path) -> None:
    impostor = tmp_path / "python3.11"
    impostor.write_text("#!/bin/sh\necho no\n")
    impostor.chmod(0o755)
    assert all(one.executable != impostor for one in find_interpreters(path=str(tmp_path), home=tmp_path))


def test_only_folders_outside_the_system_need_showing() -> None:
    system = Interpreter(Path("/usr/bin/python3.11"), (3, 11, 2), Path("/usr"), Path("/usr"))
    assert system.folders == ()
    assert python(11).folders == (Path("/opt"),)


def test_roots_are_the_machines_own_setting_first(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_text("")
    assert system_roots({"SSL_CERT_FILE": str(own)}) == own
    assert system_roots({"SSL_CERT_FILE": "/does/not/exist"}).is_file()
