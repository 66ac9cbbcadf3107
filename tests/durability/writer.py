"""The process that is killed: it writes through database, blobs and barrier, and says so only once a write returned.

Each acknowledgement is one JSON line on a pipe, written with a single system call.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.barrier import Barrier, KeyRing
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Connection as Transaction
from wheelyard.storage.database import Database, sqlite_url

TABLES = sa.MetaData()
LEFT = sa.Table("left_half", TABLES, sa.Column("name", sa.Text, primary_key=True), sa.Column("sealed", sa.LargeBinary))
RIGHT = sa.Table("right_half", TABLES, sa.Column("name", sa.Text, primary_key=True), sa.Column("blob", sa.Text))


def open_all(folder: Path) -> tuple[Database, Blobs, Barrier]:
    database = open_database(sqlite_url(folder / "test.db"))
    with database.change_schema() as connection:
        TABLES.create_all(connection)
    return database, open_blobs(f"file://{folder}/blobs"), Barrier(KeyRing.open(folder / "keys.json"))


def content_of(name: str) -> bytes:
    return hashlib.shake_256(name.encode()).digest(3000)


def write_until_killed(folder: Path, turn: int, acknowledgements: Connection) -> None:
    """Write from four threads, rotating the keys now and then, until the process is killed."""
    database, blobs, barrier = open_all(folder)
    pipe = acknowledgements.fileno()
    acknowledge(pipe, {"open": turn})
    stores = (database, blobs, barrier)
    threads = [threading.Thread(target=write, args=(f"{turn}-{number}", folder, stores, pipe)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write(prefix: str, folder: Path, stores: tuple[Database, Blobs, Barrier], pipe: int) -> None:
    database, blobs, barrier = stores
    for number in range(1_000_000):
        name = f"{prefix}-{number}"
        if number % 7 == 0:
            upload = folder / f"upload-{name}"
            upload.write_bytes(content_of(name))
            blobs.put_file(f"files/{prefix}/{name}", upload)
        else:
            blobs.put(f"files/{prefix}/{name}", content_of(name))
        if number % 20 == 19:
            barrier.rotate()
        sealed = barrier.seal(content_of(name), name)
        database.write(lambda tx, name=name, sealed=sealed: insert(tx, prefix, name, sealed))  # type: ignore[misc]
        acknowledge(pipe, {"written": name})


def insert(tx: Transaction, prefix: str, name: str, sealed: bytes) -> None:
    tx.execute(LEFT.insert().values(name=name, sealed=sealed))
    tx.execute(RIGHT.insert().values(name=name, blob=f"files/{prefix}/{name}"))


def acknowledge(pipe: int, line: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(line).encode() + b"\n")
