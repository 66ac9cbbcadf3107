"""The one way to start a process.

Its environment is built from nothing, it leads its own session, and it is written down with its start time, so that a
later start of ours can tell it from a stranger who got the same number. All are started by one thread that lives as
long as the engine: the kernel's death signal is tied to the *thread* that started a process, not to its process.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wheelyard.compute.log_stream import forward
from wheelyard.compute.sandbox import Sandbox, View, inner_environment
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Redactor, Secret

__all__ = ["Command", "Process", "ProcessTable", "Processes", "end_recorded"]

_END_SECONDS = 5.0
_OUTSIDE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""The environment of what starts a sandbox."""

_PIPE_BYTES = 4096
"""What every pipe holds at least. Source: pipe(7)."""

_START_TIME_FIELD = 19
"""Field 22 of `/proc/PID/stat`, counted after the parenthesis that closes the program's name."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run.

    Args:
        argv: the command line; everybody on the machine can read it, so it holds no value.
        environment: the whole environment.
        view: the files in sight.
        cwd: where it starts, as the process sees it.
        stdin: what it reads first; the way to hand over a secret. Its standard input ends after it.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, Secret[str]]
    view: View
    cwd: Path
    stdin: Secret[bytes] | None = None


class Process:
    """A started process and everything it started."""

    def __init__(self, popen: subprocess.Popen[bytes], record: Path) -> None:
        self._popen = popen
        self._record = record

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def output(self) -> IO[bytes]:
        """Standard output and error, as one stream."""
        if self._popen.stdout is None:
            raise ValueError("the process was started without a pipe")
        return self._popen.stdout

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """The exit code; negative for a signal.

        Raises:
            TimeoutError: it still runs.
        """
        try:
            code = self._popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process {self.pid} still runs") from None
        self._record.unlink(missing_ok=True)
        return code

    def kill(self) -> int:
        """End it with its whole group at once. Killing twice is allowed."""
        if self.running:
            self.end_group()
        return self.wait()

    def end_group(self) -> None:
        """End what it started and left running. In a sandbox nothing outlives it anyway."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class Processes:
    """Starts processes from its own thread, which ends with this Python."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._wanted: queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="process-starter", daemon=True).start()

    def start(self, command: Command, records: Path) -> Process:
        """Start it, its output in a pipe; it is written down in the folder `records` while it lives.

        Raises:
            OSError: the program does not exist.
        """
        answer: Future[Process] = Future()
        self._wanted.put((lambda: self._start(command, records), answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            work, answer = self._wanted.get()
            try:
                answer.set_result(work())
            except BaseException as problem:  # noqa: BLE001  # handed to whoever waits
                answer.set_exception(problem)

    def _start(self, command: Command, records: Path) -> Process:
        records.mkdir(parents=True, exist_ok=True)
        variables = {name: value.reveal() for name, value in command.environment.items()}
        popen = self._popen_bare(command, variables) if self.sandbox.name == "none" else self._popen(command, variables)
        record = records / str(popen.pid)
        record.write_text(_start_time(popen.pid))
        _hand_over(popen, command.stdin)
        return Process(popen, record)

    def _popen(self, command: Command, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        content = inner_environment(variables)
        with os.fdopen(os.memfd_create("environment"), "wb") as file:  # lies in memory, closed before anything runs
            file.write(content)
            file.seek(0)
            return subprocess.Popen(
                self.sandbox.command(command.argv, command.view, command.cwd, file.fileno()),
                env=_OUTSIDE,
                pass_fds=(file.fileno(),),
                stdin=_stdin(command),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _popen_bare(self, command: Command, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.sandbox.command(command.argv, command.view, command.cwd),
            env=variables,
            cwd=command.cwd,
            stdin=_stdin(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class ProcessTable:
    """The processes of one compute: written down in one folder, redacted by one redactor, ended together."""

    def __init__(self, processes: Processes, records: Path, redactor: Redactor) -> None:
        self.redactor = redactor
        self._processes = processes
        self._records = records
        self._lock = threading.Lock()
        self._live: set[Process] = set()
        self._closed = False

    @property
    def sandbox(self) -> Sandbox:
        return self._processes.sandbox

    def start(self, command: Command) -> Process:
        """Start a process; `ended` must be called when it has been waited for.

        Raises:
            InvalidState: this compute is being stopped.
        """
        with self._lock:
            if self._closed:
                raise InvalidState("The process was not started: the compute is being stopped")
            process = self._processes.start(command, self._records)
            self._live.add(process)
        return process

    def ended(self, process: Process) -> None:
        with self._lock:
            self._live.discard(process)

    def run(self, command: Command, on_line: Callable[[str], None]) -> int:
        """Run to the end, each redacted line to `on_line`; returns the exit code."""
        process = self.start(command)
        try:
            forward(process.output, self.redactor, on_line)
            return process.wait()
        finally:
            process.kill()
            self.ended(process)

    def read(self, command: Command, most_bytes: int) -> bytes:
        """Run a program of ours to the end and return what it wrote, as it wrote it: nobody is shown that.

        A longer output is cut, and its program ended.
        """
        process = self.start(command)
        try:
            with process.output as output:
                return output.read(most_bytes)
        finally:
            process.kill()
            self.ended(process)

    def close(self) -> None:
        """End everything and start nothing more."""
        with self._lock:
            self._closed = True
        self.end_all()

    def end_all(self) -> None:
        """End everything that runs now."""
        with self._lock:
            live = tuple(self._live)
        for process in live:
            process.kill()


def _stdin(command: Command) -> int:
    return subprocess.DEVNULL if command.stdin is None else subprocess.PIPE


def _hand_over(popen: subprocess.Popen[bytes], content: Secret[bytes] | None) -> None:
    """Write what the process reads first. It may never read, so what a pipe does not hold is not waited for here."""
    if content is None or popen.stdin is None:
        return
    if len(content.reveal()) <= _PIPE_BYTES:
        _write(popen.stdin, content)
    else:
        threading.Thread(target=_write, args=(popen.stdin, content), name="process-stdin", daemon=True).start()


def _write(stdin: IO[bytes], content: Secret[bytes]) -> None:
    # A process that died already has nothing to read; its exit code tells the story.
    with contextlib.suppress(BrokenPipeError):
        stdin.write(content.reveal())
    with contextlib.suppress(BrokenPipeError):
        stdin.close()


def _start_time(pid: int) -> str:
    """Boot and clock tick at which a process started; empty when there is no such process, or no `/proc`."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return f"{boot} {stat.rpartition(')')[2].split()[_START_TIME_FIELD]}"


def end_recorded(records: Path) -> int:
    """End what an earlier process of ours wrote down and left running; returns how many that were."""
    ended = 0
    for record in sorted(records.glob("*")) if records.is_dir() else ():
        pid = int(record.name)
        started = record.read_text()
        if started and started == _start_time(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            _wait_for_end(pid, started)
            ended += 1
        record.unlink(missing_ok=True)
    return ended


def _wait_for_end(pid: int, started: str) -> None:
    """Until the process is gone or a zombie that somebody else reaps."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return
    try:
        if started == _start_time(pid):
            select.select([handle], [], [], _END_SECONDS)
    finally:
        os.close(handle)
