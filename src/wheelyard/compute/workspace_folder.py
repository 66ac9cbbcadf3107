"""The workspace files that one session, one program or one installation finds below `/Workspace`.

Each has a folder of its own, filled with what its principal may read, so that nobody on shared compute reads by
another's permissions. In a sandbox the folder is in sight below `/Workspace` only, read-only: were it among what user
code can write to, a link planted there could lead the engine, which runs outside, to any file of this machine.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.compute.engine import StagedFile
from wheelyard.core.errors import InvalidParameter

__all__ = ["WORKSPACE", "WorkspaceFolder"]

WORKSPACE = "/Workspace"
_PATH_IN_TEXT = re.compile(rf"(?<![\w./-]){WORKSPACE}(?=/)|(?<=file://){WORKSPACE}(?=/)")


@dataclass(frozen=True, slots=True)
class WorkspaceFolder:
    """A folder at `path`; without a sandbox there is no `/Workspace`, and `path` is named in its place."""

    path: Path
    confined: bool

    def stage(self, files: Sequence[StagedFile]) -> None:
        """Let it hold these files and nothing else.

        Raises:
            InvalidParameter: a path leads out of `/Workspace`; nothing was changed.
        """
        wanted = {_below_workspace(file.path): file.content for file in files}
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(self.path.rglob("*"), reverse=True):
            inside = path.relative_to(self.path)
            if path.is_file() and inside not in wanted:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        for inside, content in wanted.items():
            _write(self.path / inside, content)

    def inside(self, text: str) -> str:
        """A value that may be a workspace path, as processes see it."""
        if not self.confined and (text == WORKSPACE or text.startswith(f"{WORKSPACE}/")):
            return str(self.path) + text[len(WORKSPACE) :]
        return text

    def inside_line(self, line: str) -> str:
        """A requirement line, the same way: the path may stand behind `-r` or `name @`."""
        return line if self.confined else _PATH_IN_TEXT.sub(lambda _found: str(self.path), line)


def _below_workspace(path: str) -> Path:
    """A workspace path relative to `/Workspace`."""
    clean = Path(os.path.normpath(path))
    if not clean.is_relative_to(WORKSPACE) or str(clean) == WORKSPACE:
        raise InvalidParameter(f"`{path}` is no path below {WORKSPACE}")
    return clean.relative_to(WORKSPACE)


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole; what reads the old one goes on reading the old one."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{uuid.uuid4().hex}")
    fresh.write_bytes(content)
    fresh.replace(path)
