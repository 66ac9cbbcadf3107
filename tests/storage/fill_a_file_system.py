"""Run in a mount namespace of its own: a file system of two megabytes, filled through our storage.

Exit code 0 when everything held, 75 when the file system cannot be made here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from wheelyard.core.errors import Unavailable
from wheelyard.storage.backends import open_blobs, open_database
from wheelyard.storage.database import Connection, Database, sqlite_url


def main(folder: Path) -> int:
    mounted = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False)
    if mounted.returncode:
        return 75
    fill_blobs(folder)
    fill_database(folder)
    return 0


def fill_blobs(folder: Path) -> None:
    blobs = open_blobs(f"file://{folder}/blobs")
    stored: list[str] = []

    def put_until_refused() -> None:
        for number in range(100):
            blobs.put(f"blob-{number}", bytes(100_000))
            stored.append(f"blob-{number}")

    assert refusal(put_until_refused).reference == "storage-unavailable"
    assert sorted(blobs.keys("")) == sorted(stored)
    assert [path.name for path in (folder / "blobs").iterdir() if path.name.startswith(".new-")] == []
    for key in stored:
        assert blobs.size(key) == 100_000
        blobs.delete(key)


def fill_database(folder: Path) -> None:
    database = open_database(sqlite_url(folder / "test.db"))
    database.write(lambda tx: tx.execute(sa.text("CREATE TABLE things (number INTEGER, content BLOB)")))
    written: list[int] = []

    def write_until_refused() -> None:
        for number in range(100):
            database.write(put)
            written.append(number)

    assert refusal(write_until_refused).reference == "storage-full"
    assert count(database) == len(written)
    database.close()


def refusal(work: Callable[[], None]) -> Unavailable:
    try:
        work()
    except Unavailable as error:
        return error
    raise AssertionError("nothing was refused")


def put(tx: Connection) -> None:
    tx.execute(sa.text("INSERT INTO things VALUES (1, zeroblob(100000))"))


def count(database: Database) -> int:
    return int(database.read(lambda tx: tx.execute(sa.text("SELECT count(*) FROM things")).scalar_one()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        code = main(Path(temporary))
        subprocess.run(["/bin/umount", temporary], check=False, stderr=subprocess.DEVNULL)
        sys.exit(code)
