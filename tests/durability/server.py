"""The real `wheelyard up` in a process of its own that can be killed, started in a few hundredths of a second.

A fork server has imported the program already, so that fifty rounds of kill and restart stay cheap; what runs in the
forked process is the command itself.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from wheelyard.cli import main

__all__ = ["FORKS", "Server", "start_server"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["__main__", "wheelyard.cli.up", "wheelyard.embedded", "tests.durability.server"])


@dataclass
class Server:
    """One run of the command."""

    process: ForkServerProcess
    host: str
    token: str
    ready_file: Path
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def terminate(self) -> int | None:
        """SIGTERM, as `docker stop` or a terminal sends it; the exit code."""
        self.process.terminate()
        self.process.join()
        return self.process.exitcode


def start_server(folder: Path, name: str, *options: str) -> Server:
    """Run `wheelyard up` on `folder / "data"` and wait until its ready file appears."""
    ready, log = folder / f"ready-{name}.json", folder / f"log-{name}.txt"
    arguments = [
        "up",
        "--data-dir",
        folder / "data",
        "--port",
        0,
        "--ready-file",
        ready,
        "--cache-dir",
        folder / "cache",
    ]
    process = FORKS.Process(target=run, args=([*map(str, arguments), *options], log))
    process.start()
    while not ready.exists():
        if process.exitcode is not None:
            raise AssertionError(f"the server ended with {process.exitcode}:\n{log.read_text()}")
        time.sleep(0.005)
    said = json.loads(ready.read_text())
    assert said["pid"] == process.pid
    return Server(process, said["host"], said["token"], ready, log)


def run(arguments: list[str], log: Path) -> None:
    """In the new process: no terminal, everything printed goes to the log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    sys.exit(main(arguments))
