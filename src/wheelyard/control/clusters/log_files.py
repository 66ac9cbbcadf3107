"""Log files of clusters: one line at a time, with the time in front, redacted before it reaches this file."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from wheelyard.control.clusters.ports import Clock
from wheelyard.core.errors import NotFound

__all__ = ["LOG_NAMES", "LogFile", "LogFolder"]

LOG_NAMES = ("startup", "libraries")
_LARGEST_BYTES = 8 * 1024 * 1024
_LAST_BYTES = 4096
_AT = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class LogFile:
    """Appends lines. A line that would not fit is dropped, and the last one says so."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def line(self, text: str, redact: Callable[[str], str] = lambda text: text) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = "".join(f"{at} {part}\n" for part in redact(text).splitlines() or [""])
        with self._lock:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            size = self._path.stat().st_size if self._path.exists() else 0
            if size < _LARGEST_BYTES:
                full = size + len(lines) >= _LARGEST_BYTES
                with self._path.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(f"{at} the log is full\n" if full else lines)

    def start_over(self) -> None:
        """Keep the end of an older log only while there is room for a new one."""
        with self._lock:
            if self._path.exists() and self._path.stat().st_size > _LARGEST_BYTES // 2:
                self._path.unlink()


class LogFolder:
    """The folder of all cluster logs."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def open(self, cluster_id: str, name: str) -> LogFile:
        return LogFile(self._path(cluster_id, name), self._clock)

    def read(self, cluster_id: str, name: str) -> str:
        """The whole log; empty before the first start.

        Raises:
            NotFound: there is no log of this name.
        """
        path = self._path(cluster_id, name)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def last_line(self, cluster_id: str, name: str) -> str:
        """The newest line without its time, cut at 4 KB; empty before the first start. Reads the end of the file only.

        Raises:
            NotFound: there is no log of this name.
        """
        path = self._path(cluster_id, name)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode("utf-8", errors="replace").splitlines()
        return _AT.sub("", lines[-1]) if lines else ""

    def forget(self, cluster_id: str) -> None:
        shutil.rmtree(self._path(cluster_id, LOG_NAMES[0]).parent, ignore_errors=True)

    def _path(self, cluster_id: str, name: str) -> Path:
        if name not in LOG_NAMES or not _SAFE_ID.fullmatch(cluster_id):
            raise NotFound(
                f"Log {name} does not exist", reference="log-not-found", hint=f"logs are {', '.join(LOG_NAMES)}"
            )
        return self._folder / cluster_id / f"{name}.log"
