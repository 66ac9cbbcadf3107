"""One notebook's Python: an ipykernel in the sandbox, spoken to over sockets that only this user's processes can open.

The kernel's messages become redacted `Output`s. Each cell has one redacting stream for what it prints and one for its
errors, so a secret is found even when it is printed letter by letter.
"""

from __future__ import annotations

import codecs
import json
import queue
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from jupyter_client.blocking.client import BlockingKernelClient

from wheelyard.compute.engine import CellResult, Output, StagedFile
from wheelyard.compute.log_stream import LastLines, forward
from wheelyard.compute.process import Process, ProcessTable
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Redactor

__all__ = ["Kernel", "KernelSession"]

LONGEST_OUTPUT = 10_000_000
"""Characters of one cell that are kept; what follows is dropped, with a note."""

EXIT_MIME = "application/vnd.wheelyard.exit+json"
RESTART_MIME = "application/vnd.wheelyard.restart+json"

_START_SECONDS = 60.0
_POLL_SECONDS = 0.2
_AGAIN_SECONDS = 0.5
_GRACE_SECONDS = 5.0
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class Kernel:
    """A running kernel and the client that speaks to it."""

    def __init__(self, process: Process, table: ProcessTable, connection: Mapping[str, Any]) -> None:
        self.process = process
        self._table = table
        self._last = LastLines(lambda _line: None, count=20)
        self._reader = threading.Thread(
            target=forward, args=(process.output, table.redactor, self._last), name="kernel-output", daemon=True
        )
        self._reader.start()
        self.client = BlockingKernelClient()
        self.client.load_connection_info(cast("Any", dict(connection)))
        self.client.start_channels(stdin=False, hb=False)

    def wait_until_ready(self) -> None:
        """Return when it answers and its output arrives.

        Raises:
            InvalidState: it ended, or said nothing for a minute.
        """
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self.process.running:
            self.client.kernel_info()
            try:
                self.client.get_iopub_msg(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            self._drain()
            return
        self.end()
        raise InvalidState("The notebook's Python did not start", log="\n".join(self._last.lines))

    def _drain(self) -> None:
        """Forget what was said while it started."""
        self.client.get_shell_msg(timeout=_START_SECONDS)
        for read in (self.client.get_iopub_msg, self.client.get_shell_msg):
            while True:
                try:
                    read(timeout=0.02)
                except queue.Empty:
                    break

    def interrupt(self) -> None:
        self.client.control_channel.send(self.client.session.msg("interrupt_request"))

    def end(self) -> None:
        self.process.kill()
        self._table.ended(self.process)
        self.client.stop_channels()
        self._reader.join(timeout=_GRACE_SECONDS)


class KernelSession:
    """See `engine.Session`.

    Args:
        start: starts a kernel that listens as the connection says; called again after `%restart_python`. The kernel is
            told over its pipe: we write nothing into a folder that user code can write to.
        restage: puts workspace files in its sight.
        sockets: short private folder, as the kernel and we see it.
        on_close: called once.
        on_busy: called with 1 when user code starts to run, with -1 when it has ended.
    """

    def __init__(
        self,
        session_id: str,
        *,
        start: Callable[[Mapping[str, object]], Process],
        restage: Callable[[Sequence[StagedFile]], None],
        table: ProcessTable,
        sockets: Path,
        on_close: Callable[[], None],
        on_busy: Callable[[int], None],
    ) -> None:
        self.session_id = session_id
        self._start = start
        self._restage = restage
        self._table = table
        self._sockets = sockets
        self._on_close = on_close
        self._on_busy = on_busy
        self._lock = threading.Lock()
        self._state = threading.Lock()
        self._generation = 0
        self._kernel: Kernel | None = None
        self._cancelled = threading.Event()
        self._running = False
        self._closed = False

    def open(self) -> None:
        with self._lock:
            self._live_kernel()

    def execute(self, source: str, on_output: Callable[[Output], None] | None = None) -> CellResult:
        """See `engine.Session.execute`. A kernel that died is started anew for the next cell.

        Raises:
            InvalidState: the session is closed, or no Python starts any more.
        """
        with self._lock:
            kernel = self._live_kernel()
            with self._state:
                self._cancelled.clear()
                self._running = True
            self._on_busy(1)
            try:
                cell = _Cell(kernel, self._table.redactor, on_output, self._cancelled)
                result = cell.run(source)
            finally:
                with self._state:
                    self._running = False
                self._on_busy(-1)
            if cell.restart or not kernel.process.running:
                self._end_kernel()
            return result

    def stage(self, files: Sequence[StagedFile]) -> None:
        """See `engine.Session.stage`."""
        with self._lock:
            self._check_open()
            self._restage(files)

    def interrupt(self) -> None:
        with self._state:
            if self._running:
                self._cancelled.set()

    def close(self) -> None:
        """See `engine.Session.close`. A running cell ends as cancelled."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._cancelled.set()
            kernel = self._kernel
        if kernel is not None:
            kernel.process.kill()
        with self._lock:
            self._end_kernel()
        self._on_close()

    def _check_open(self) -> None:
        with self._state:
            if self._closed:
                raise InvalidState("The notebook session is closed")

    def _live_kernel(self) -> Kernel:
        self._check_open()
        if self._kernel is None:
            self._kernel = self._new_kernel()
        return self._kernel

    def _new_kernel(self) -> Kernel:
        self._generation += 1
        key = secrets.token_hex(32)
        connection = {
            "transport": "ipc",
            "ip": str(self._sockets / f"k{self._generation}"),
            **{name: number for number, name in enumerate(_PORTS, start=1)},
            "key": key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
        }
        kernel = Kernel(self._start(connection), self._table, {**connection, "key": key.encode()})
        kernel.wait_until_ready()
        return kernel

    def _end_kernel(self) -> None:
        if self._kernel is not None:
            self._kernel.end()
            self._kernel = None


class _Cell:
    """One cell under way."""

    def __init__(
        self,
        kernel: Kernel,
        redactor: Redactor,
        on_output: Callable[[Output], None] | None,
        cancelled: threading.Event,
    ) -> None:
        self.restart = False
        self._kernel = kernel
        self._redactor = redactor
        self._on_output = on_output
        self._cancelled = cancelled
        self._outputs: list[Output] = []
        self._room = LONGEST_OUTPUT
        self._streams = {name: _Stream(redactor) for name in ("stdout", "stderr")}
        self._exit: str | None = None
        self._ended_early = False
        self._error: Mapping[str, Any] | None = None
        self._interrupted_at: float | None = None
        self._told_at = 0.0

    def run(self, source: str) -> CellResult:
        client = self._kernel.client
        request = client.execute(source, allow_stdin=False)
        while (message := self._next(lambda: client.get_iopub_msg(timeout=_POLL_SECONDS))) is not None:
            if message["parent_header"].get("msg_id") == request and self._take(message):
                break
        for name in self._streams:
            self._write(name, "", last=True)
        reply = self._reply(request)
        return self._result(reply)

    def _next(self, read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The next message; None when the kernel is gone."""
        while True:
            try:
                return read()
            except queue.Empty:
                if not self._kernel.process.running:
                    return None
                self._press()

    def _press(self) -> None:
        """While cancelling: ask again and again, for an idle moment swallows the signal; in the end use force."""
        if not self._cancelled.is_set():
            return
        now = time.monotonic()
        if self._interrupted_at is None:
            self._interrupted_at = now
        if now - self._interrupted_at > _GRACE_SECONDS:
            self._kernel.process.kill()
        elif now - self._told_at > _AGAIN_SECONDS:
            self._told_at = now
            self._kernel.interrupt()

    def _reply(self, request: str) -> Mapping[str, Any] | None:
        client = self._kernel.client
        while (message := self._next(lambda: client.get_shell_msg(timeout=_POLL_SECONDS))) is not None:
            if message["parent_header"].get("msg_id") == request:
                return dict(message["content"])
        return None

    def _take(self, message: Mapping[str, Any]) -> bool:
        """Note one message; true when it says that the cell is done."""
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            return bool(content["execution_state"] == "idle")
        if kind == "stream":
            self._write(content["name"], content["text"])
        elif kind in {"display_data", "update_display_data", "execute_result"}:
            self._show("result" if kind == "execute_result" else "display", content["data"])
        elif kind == "error":
            self._error = content
        if self._cancelled.is_set():
            self._press()
        return False

    def _show(self, kind: Any, data: Mapping[str, Any]) -> None:
        if EXIT_MIME in data:
            self._exit = self._redactor.redact(str(data[EXIT_MIME]["value"]))
            self._ended_early = True
        elif RESTART_MIME in data:
            self.restart = self._ended_early = True
        else:
            clean = self._redactor.redact_json(dict(data))
            self._emit(Output(kind, data=clean), len(json.dumps(clean, default=str)))

    def _write(self, name: str, text: str, *, last: bool = False) -> None:
        shown = self._streams[name].feed(text, last=last)
        if shown:
            self._emit(Output("stderr" if name == "stderr" else "stdout", shown), len(shown))

    def _emit(self, output: Output, size: int) -> None:
        if self._room <= 0:
            return
        self._room -= size
        if self._room < 0:
            note = f"\n*** output truncated after {LONGEST_OUTPUT:,} characters ***\n"
            kept = output.text[: self._room] if output.text else ""
            output = Output(output.kind if output.text else "stdout", kept + note)
            self._room = 0
        self._outputs.append(output)
        if self._on_output is not None:
            self._on_output(output)

    def _result(self, reply: Mapping[str, Any] | None) -> CellResult:
        outputs = _joined(self._outputs)
        error = self._error or (reply if reply and reply.get("status") == "error" else None)
        if self._cancelled.is_set() and (reply is None or error is not None):
            return CellResult("cancelled", outputs, "Cancelled", "The command was cancelled")
        if reply is None:
            return CellResult("error", outputs, "PythonEnded", "The Python process ended while it ran this cell")
        if error is None or self._ended_early:
            return CellResult("ok", outputs, exit_value=self._exit)
        return CellResult("error", outputs, *self._described(error))

    def _described(self, error: Mapping[str, Any]) -> tuple[str, str, str]:
        trace = "\n".join(error.get("traceback") or ()) if self._error else ""
        name, value = str(error.get("ename", "")), str(error.get("evalue", ""))
        return name, self._redactor.redact(value), self._redactor.redact(_ANSI.sub("", trace))


class _Stream:
    """Text in pieces in, redacted text out."""

    def __init__(self, redactor: Redactor) -> None:
        self._stream = redactor.stream()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, text: str, *, last: bool) -> str:
        shown = self._stream.feed(text.encode(errors="replace"))
        if last:
            shown += self._stream.flush()
        return self._decoder.decode(shown, final=last)


def _joined(outputs: list[Output]) -> tuple[Output, ...]:
    """Neighbours of one stream as one piece."""
    joined: list[Output] = []
    for piece in outputs:
        before = joined[-1] if joined else None
        if before and piece.text and before.text and before.kind == piece.kind:
            joined[-1] = Output(piece.kind, before.text + piece.text)
        else:
            joined.append(piece)
    return tuple(joined)
