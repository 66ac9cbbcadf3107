"""One cell under way: the kernel's messages become redacted `Output`s.

Each cell has one redacting stream for what it prints and one for its errors, so a secret is found even when it is
printed letter by letter. User code holds the kernel's key, so a message may say anything: what no kernel says is passed
over.
"""

from __future__ import annotations

import codecs
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from wheelyard.compute.engine import CellResult, Output
from wheelyard.compute.kernel import GRACE_SECONDS, POLL_SECONDS, Kernel
from wheelyard.core.redaction import Redactor

__all__ = ["LONGEST_ERROR", "LONGEST_OUTPUT", "Cell"]

LONGEST_OUTPUT = 10_000_000
"""Characters of one cell that are kept; what follows is dropped, with a note."""

LONGEST_ERROR = 1_000_000
"""Characters of an error's text, or of its traceback, that are kept: its beginning and its end."""

EXIT_MIME = "application/vnd.wheelyard.exit+json"
RESTART_MIME = "application/vnd.wheelyard.restart+json"

_AGAIN_SECONDS = 0.5
_SILENCE_SECONDS = 3.0
_REPLY_SECONDS = 30.0
_LOST_NOTE = "\n*** a part of the output was too large to be taken ***\n"
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Cell:
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
        self.lost = False
        """Whether a message did not arrive: the kernel's connection is broken, then, and a new one must be started."""

    def run(self, source: str) -> CellResult:
        request = self._kernel.client.execute(source, allow_stdin=False)
        reply = self._follow(request)
        for name in self._streams:
            self._write(name, "", last=True)
        if self.lost:
            self._emit(Output("stdout", _LOST_NOTE), len(_LOST_NOTE))
        return self._result(reply)

    def _follow(self, request: str) -> Mapping[str, Any] | None:
        """Take messages until the kernel says that the cell is done; its reply, None when there is none.

        A message that is too large never arrives, and what was sent right behind it may go with it. So after the reply
        silence is an end, and after the end a reply is not waited for without limit.
        """
        reply: Mapping[str, Any] | None = None
        heard_at = time.monotonic()
        while True:
            message = self._message(self._kernel.client.get_iopub_msg, POLL_SECONDS)
            if message is not None:
                heard_at = time.monotonic()
                if _answers(message, request) and self._taken(message):
                    return reply or self._reply(request)
            elif not self._kernel.process.running:
                return reply
            else:
                self._press()
                reply = reply or self._answer(request, 0)
                self.lost = reply is not None and time.monotonic() - heard_at > _SILENCE_SECONDS
                if self.lost:
                    return reply

    def _message(self, read: Callable[..., dict[str, Any]], seconds: float) -> dict[str, Any] | None:
        try:
            return read(timeout=seconds)
        except (queue.Empty, ValueError):  # nothing came, or something that was not signed
            return None

    def _answer(self, request: str, seconds: float) -> Mapping[str, Any] | None:
        """The reply, if it is there or comes within these seconds."""
        message = self._message(self._kernel.client.get_shell_msg, seconds)
        return dict(message["content"]) if message and _answers(message, request) else None

    def _reply(self, request: str) -> Mapping[str, Any] | None:
        end = time.monotonic() + _REPLY_SECONDS
        while time.monotonic() < end and self._kernel.process.running:
            reply = self._answer(request, POLL_SECONDS)
            if reply is not None:
                return reply
            self._press()
        self.lost = self._kernel.process.running
        return None

    def _press(self) -> None:
        """While cancelling: ask again and again, for an idle moment swallows the signal; in the end use force."""
        if not self._cancelled.is_set():
            return
        now = time.monotonic()
        if self._interrupted_at is None:
            self._interrupted_at = now
        if now - self._interrupted_at > GRACE_SECONDS:
            self._kernel.process.kill()
        elif now - self._told_at > _AGAIN_SECONDS:
            self._told_at = now
            self._kernel.interrupt()

    def _taken(self, message: Mapping[str, Any]) -> bool:
        """`_take`, and false for what no kernel says."""
        try:
            return self._take(message)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return False

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
            self._error = {**content, "traceback": [str(line) for line in content["traceback"]]}
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
        if reply is None and self.lost:
            return CellResult("error", outputs, "OutputLost", "What this cell left is too large to be taken")
        if reply is None:
            return CellResult("error", outputs, "PythonEnded", "The Python process ended while it ran this cell")
        if error is None or self._ended_early:
            return CellResult("ok", outputs, exit_value=self._exit)
        return CellResult("error", outputs, *self._described(error))

    def _described(self, error: Mapping[str, Any]) -> tuple[str, str, str]:
        trace = "\n".join(error.get("traceback") or ()) if self._error else ""
        words = (str(error.get("ename", "")), str(error.get("evalue", "")), _ANSI.sub("", trace))
        name, value, trace = (_cut(self._redactor.redact(text)) for text in words)
        return name, value, trace


def _answers(message: Mapping[str, Any], request: str) -> bool:
    parent = message.get("parent_header")
    return isinstance(parent, dict) and parent.get("msg_id") == request and isinstance(message.get("content"), dict)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_ERROR:
        return text
    half = LONGEST_ERROR // 2
    return f"{text[:half]}\n*** {len(text) - LONGEST_ERROR:,} characters left out ***\n{text[-half:]}"


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
