"""The real server, killed while it is written to over HTTP: nothing that was answered 2xx is lost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.databases import new_database
from tests.durability.client import KINDS, SCOPE, Connection, Gone, Written, prepare
from tests.durability.server import Server, start_server

ROUNDS = 50
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert processes_in(tmp_path) == []


def processes_in(folder: Path) -> list[str]:
    """Command lines of living processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def write_until_gone(server: Server, turn: int, acknowledged: list[Written]) -> list[threading.Thread]:
    """One thread a kind of write."""

    def work(number: int) -> None:
        kind, connection = KINDS[number], Connection(server.host, server.token)
        for count in range(1_000_000):
            name = f"{kind.name}-{turn}-{count}"
            try:
                answer = kind.write(connection, name)
            except Gone:
                return
            if answer.status == 404 and b"ENDPOINT_NOT_FOUND" in answer.content:
                return
            assert answer.status in {200, 201}, f"{name}: {answer.status} {answer.content[:500]!r}"
            acknowledged.append(Written(kind, name, json.loads(answer.content or b"null")))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(KINDS))]
    for thread in threads:
        thread.start()
    return threads


def lost(server: Server, acknowledged: list[Written]) -> list[str]:
    connection = Connection(server.host, server.token)
    return [written.name for written in acknowledged if not written.kind.is_there(connection, written)]


def test_nothing_answered_2xx_is_lost(folder: Path, record_property: Callable[[str, object], None]) -> None:
    counts = kill_and_look(folder, ROUNDS)
    assert_database_is_whole(folder / "data" / "wheelyard.db")
    record_property("acknowledged", dict(counts))
    assert min(counts.values()) > ROUNDS / 5, counts


def test_nothing_answered_2xx_is_lost_on_postgresql(folder: Path, postgresql: str) -> None:
    kill_and_look(folder, 8, "--database", new_database(postgresql))
    assert not (folder / "data" / "wheelyard.db").exists()


def kill_and_look(folder: Path, rounds: int, *options: str) -> Counter[str]:
    """Write, kill, start again and look for what was answered; how many of each kind were."""
    everything: list[Written] = []
    latest: list[Written] = []
    for turn in range(rounds):
        server = start_server(folder, str(turn), *options)
        if turn == 0:
            prepare(Connection(server.host, server.token))
        assert lost(server, latest) == []
        latest = []
        threads = write_until_gone(server, turn, latest)
        time.sleep(0.05 + secrets.randbelow(250) / 1000)
        server.kill()
        for thread in threads:
            thread.join()
        everything += latest
    server = start_server(folder, "last", *options)
    assert lost(server, latest) == []
    assert_all_keys_are_listed(server, everything)
    assert server.terminate() == 0
    assert "Traceback" not in "".join(path.read_text() for path in folder.glob("log-*.txt"))
    return Counter(written.kind.name for written in everything)


def assert_all_keys_are_listed(server: Server, everything: list[Written]) -> None:
    answer = Connection(server.host, server.token).ask("GET", f"/api/2.0/secrets/list?scope={SCOPE}")
    assert answer.status == 200
    listed = {entry["key"] for entry in answer.json["secrets"]}
    assert {written.name for written in everything if written.kind.name == "secret"} <= listed


def assert_database_is_whole(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_cluster_that_was_answered_is_found_ended_and_nothing_runs_on(folder: Path) -> None:
    server = start_server(folder, "one")
    connection = Connection(server.host, server.token)
    spec = {"cluster_name": "durable", "spark_version": "15.4.x-scala2.12", "node_type_id": "local", "num_workers": 0}
    answer = connection.ask("POST", "/api/2.1/clusters/create", spec, Content_Type="application/json")
    if answer.status == 404:
        pytest.skip("this workspace has no clusters")
    assert answer.status == 200, answer.content
    time.sleep(0.5)
    server.kill()
    server = start_server(folder, "two")
    path = f"/api/2.1/clusters/get?cluster_id={answer.json['cluster_id']}"
    found = Connection(server.host, server.token).ask("GET", path)
    assert found.status == 200
    assert found.json["state"] in {"TERMINATED", "ERROR"}
    assert [line for line in processes_in(folder) if " up " not in line] == []
    assert server.terminate() == 0


def test_sigterm_ends_cleanly_and_a_restart_finds_everything(folder: Path) -> None:
    server = start_server(folder, "one")
    prepare(Connection(server.host, server.token))
    acknowledged: list[Written] = []
    threads = write_until_gone(server, 0, acknowledged)
    time.sleep(0.3)
    assert server.terminate() == 0
    for thread in threads:
        thread.join()
    assert not server.ready_file.exists()
    assert "Traceback" not in server.log.read_text()
    again = start_server(folder, "two")
    assert again.token == server.token
    assert lost(again, acknowledged) == []
    assert again.terminate() == 0


@pytest.fixture
def command(folder: Path) -> list[str]:
    options = ["--data-dir", str(folder / "data"), "--port", "0", "--ready-file", str(folder / "ready.json")]
    return [sys.executable, "-m", "wheelyard", "up", *options]


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}


def test_a_second_start_on_the_same_folder_is_refused(folder: Path, command: list[str]) -> None:
    server = start_server(folder, "one")
    second = subprocess.run(command, capture_output=True, text=True, env=environment(folder), check=False)
    assert second.returncode == 1
    assert "data-folder-in-use" in second.stderr
    assert str(server.process.pid) in second.stderr
    assert not (folder / "ready.json").exists()
    assert Connection(server.host, server.token).ask("GET", "/healthz").status == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_command_as_a_user_starts_it(folder: Path, command: list[str], end: signal.Signals) -> None:
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment(folder))
    ready = folder / "ready.json"
    while not ready.exists():
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.02)
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "data" / "wheelyard.db").stat().st_mode) == 0o600
    said = json.loads(ready.read_text())
    assert said.keys() == {"host", "token", "workspace_id", "pid"}
    assert said["pid"] == process.pid
    assert Connection(said["host"], said["token"]).ask("GET", "/api/2.0/preview/scim/v2/Me").status == 200
    process.send_signal(end)
    assert process.wait() in {0, 130}
    assert not ready.exists()
    assert said["token"] not in (folder / "log.txt").read_text()
