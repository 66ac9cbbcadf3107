"""What `wheelyard up` prints: where it answers, and how the first admin gets in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import settings_for

from wheelyard.control.caller import RequestInfo
from wheelyard.control.scim import Directory
from wheelyard.control.sign_in import SignIn
from wheelyard.control.tokens import Tokens
from wheelyard.core.redaction import Secret
from wheelyard.serving import RunningWorkspace
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.database import Database, sqlite_url

LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/link\?link=(wysl[a-z2-7]{75})")
Start = Callable[[int], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `up` with its standard error on a file descriptor."""
    started: list[subprocess.Popen[bytes]] = []

    def start(stderr: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "wheelyard", "up", "--port", "0", "--sandbox", "none"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "dumb", "COLUMNS": "60"}
        process = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path / "data")], stdout=subprocess.DEVNULL, stderr=stderr, env=environment
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait()


def sign_in_on(data_dir: Path) -> tuple[SignIn, Database]:
    """The room on the data of a workspace that is not served."""
    database = Database.open(sqlite_url(data_dir / "wheelyard.db"))
    barrier, directory = Barrier(KeyRing.open(data_dir / "key-ring.json")), Directory(database=database)
    tokens = Tokens(database=database, barrier=barrier, directory=directory)
    return SignIn(database=database, barrier=barrier, directory=directory, tokens=tokens), database


def test_in_a_pipe(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("wb") as stream:
        process = start(stream.fileno())
    while "sign in" not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    serving, sign_in = log.read_text().splitlines()[-2:]
    assert serving.startswith("wheelyard: serving http://127.0.0.1:")
    found = re.fullmatch(r"wheelyard: sign in, once, until (\S+ \S+) UTC: (\S+)", sign_in)
    assert found
    left = datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    link = LINK.fullmatch(found[2])
    assert link
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    room, database = sign_in_on(tmp_path / "data")
    assert room.link_holder(Secret(link[1])) == "admin@wheelyard.example"
    database.close()


def test_on_a_terminal(start: Start) -> None:
    ours, theirs = os.openpty()
    start(theirs)
    os.close(theirs)
    shown = b""
    while b"Ctrl-C" not in shown:
        shown += os.read(ours, 65536)
    os.close(ours)
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()]
    [place] = [number for number, line in enumerate(lines) if line.startswith("sign in   ")]
    assert LINK.fullmatch(lines[place].removeprefix("sign in   "))
    assert re.fullmatch(
        r"works once, until \d{4}-\d\d-\d\d \d\d:\d\d UTC, and sets the admin's password", lines[place + 1]
    )


def test_a_link_for_as_long_as_there_is_no_password(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data", database_url=None)
    links = []
    for _ in range(2):
        with RunningWorkspace(settings) as running:
            url = running.workspace.sign_in_link()
            assert url is not None
            assert url.reveal().startswith(f"{running.url}/sign-in/link?link=")
            links.append(Secret(url.reveal().partition("=")[2]))
    room, database = sign_in_on(settings.data_dir)
    assert room.link_holder(links[0]) is None, "the newest one works"
    assert room.with_link(links[1], Secret("correct horse battery"), RequestInfo()).session.caller.is_admin
    database.close()
    with RunningWorkspace(settings) as running:
        assert running.workspace.sign_in_link() is None
