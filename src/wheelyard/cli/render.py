"""How answers, progress and errors look. The only place that knows of colour, tables and JSON.

Three rules. Answers go to standard output, everything else to standard error, so a pipe carries answers only. On a
terminal tables and colours come from Rich; in a pipe the same content is plain lines with aligned columns and no cut.
With `--output json` an answer is one JSON document. No text leaves before URLs in it have lost their credentials.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wheelyard.cli.settings import settings
from wheelyard.core.redaction import mask_urls

__all__ = ["Column", "Failure", "Screen", "screen"]

STYLES = {
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "RUNNING": "green",
    "INSTALLED": "green",
    "SUCCESS": "green",
    "TERMINATED": "dim",
    "PENDING": "yellow",
    "FAILED": "bold red",
    "ERROR": "bold red",
}
"""Words that carry their own colour wherever they fill a cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its title, a style for its cells, and whether long cells fold instead of being cut."""

    title: str
    style: str = ""
    fold: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the form of the product. Its first line is what a search engine or a log filter will find."""

    reference: str
    what: str
    because: str = ""
    unchanged: str = ""
    hint: str = ""
    exit_code: int = 1
    word: Literal["error", "warning"] = "error"
    more: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        parts = {"reference": self.reference, "what": self.what, "because": self.because}
        rest = {"unchanged": self.unchanged, "hint": self.hint, "more": list(self.more)}
        return {name: mask_all(value) for name, value in (parts | rest).items() if value}


def mask_all(value: Any) -> Any:
    """Every string in a nest of lists and dictionaries, its URLs without credentials."""
    if isinstance(value, str):
        return mask_urls(value)
    if isinstance(value, dict):
        return {name: mask_all(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_all(inner) for inner in value]
    return value


@dataclass
class Screen:
    """Standard output and standard error of one command, and the form asked for."""

    form: Literal["text", "json"] = "text"
    stdout: IO[str] = field(default_factory=lambda: sys.stdout)
    stderr: IO[str] = field(default_factory=lambda: sys.stderr)
    width: int | None = None

    def __post_init__(self) -> None:
        self.out = Console(file=self.stdout, width=self.width, highlight=False, soft_wrap=not self.stdout.isatty())
        self.err = Console(file=self.stderr, width=self.width, highlight=False, soft_wrap=not self.stderr.isatty())

    @property
    def wants_json(self) -> bool:
        return self.form == "json"

    @property
    def is_terminal(self) -> bool:
        return self.out.is_terminal

    # answers

    def json(self, value: Any, *, masked: bool = True) -> None:
        """One JSON document. `masked=False` is for what the workspace itself answered word for word."""
        text = json.dumps(mask_all(value) if masked else value, indent=2, ensure_ascii=False)
        if self.is_terminal:
            self.out.print_json(text, ensure_ascii=False)
        else:
            self._raw(text)

    def say(self, text: str = "", style: str = "") -> None:
        """One line of the answer."""
        self.out.print(Text(mask_urls(text), style=style))

    def raw(self, text: str) -> None:
        """Content as it is: a file, a program's output; a final newline is added where there is none."""
        self._raw(text, end="" if text.endswith("\n") else "\n")

    def table(self, columns: Sequence[Column | str], rows: Sequence[Sequence[object]], *, empty: str = "") -> None:
        """Aligned columns; on a terminal with colour. `empty` is said (on standard error) when there is no row."""
        titles = [Column(column) if isinstance(column, str) else column for column in columns]
        cells = [[mask_urls("" if cell is None else str(cell)) for cell in row] for row in rows]
        if not cells:
            self.note(empty or "nothing to show")
        elif self.is_terminal:
            self.out.print(_rich_table(titles, cells))
        else:
            for line in aligned([[column.title.upper() for column in titles], *cells]):
                self._raw(line)

    def _raw(self, text: str, end: str = "\n") -> None:
        self.stdout.write(text + end)
        self.stdout.flush()

    # everything else

    def note(self, text: str, style: str = "dim") -> None:
        """A remark for the person watching; never part of the answer."""
        self.err.print(Text(mask_urls(text), style=style if self.err.is_terminal else ""))

    def fail(self, failure: Failure) -> None:
        """The error form: reference, what, because, what did not happen, hint."""
        if self.wants_json:
            self.stderr.write(json.dumps({failure.word: failure.to_json()}, indent=2, ensure_ascii=False) + "\n")
            return
        for text in failure_lines(failure):
            self.err.print(text)

    def warn(self, reference: str, what: str, hint: str = "") -> None:
        if not self.wants_json:
            self.fail(Failure(reference, what, hint=hint, word="warning"))

    @contextmanager
    def progress(self, text: str, *, brief: bool = False) -> Iterator[Callable[[str], None]]:
        """While something takes time: on standard error a spinner, or in a pipe a line at each change.

        `brief` is for what takes a moment: in a pipe it is not worth a line.
        """
        started = time.monotonic()
        if brief and not self.err.is_terminal:
            yield lambda _now: None
            return
        if not self.err.is_terminal:
            said = [""]

            def tell_plainly(now: str) -> None:
                if now != said[0]:
                    said[0] = now
                    self.note(now)

            tell_plainly(text)
            yield tell_plainly
            return
        with self.err.status(Text(mask_urls(text)), spinner="dots") as status:

            def tell(now: str) -> None:
                status.update(Text(f"{mask_urls(now)}  {time.monotonic() - started:.0f} s"))

            yield tell


def screen() -> Screen:
    """The screen of the running command."""
    return Screen(form=settings().output)


def failure_lines(failure: Failure) -> list[Text]:
    """The lines of the error form, styled."""
    colour = "bold red" if failure.word == "error" else "bold yellow"
    lines = [Text.assemble((f"{failure.word}: ", colour), (failure.reference, "bold"))]
    body = [*failure.what.splitlines(), *([f"because: {failure.because}"] if failure.because else ())]
    body += [failure.unchanged] if failure.unchanged else []
    lines += [Text(f"  {mask_urls(line)}") for line in (*body, *failure.more)]
    if failure.hint:
        lines.append(Text.assemble("  ", ("hint: ", "cyan"), mask_urls(failure.hint)))
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns padded to the widest cell, two spaces between them, no space at the end of a line.

    >>> aligned([["KEY", "VALUE"], ["a", "1"]])
    ['KEY  VALUE', 'a    1']
    """
    folded = [[" ".join(cell.splitlines()) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in folded) for column in range(len(folded[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in folded]


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for column in columns:
        table.add_column(column.title, style=column.style, overflow="fold" if column.fold else "ellipsis")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    return table
