"""The teller: numbered steps, commands as a reader would type them, and a check behind every claim."""

from __future__ import annotations

import io
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

from rich.padding import Padding
from rich.text import Text

from wheelyard.cli.render import Screen
from wheelyard.core.errors import WheelyardError
from wheelyard.core.redaction import mask_urls

__all__ = ["DoesNotHold", "Spoken", "Story"]


class DoesNotHold(WheelyardError):
    """A sentence of the story is not true on this machine."""

    default_reference = "demo-does-not-hold"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a command of the story printed."""

    exit_code: int
    out: str
    err: str


class _LikeATerminal(io.StringIO):
    """Text that is drawn for a terminal and kept."""

    def isatty(self) -> bool:
        return True


@dataclass
class Story:
    """Tells on a screen, runs commands in this process, and keeps everything that was printed.

    Args:
        screen: where it is told.
        run: runs one command line and returns its exit code, as `wheelyard.cli.main` does.
        clock: monotonic seconds.
    """

    screen: Screen
    run: Callable[[Sequence[str]], int]
    clock: Callable[[], float] = time.monotonic
    transcript: list[str] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self._started = self.clock()

    def title(self, text: str, *lines: str) -> None:
        self._print(Text(text, "bold"), text)
        for line in lines:
            self._print(Text(line), line)

    def step(self, title: str, *why: str) -> None:
        """Begin the next step: what happens, and why."""
        self._number += 1
        self._print(Text(""), "")
        head = f"{self._number}. {title}"
        self._print(Text.assemble((head, "bold cyan"), (f"   {self.seconds:.0f} s", "dim")), head)
        for line in why:
            self._print(Padding(Text(line, "italic"), (0, 0, 0, 3)), f"   {line}")

    @property
    def seconds(self) -> float:
        return self.clock() - self._started

    def command(
        self, *words: str, shown: str = "", quiet: bool = False, drawn: bool = False, expected: int = 0
    ) -> Spoken:
        """Show a command, run it, show what it printed, and hold it to its exit code.

        `shown` replaces the words on the screen, where the real ones name a temporary file; `quiet` keeps its output
        for the story to quote from; `drawn` shows it as it looks on a terminal, when this is one.
        """
        line = shown or shlex.join(["wheelyard", *words])
        self._print(Padding(Text.assemble(("$ ", "dim"), (line, "bold")), (0, 0, 0, 3)), f"   $ {line}")
        with self.waiting(shlex.join(["wheelyard", *words[:2]])):
            spoken = self._run(words, io.StringIO())
        self.transcript += [spoken.out, spoken.err]
        if drawn and self.screen.is_terminal:
            self._draw(words)
        elif not quiet or spoken.exit_code != expected:
            self.quote(spoken.out)
        self.holds(
            spoken.exit_code == expected,
            f"`{line}` ends with exit code {expected}",
            f"it ended with {spoken.exit_code}: {spoken.err.strip() or spoken.out.strip()}",
        )
        return spoken

    def _run(self, words: Sequence[str], out: io.StringIO) -> Spoken:
        err = io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = self.run(words)
        return Spoken(code, out.getvalue(), err.getvalue())

    def _draw(self, words: Sequence[str]) -> None:
        """Run once more, into something that says it is a terminal a little narrower than this one."""
        os.environ["COLUMNS"] = str(self.screen.out.width - 5)
        try:
            spoken = self._run(words, _LikeATerminal())
        finally:
            del os.environ["COLUMNS"]
        self.transcript.append(Text.from_ansi(spoken.out).plain)
        self.screen.out.print(Padding(Text.from_ansi(spoken.out.rstrip()), (0, 0, 0, 5)))

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """A spinner on a terminal; nothing in a pipe, where the story's lines are enough."""
        if not self.screen.is_terminal:
            yield lambda _text: None
            return
        real = Screen(stdout=sys.stdout, stderr=sys.stderr)
        with real.out.status(Text(text, "dim"), spinner="dots") as status:
            yield lambda now: status.update(Text(mask_urls(now), "dim"))

    def quote(self, text: str, limit: int = 14) -> None:
        """Lines that something printed, indented; long ones are cut in the middle."""
        lines = text.rstrip().splitlines()
        if len(lines) > limit:
            left = len(lines) - limit + 1
            lines = [*lines[: limit // 2], f"… {left} more lines", *lines[left + limit // 2 :]]
        for line in lines:
            self._print(Padding(Text(line, "dim"), (0, 0, 0, 5)), f"     {line}")

    def say(self, text: str) -> None:
        self._print(Padding(Text(text), (0, 0, 0, 3)), f"   {text}")

    def holds(self, claim: bool, what: str, otherwise: str = "") -> None:  # noqa: FBT001 - reads as a sentence
        """Stop the story unless the claim is true."""
        if not claim:
            raise DoesNotHold(
                f"The demo stops: it does not hold that {what}",
                because=otherwise,
                hint="read the workspace's last words above; then wheelyard doctor",
            )

    def shows(self, claim: bool, what: str, otherwise: str = "") -> None:  # noqa: FBT001 - reads as a sentence
        """Hold it to a claim and say that it is true."""
        self.holds(claim, what, otherwise)
        self._print(Padding(Text.assemble(("✓ ", "bold green"), what), (0, 0, 0, 3)), f"   ok: {what}")

    def _print(self, styled: Text | Padding, plain: str) -> None:
        self.transcript.append(plain)
        if self.screen.is_terminal:
            self.screen.out.print(styled)
        else:
            self.screen.raw(mask_urls(plain))
