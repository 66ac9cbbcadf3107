"""The sweep itself is tested: what it is meant to find, it finds."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from tests.security import secrets_made
from tests.security.leak_scan import Exemption, scan
from tests.security.process_arguments import ArgumentSampler
from tests.security.secrets_made import remember, remembered, stored_in
from tests.security.token_leak_sweep import Sweep

from wheelyard.core.redaction import Redactor, Secret

SECRET = 'a/long+secret="value"&ü'
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": lambda value: quote(value, safe=""),
    "quoted, lower": lambda value: quote(value, safe="").lower(),
    "form": quote_plus,
    "json": json.dumps,
    "hex": lambda value: value.encode().hex(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "basic": lambda value: base64.b64encode(f":{value}".encode()).decode(),
    "basic, user": lambda value: base64.b64encode(f"build:{value}".encode()).decode(),
    "url-safe": lambda value: base64.urlsafe_b64encode(f"x{value}y".encode()).decode(),
    "repr": lambda value: repr(value.encode()),
}


@pytest.fixture
def nothing_remembered() -> Iterator[None]:
    kept = remembered()
    secrets_made.forget_all()
    yield
    secrets_made.forget_all()
    remember(*kept)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_and_named_without_being_shown(form: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "log.txt").write_text(f"before {FORMS[form](SECRET)} after")
    found = scan([tmp_path], [SECRET.encode()])
    assert [Path(finding.path).name for finding in found] == ["log.txt"] * len(found) != []
    assert "secret=" not in str(found)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_redactor_hides_the_scan_does_not_find(form: str, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(Redactor([Secret(SECRET)]).redact(f"before {FORMS[form](SECRET)} after"))
    assert scan([path], [SECRET.encode()]) == []


def test_a_secret_across_pieces_of_a_large_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (16 * 1024 * 1024 - 5) + SECRET.encode())
    assert [finding.offset for finding in scan([path], [SECRET.encode()])] == [16 * 1024 * 1024 - 5]


def test_exempt_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(SECRET)
    assert scan([tmp_path], [SECRET.encode()], [Exemption("*/run.json", "for its owner")]) == []


@pytest.mark.usefixtures("nothing_remembered")
def test_what_is_remembered_of_a_value() -> None:
    remember("https://build:the%2Fpassword-1@pkgs.example.com/ https://a-token-of-its-own@h.example")
    assert remembered() == {b"the%2Fpassword-1", b"the/password-1", b"a-token-of-its-own"}
    remember("short", "https://pkgs.example.com/simple", "-----BEGIN CERTIFICATE-----\nMIIB", b"aaaaaaaaaaaaaaaaa")
    assert len(remembered()) == 3
    remember(Secret("dapi0123456789abcdef"))
    assert b"dapi0123456789abcdef" in remembered()


def sampled(path: Path, until: bytes) -> bytes:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and until not in path.read_bytes():
        time.sleep(0.01)
    return path.read_bytes()


def test_arguments_of_a_process_started_with_an_empty_environment_are_seen(tmp_path: Path) -> None:
    sleeping = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    sampler = ArgumentSampler(tmp_path / "arguments")
    sampler.output.touch()
    with sampler:
        own = subprocess.Popen([*sleeping, "started-by-a-test"], stdin=subprocess.PIPE)
        ours = subprocess.Popen([*sleeping, "--index-url=seen"], stdin=subprocess.PIPE, env={})
        lines = sampled(sampler.output, b"--index-url=seen")
        for process in (own, ours):
            process.communicate()
    assert b"--index-url=seen" in lines
    assert b"started-by-a-test" not in sampler.output.read_bytes()


@pytest.mark.usefixtures("nothing_remembered")
def test_a_sweep_finds_what_was_planted(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    sweep = Sweep(tmp_path / "sweep", interval_seconds=0.01)
    sweep.start()
    remember("dapi0123456789abcdef")
    sweep.output("answer.txt", "nothing here")
    assert sweep.findings() == []
    sweep.output("answer.txt", "Authorization: Bearer dapi0123456789abcdef")
    sweep.stop()
    assert [Path(finding.path).name for finding in sweep.findings()] == ["answer.txt"]


def test_a_folder_without_a_workspace_stores_nothing(tmp_path: Path) -> None:
    assert stored_in(tmp_path) == []
