"""The grammar of requirements files: logical lines, and the options on a line.

Source: facts/packaging.md A4; read from pip's source and measured.
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import Version

from wheelyard.core.pip.command import NotUnderstood, OptionReader
from wheelyard.core.pip.installer import Installer
from wheelyard.core.rules.pip_options import requirements_options_of

__all__ = ["LineOptions", "is_remote", "joined_path", "lines_of", "options_on"]

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_SEEN_BY_SHELL = re.compile(r"['\"\\\t\r\n]")
_REMOTE = re.compile(r"^(http|https|file):", re.IGNORECASE)


def is_remote(path: str) -> bool:
    """Whether a requirements file is named by URL."""
    return _REMOTE.match(path) is not None


def lines_of(text: str, variables: Mapping[str, str], *, join_options: bool = True) -> Iterator[tuple[int, str]]:
    r"""Number and content of each logical line: continuations joined, comments gone, `${NAME}` expanded.

    >>> list(lines_of("# note\n--index-url \\\n  https://${T}@h/simple # ours\n", {"T": "x"}))
    [(2, '--index-url   https://x@h/simple')]
    """
    for number, joined in _joined(text, join_options=join_options):
        line = _COMMENT.sub("", joined).strip()
        if line:
            yield number, _VARIABLE.sub(lambda found: variables.get(found[1]) or found[0], line)


def _joined(text: str, *, join_options: bool) -> Iterator[tuple[int, str]]:
    begun: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        is_comment = _COMMENT.match(line) is not None
        alone = not join_options and not begun and line.lstrip().startswith("-")
        if line.endswith("\\") and not is_comment and not alone:
            first = first if begun else number
            begun.append(line.strip("\\"))
            continue
        yield (first if begun else number), "".join([*begun, f" {line}" if is_comment else line])
        begun = []
    if begun:
        yield first, "".join(begun)


@dataclass(slots=True)
class LineOptions:
    """One line that names no project: its options in order, and the file it includes."""

    options: list[tuple[str, str]]

    def first(self, name: str) -> str | None:
        return next((value for option, value in self.options if option == name), None)


def options_on(line: str, installer: Installer) -> LineOptions | None:
    """The options of a line; None for a line that names a project or an editable one."""
    words = line.split(" ")
    begin = first_option(words)
    project = any(words[:begin])
    if begin == len(words):
        return None if project else LineOptions([])
    try:
        noted, _rest = _reader_of(installer.version).read(split_as_shell(" ".join(words[begin:])))
    except ValueError as error:
        raise NotUnderstood(str(error)) from error
    if project or any(name == "editable" for name, _value in noted):
        return None
    return LineOptions(noted)


def split_as_shell(text: str) -> list[str]:
    """`shlex.split`, which reads a character at a time, where there is anything for it to see.

    Raises:
        ValueError: a quotation that does not end, or nothing after a backslash.
    """
    return shlex.split(text) if _SEEN_BY_SHELL.search(text) else [word for word in text.split(" ") if word]


@lru_cache(maxsize=64)
def _reader_of(version: Version) -> OptionReader:
    return OptionReader(requirements_options_of(version))


def first_option(words: list[str]) -> int:
    """Where the options of a line begin."""
    return next((place for place, word in enumerate(words) if word.startswith("-")), len(words))


def joined_path(path: str, nested: str) -> str:
    """A nested file's path: beside the file that names it."""
    if is_remote(path) or is_remote(nested):
        return nested
    return os.path.normpath(os.path.join(os.path.dirname(path), nested))  # noqa: PTH118, PTH120  text, not this machine's files
