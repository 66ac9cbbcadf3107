"""`kill -9` at a random moment, fifty times over one folder: what was acknowledged is there, nothing is half done."""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.durability.writer import LEFT, RIGHT, content_of, open_all, write_until_killed

from wheelyard.storage.database import Connection

ROUNDS = 50
FORKS = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module", autouse=True)
def _loaded_once() -> None:
    FORKS.set_forkserver_preload(["__main__", write_until_killed.__module__])


def killed_while_writing(folder: Path, turn: int) -> list[str]:
    """Start a writer, kill it at a random moment after it began, and return what it had acknowledged."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=write_until_killed, args=(folder, turn, theirs))
    process.start()
    theirs.close()
    with os.fdopen(os.dup(ours.fileno()), "rb") as pipe:
        ours.close()
        first = pipe.readline()
        assert json.loads(first) == {"open": turn}
        time.sleep(secrets.randbelow(120) / 1000)
        process.kill()
        process.join()
        lines = [line for line in pipe.read().split(b"\n") if line.endswith(b"}")]
    return [json.loads(line)["written"] for line in lines]


def check(folder: Path, acknowledged: list[str]) -> int:
    """Return how many writes the folder holds, after comparing all of them."""
    database, blobs, barrier = open_all(folder)
    assert database.read(lambda tx: tx.execute(sa.text("PRAGMA integrity_check")).scalar_one()) == "ok"

    def halves(tx: Connection) -> tuple[dict[str, bytes], dict[str, str]]:
        left = {row.name: row.sealed for row in tx.execute(sa.select(LEFT))}
        return left, {row.name: row.blob for row in tx.execute(sa.select(RIGHT))}

    left, right = database.read(halves)
    database.close()
    assert left.keys() == right.keys(), "a transaction was half done"
    assert set(acknowledged) <= left.keys(), "an acknowledged write is lost"
    for name, sealed in left.items():
        assert barrier.open(sealed, name).reveal() == content_of(name)
        assert blobs.get(right[name]) == content_of(name)
    assert not any(key.rpartition("/")[2].startswith(".new-") for key in blobs.keys(""))  # a method of ours
    return len(left)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for turn in range(ROUNDS):
        acknowledged += killed_while_writing(tmp_path, turn)
        if turn % 10 == 9:
            check(tmp_path, acknowledged)
    assert check(tmp_path, acknowledged) >= len(acknowledged) > ROUNDS
