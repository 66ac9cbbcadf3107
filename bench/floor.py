"""What the disk allows: taking a wheel in without HTTP, and committing a row."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zipfile
from collections.abc import Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path

from bench.corpus import Wheel

__all__ = ["commits_a_second", "uploads_a_second"]

_BATCH = 50


def uploads_a_second(folder: Path, wheels: Sequence[Wheel]) -> float:
    """Hash each, read its METADATA, and make it durable: three syncs, of the file, its folder and its row."""
    with closing(_database(folder / "floor.sqlite")) as database:
        database.execute("create table file(name text primary key, sha256 text, size integer, metadata blob)")
        started = time.perf_counter()
        for wheel in wheels:
            _take(folder, wheel, database)
        return len(wheels) / (time.perf_counter() - started)


def commits_a_second(path: Path, seconds: float) -> float:
    """One row a commit, WAL, `synchronous=FULL`, one writer: more clients at a time make no more of them."""
    with closing(_database(path)) as database:
        database.execute(
            "create table secret(scope text, key text, version integer, value blob, primary key(scope, key))"
        )
        value, count = os.urandom(256), 0
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            for _ in range(_BATCH):
                _commit(database, count, value)
                count += 1
        return count / (time.perf_counter() - started)


def _take(folder: Path, wheel: Wheel, database: sqlite3.Connection) -> None:
    unfinished = folder / f".{wheel.filename}"
    with unfinished.open("wb") as file:
        file.write(wheel.content)
        file.flush()
        os.fdatasync(file.fileno())
    digest = hashlib.sha256(wheel.content).hexdigest()
    with zipfile.ZipFile(BytesIO(wheel.content)) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))
    unfinished.replace(folder / wheel.filename)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    row = (wheel.filename, digest, len(wheel.content), metadata)
    database.execute("insert into file values(?, ?, ?, ?)", row)


def _commit(database: sqlite3.Connection, number: int, value: bytes) -> None:
    database.execute("begin immediate")
    database.execute(
        "insert into secret values(?, ?, 1, ?) on conflict(scope, key)"
        " do update set value = excluded.value, version = version + 1",
        (f"s{number % 50}", f"k{number % 1000}", value),
    )
    database.execute("commit")


def _database(path: Path) -> sqlite3.Connection:
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    return database
