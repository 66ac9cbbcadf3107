"""Serving an embedded workspace on a port: one process per data folder, a ready file, a clean end.

The lock is an advisory lock on a file, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from wheelyard.compute.engine import Engine, EngineSettings
from wheelyard.core.errors import WheelyardError
from wheelyard.embedded import EmbeddedWorkspace, Settings, open_workspace
from wheelyard.http.quick_protocol import QuickProtocol
from wheelyard.storage.durable_files import write_durably

__all__ = ["DataFolderInUse", "FolderLock", "PortTaken", "RunningWorkspace", "write_ready_file"]

_GRACE_SECONDS = 10
_BACKLOG = 2048


class DataFolderInUse(WheelyardError):
    """Another process serves this data folder."""

    default_reference = "data-folder-in-use"


class PortTaken(WheelyardError):
    """The address cannot be bound."""

    default_reference = "port-taken"


class FolderLock(AbstractContextManager["FolderLock"]):
    """Holds a data folder for this process.

    Args:
        hint: what to do about a folder that is held.

    Raises:
        DataFolderInUse: the folder is held; the message names the process id.
    """

    def __init__(self, data_dir: Path, *, hint: str = "") -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir.chmod(0o700)
        path = data_dir / "lock"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            raise DataFolderInUse(
                f"The workspace in `{data_dir}` is in use: process {holder or 'unknown'} serves it",
                unchanged="nothing was changed",
                hint=hint or f"wheelyard env --data-dir {data_dir}, or start another one with --data-dir",
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int

    @property
    def url(self) -> str:
        shown = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 # compared, not bound
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"


class RunningWorkspace:
    """A workspace that answers on a port, served by a thread of this process.

    The server runs beside the caller's thread, so that the same class serves `wheelyard up` and tests. Use as a context
    manager. `engine` makes the compute engine; by default the one of this machine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        engine: Callable[[EngineSettings], Engine] | None = None,
    ) -> None:
        self._lock = FolderLock(settings.data_dir)
        try:
            self._socket = _bind(host, port)
            self.address = _Address(host, int(self._socket.getsockname()[1]))
            self.workspace: EmbeddedWorkspace = open_workspace(settings, url=self.address.url, engine=engine)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.workspace.app,
                http=QuickProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=_BACKLOG,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="http-server", daemon=True)

    @property
    def url(self) -> str:
        return self.address.url

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the server ends; False if it still runs after `seconds`."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Answer what is under way, stop compute, close the database. Closing twice is allowed."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self.workspace.close()
        self._lock.__exit__(None, None, None)

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(
            f"Workspace was not started: `{host}:{port}` cannot be used",
            because=os.strerror(error.errno or 0),
            unchanged="nothing was changed",
            hint="wheelyard up --port 0 picks a free one",
        ) from None
    return bound


def write_ready_file(path: Path, running: RunningWorkspace) -> None:
    """Say where the workspace answers and with which admin token; mode 0600, appears at once and whole."""
    content = {
        "host": running.url,
        "token": running.workspace.admin_token.reveal(),
        "workspace_id": running.workspace.workspace_id,
        "pid": os.getpid(),
    }
    write_durably(path, json.dumps(content).encode())
