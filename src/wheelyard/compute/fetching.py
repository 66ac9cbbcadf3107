"""Asks indexes from inside the sandbox, over plain GETs; `runtime_support/dbruntime/fetch.py` is the other half."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wheelyard.compute.machine import Interpreter
from wheelyard.compute.overlay import RUNTIME_SUPPORT
from wheelyard.compute.process import Command, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.core.redaction import Secret

__all__ = ["Answer", "Fetcher", "NotAnsweredError", "Question"]

_PROGRAM = RUNTIME_SUPPORT / "dbruntime" / "fetch.py"
_TIMEOUT_SECONDS = 15
"""As pip's own."""

_MOST_BYTES = 64 << 20
_LONGEST_HEAD = 1 << 20


class NotAnsweredError(Exception):
    """At least one question has no answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """One GET. `accept` and `authorization` are headers; an empty or missing one is not sent."""

    url: str
    authorization: Secret[str] | None = None
    accept: str = ""

    @property
    def headers(self) -> dict[str, str]:
        named = {
            "User-Agent": "wheelyard",
            "Accept-Encoding": "gzip",
            "Accept": self.accept,
            "Authorization": "" if self.authorization is None else self.authorization.reveal(),
        }
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; only status 200 has a body."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Asks with the Python of `interpreter`; `view` holds what name resolution and TLS need."""

    table: ProcessTable
    interpreter: Interpreter
    view: View
    certificate: str

    def fetch(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        """The answers, in the order of the questions.

        Raises:
            NotAnsweredError: one is missing.
            InvalidState: the compute is being stopped.
        """
        content = {
            "questions": [[question.url, question.headers] for question in questions],
            "cafile": self.certificate,
            "timeout_seconds": _TIMEOUT_SECONDS,
            "most_bytes": _MOST_BYTES,
        }
        output = self.table.read(self._command(json.dumps(content).encode()), _MOST_BYTES + _LONGEST_HEAD)
        answers = tuple(_answers(output))
        if len(answers) != len(questions) or not all(answer.status for answer in answers):
            raise NotAnsweredError
        return answers

    def _command(self, content: bytes) -> Command:
        return Command(
            argv=(str(self.interpreter.executable), "-I", "-S", str(_PROGRAM)),
            environment={"PATH": Secret("/usr/bin:/bin"), "LANG": Secret("C.UTF-8")},
            view=View((*self.interpreter.folders, RUNTIME_SUPPORT, *self.view.readable), (), self.view.placed),
            cwd=Path("/"),
            stdin=Secret(content),
        )


def _answers(output: bytes) -> list[Answer]:
    head, _, bodies = output.partition(b"\n")
    try:
        lengths = msgspec.json.decode(head, type=list[tuple[int, str, int]])
    except msgspec.MsgspecError:
        raise NotAnsweredError from None
    answers, at = [], 0
    for status, kind, length in lengths:
        answers.append(Answer(status, kind, bodies[at : at + length]))
        at += length
    if at != len(bodies):
        raise NotAnsweredError
    return answers
