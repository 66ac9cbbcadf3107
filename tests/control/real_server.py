"""`wheelyard up` as a process of its own, with the environments the other tests use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from tests.conftest import CACHE, WHEELHOUSE

__all__ = ["Process", "alive"]


class Process:
    """`wheelyard up` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        environment = {**os.environ, "WHEELYARD_CACHE_DIR": str(CACHE), "WHEELYARD_WHEELHOUSE": str(WHEELHOUSE)}
        command = [
            "-m",
            "wheelyard",
            "up",
            "--data-dir",
            str(folder / "data"),
            "--port",
            "0",
            "--ready-file",
            str(ready),
        ]
        self.process = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not ready.exists():
            assert self.process.poll() is None
            time.sleep(0.02)
        said = json.loads(ready.read_text())
        self.client = WorkspaceClient(config=Config(host=said["host"], token=said["token"], retry_timeout_seconds=10))

    def end(self, signal_number: signal.Signals) -> None:
        self.process.send_signal(signal_number)
        self.process.wait()

    def children(self) -> list[psutil.Process]:
        """Everything it has started, sandboxes and what is in them included."""
        return psutil.Process(self.process.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
