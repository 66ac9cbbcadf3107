"""An embedded workspace of the demo's own: a subprocess, a temporary data folder, a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelyard.core.errors import Unavailable
from wheelyard.core.redaction import Secret

__all__ = ["Started", "start"]

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Started:
    """A running workspace."""

    host: str
    token: Secret[str]
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def server_log(self) -> Path:
        return self.folder / "server.log"

    def last_words(self) -> str:
        """What it logged as a warning or an error, and its last two lines."""
        lines = self.server_log.read_text(errors="replace").splitlines()
        serious = [line for line in lines if '"level": "error"' in line or '"level": "warning"' in line]
        return "\n".join([*serious[-8:], *lines[-2:]])

    def stop(self, patience_seconds: float = 30) -> int:
        """End it with SIGTERM and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def command_line(folder: Path) -> list[str]:
    """The command that the story shows."""
    return ["up", "--data-dir", str(folder / "data"), "--port", "0", "--ready-file", str(folder / "ready.json")]


def start(folder: Path, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> Started:
    """Start `wheelyard up` and wait until it serves.

    Raises:
        Unavailable: it ended, or did not serve in time; the text has the last lines of its log.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATABRICKS_")}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wheelyard", *command_line(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    ready, end = folder / "ready.json", clock() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or clock() > end:
            process.kill()
            last = "\n".join((folder / "server.log").read_text(errors="replace").splitlines()[-12:])
            raise Unavailable(
                "The demo's workspace did not start",
                reference="demo-workspace",
                because=f"`wheelyard up` ended or did not answer; its last words:\n{last}",
                hint="wheelyard doctor",
            )
        tell("starting `wheelyard up`")
        time.sleep(0.05)
    found = json.loads(ready.read_text())
    return Started(str(found["host"]), Secret(str(found["token"])), folder, process)
