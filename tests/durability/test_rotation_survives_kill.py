"""`wheelyard keys rotate`, killed at a random moment: every secret opens afterwards, and the next run ends the work."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import new_database
from tests.durability.client import SCOPE, Connection, prepare
from tests.durability.server import FORKS, run, start_server

from wheelyard.storage.backends import open_database
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.database import sqlite_url

ROUNDS, SECRETS = 12, 400
pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "sqlite":
        return []
    return ["--database", new_database(request.getfixturevalue("postgresql"))]


def rotate(folder: Path, options: list[str], *, kill: Callable[[int], bool]) -> int | None:
    """Run the command in a process that is killed once `kill` says so; its exit code."""
    ring = folder / "data" / "key-ring.json"
    before = ring.read_bytes()
    arguments = ["keys", "rotate", "--data-dir", str(folder / "data"), *options]
    process = FORKS.Process(target=run, args=(arguments, folder / "rotation.txt"))
    process.start()
    while process.is_alive() and ring.read_bytes() == before:
        time.sleep(0.001)
    began = time.monotonic()
    while process.is_alive() and not kill(int((time.monotonic() - began) * 1000)):
        time.sleep(0.001)
    process.kill()
    process.join()
    return process.exitcode


def stale(folder: Path, options: list[str]) -> int:
    """How many stored values are not under the newest key; each must open."""
    barrier = Barrier(KeyRing.open(folder / "data" / "key-ring.json"))
    workspace_id = json.loads((folder / "data" / "workspace.json").read_text())["workspace_id"]
    database = open_database(options[1] if options else sqlite_url(folder / "data" / "wheelyard.db"))
    rows = database.read(lambda tx: tx.execute(sa.text("select key, sealed from secret")).all())
    database.close()
    assert len(rows) == SECRETS
    for key, sealed in rows:
        assert barrier.open(bytes(sealed), f"{workspace_id}/{SCOPE}/{key}").reveal() == f"value of {key}".encode()
    barrier.open((folder / "data" / "admin-token").read_bytes(), "admin-token")
    return sum(barrier.needs_reseal(bytes(sealed)) for _, sealed in rows)


def test_nothing_is_lost(tmp_path: Path, options: list[str]) -> None:
    server = start_server(tmp_path, "fill", *options)
    connection = Connection(server.host, server.token)
    prepare(connection)
    for number in range(SECRETS):
        body = {"scope": SCOPE, "key": f"k{number}", "string_value": f"value of k{number}"}
        assert connection.ask("POST", "/api/2.0/secrets/put", body, Content_Type="application/json").status == 200
    assert server.terminate() == 0
    left = []
    for _ in range(ROUNDS):
        after = secrets.randbelow(40)
        rotate(tmp_path, options, kill=lambda passed, after=after: passed >= after)  # type: ignore[misc] # a lambda's default is not inferred
        left.append(stale(tmp_path, options))
    assert any(left), "no round was killed in the middle"
    assert rotate(tmp_path, options, kill=lambda _passed: False) == 0, (tmp_path / "rotation.txt").read_text()
    assert stale(tmp_path, options) == 0
    again = start_server(tmp_path, "again", *options)
    assert again.token == server.token
    answer = Connection(again.host, again.token).ask("GET", f"/api/2.0/secrets/get?scope={SCOPE}&key=k7")
    assert answer.status == 200
    assert again.terminate() == 0
    assert list((tmp_path / "data").glob(".new-*")) == [], "what was begun and not ended is cleared away"
