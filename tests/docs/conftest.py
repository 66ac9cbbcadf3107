"""The pages, their links, and the examples that a page marks as runnable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pages() -> list[Path]:
    return sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True)
class Example:
    """A fenced block that stands below `<!-- run -->`."""

    page: Path
    line: int
    language: str
    text: str


def examples_of(page: Path) -> Iterator[Example]:
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "<!-- run -->" and lines[number + 1].startswith("```"):
            end = next(after for after in range(number + 2, len(lines)) if lines[after].startswith("```"))
            yield Example(page, number + 2, lines[number + 1].strip("` "), "\n".join(lines[number + 2 : end]))


def shape(text: str) -> re.Pattern[str]:
    """Expected output as a pattern: runs of spaces are one space, `…` is anything, a line of `…` any lines."""
    pattern = ""
    for line in text.strip().splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += (
                r"\s*" + r"\s+".join(r".*".join(map(re.escape, word.split("…"))) for word in line.split()) + r"\s*\n"
            )
    return re.compile(pattern)
