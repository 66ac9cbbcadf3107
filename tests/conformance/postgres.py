"""A private PostgreSQL server for the tests, from the system's own package, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

__all__ = ["find_binaries", "postgresql_server"]

_USERS = ("postgres", "nobody")
_SETTINGS = ("listen_addresses=", "max_connections=400")


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, newest version first; None when the package is not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders = [*versions, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@contextmanager
def postgresql_server(binaries: Path) -> Iterator[str]:
    """Run a server and give the URL of an empty database. PostgreSQL refuses to run as root, so root steps down."""
    user = _other_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="wheelyard-pg-", dir="/tmp"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        _run(
            user,
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            "tester",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        )
        options = [option for setting in _SETTINGS for option in ("-c", setting)]
        server = _start(user, binaries / "postgres", "-D", folder / "data", "-k", folder, *options)
        try:
            _wait_until_ready(server, folder)
            yield f"postgresql+psycopg://tester@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # do not wait for connections that a test left open
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> pwd.struct_passwd:
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root needs a user to run PostgreSQL as: none of " + ", ".join(_USERS))


def _run(user: pwd.struct_passwd | None, *command: str | Path) -> None:
    process = _start(user, *command)
    output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(output.decode(errors="replace"))


def _start(user: pwd.struct_passwd | None, *command: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if command[0] != "postgres" and "initdb" in str(command[0]) else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    while server.poll() is None:
        try:
            psycopg.connect(host=str(folder), user="tester", dbname="postgres", connect_timeout=1).close()
        except psycopg.OperationalError:
            continue
        return
    raise RuntimeError(f"PostgreSQL ended with exit code {server.returncode}")
