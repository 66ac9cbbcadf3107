"""What a process writes, as redacted lines while it writes them."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from wheelyard.core.redaction import Redactor, mask_urls

__all__ = ["LastLines", "forward", "redacted_lines"]

_READ_BYTES = 65_536
_LONGEST_LINE = 65_536
"""Characters; a longer line is delivered in pieces, so that nobody can fill our memory with one."""


def redacted_lines(source: IO[bytes], redactor: Redactor) -> Iterator[str]:
    """Yield each line without its end. Secrets are found across writes; URLs lose their user-info in any case.

    Ends, and closes the source, when the last process that holds the other end is gone.
    """
    stream = redactor.stream()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    with source:
        while chunk := os.read(source.fileno(), _READ_BYTES):
            rest += decoder.decode(stream.feed(chunk))
            *lines, rest = rest.split("\n")
            yield from map(_clean, lines)
            if len(rest) > _LONGEST_LINE:
                yield _clean(rest)
                rest = ""
    rest += decoder.decode(stream.flush(), final=True)
    if rest:
        yield from map(_clean, rest.removesuffix("\n").split("\n"))


def _clean(line: str) -> str:
    return mask_urls(line.rstrip("\r"))


class LastLines:
    """Remembers the last lines of a log while it passes them on."""

    def __init__(self, on_line: Callable[[str], None], count: int = 200) -> None:
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=count)

    def __call__(self, line: str) -> None:
        self._lines.append(line)
        self._on_line(line)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)


def forward(source: IO[bytes], redactor: Redactor, on_line: Callable[[str], None]) -> None:
    """Call `on_line` with every line until the source ends."""
    for line in redacted_lines(source, redactor):
        on_line(line)
