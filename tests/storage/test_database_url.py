"""`wheelyard up` on PostgreSQL in a process of its own: the password of the database's URL is never shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tests.databases import new_database

from wheelyard.core.errors import InvalidParameter
from wheelyard.storage.backends import open_database

PASSWORD = "correct-horse-battery"  # the server lets its own user in with any


def with_password(url: str) -> str:
    return url.replace("tester@", f"tester:{PASSWORD}@")


def command(folder: Path, *options: str) -> list[str]:
    files = ["--data-dir", str(folder / "data"), "--cache-dir", str(folder / "cache"), "--ready-file"]
    return [sys.executable, "-m", "wheelyard", "up", "--port", "0", *files, str(folder / "ready.json"), *options]


def environment(folder: Path, url: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "WHEELYARD_DATABASE_URL": url}


def assert_password_is_nowhere(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def test_up_takes_the_url_from_the_environment_and_keeps_the_password(tmp_path: Path, postgresql: str) -> None:
    url = with_password(new_database(postgresql))
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command(tmp_path, "--log-level", "debug"), stdout=log, stderr=log, env=environment(tmp_path, url)
        )
    while not (tmp_path / "ready.json").exists():
        assert process.poll() is None, (tmp_path / "log.txt").read_text()
        time.sleep(0.02)
    assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    said = json.loads((tmp_path / "ready.json").read_text())
    request = urllib.request.Request(
        f"{said['host']}/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {said['token']}"}
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["userName"] == "admin@wheelyard.example"
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert not (tmp_path / "data" / "wheelyard.db").exists()
    assert_password_is_nowhere(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://u:{PASSWORD}@nowhere.invalid/db",
        f"postgresql://127.0.0.1:1/db?user=u&password={PASSWORD}",
        f"postgresql://u:{PASSWORD}@127.0.0.1:1/db?no-such-option=1",
        f"postgresql://u:a/{PASSWORD}@127.0.0.1/db",
        f"postgresql://u:{PASSWORD}@127.0.0.1:port/db",
        f"mysql://u:{PASSWORD}@127.0.0.1/db",
        f"mysql://127.0.0.1/db?password={PASSWORD}",
        f"host=127.0.0.1 password={PASSWORD}",
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "--log-level", "debug"),
        env=environment(tmp_path, url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert_password_is_nowhere(tmp_path)


def test_nothing_of_the_password_is_in_the_error() -> None:
    for url in (f"postgresql://u:{PASSWORD}@h:{PASSWORD}/db", f"postgresql://h:{PASSWORD}@x:y/db?password={PASSWORD}"):
        with pytest.raises(InvalidParameter) as refused:
            open_database(url)
        assert PASSWORD not in repr(refused.value) + refused.value.what + str(refused.value.log)
        assert refused.value.__cause__ is None


def test_a_driver_that_is_not_installed_is_named_with_its_extra(tmp_path: Path) -> None:
    """As in an installation without the extra `postgres`."""
    program = "import sys; sys.modules['psycopg'] = None; from wheelyard.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *command(tmp_path)[3:]],
        env=environment(tmp_path, f"postgresql://u:{PASSWORD}@127.0.0.1:1/db"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: database-driver-missing" in done.stderr
    assert "wheelyard[postgres]" in done.stderr
