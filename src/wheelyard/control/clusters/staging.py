"""Workspace files for compute: what the acting principal may read, and nothing else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import unquote

from wheelyard.compute.engine import Session, StagedFile
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import WorkspaceFiles
from wheelyard.core.errors import NotFound

__all__ = ["Staging", "files_named", "workspace_path"]

_ARCHIVES = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tar")
_FILE = "file://"
_OPTION = re.compile(r"\A-[rcfe](?=[^\s-])")
"""An option that its value follows without a space."""

_AFTER_PATH = re.compile(r"[;#].*|\[[^\]]*\]\Z", re.DOTALL)


class Staging:
    """The workspace files of one session or one program of `caller`: everything the caller may read."""

    def __init__(self, workspace: WorkspaceFiles, caller: Caller) -> None:
        self._workspace = workspace
        self._caller = caller
        self._seen = -1

    def files(self) -> tuple[StagedFile, ...]:
        """The files as they are now."""
        self._seen = self._workspace.change_count()
        found = []
        for path, read in self._workspace.readable_files(self._caller):
            with suppress(NotFound):  # deleted since it was listed
                found.append(StagedFile(workspace_path(path), read()))
        return tuple(found)

    def refresh(self, session: Session) -> None:
        """Bring a session up to date, if the workspace has changed since its files were taken."""
        if self._workspace.change_count() != self._seen:
            session.stage(self.files())


def files_named(workspace: WorkspaceFiles, caller: Caller, lines: Iterable[str]) -> tuple[StagedFile, ...]:
    """The workspace files that an installation needs, of those `caller` may read.

    These are the files that requirement lines name, those below a folder they name, and what requirements files among
    them name in turn. Too many harm nobody: the caller may read each.

    Args:
        workspace: where they lie.
        caller: who asked for the installation.
        lines: pip's arguments, or lines of a requirements file; paths in the long form.
    """
    readable = {workspace_path(path): read for path, read in workspace.readable_files(caller)}
    folders = {str(folder) for path in readable for folder in PurePosixPath(path).parents}
    found: dict[str, bytes] = {}
    waiting = [("/", line) for line in lines]
    while waiting:
        beside, line = waiting.pop()
        for named in _named(line, beside):
            for path in set(_at(named, readable, folders)) - found.keys():
                found[path] = readable[path]()
                waiting += _lines_in(path, found[path]) if path == named else ()
    return tuple(StagedFile(path, content) for path, content in found.items())


def _at(path: str, readable: Mapping[str, object], folders: set[str]) -> Iterator[str]:
    """The file at a path, or all below it."""
    if path in readable:
        yield path
    elif path in folders:
        yield from (file for file in readable if file.startswith(f"{path.rstrip('/')}/"))


def _lines_in(path: str, content: bytes) -> list[tuple[str, str]]:
    """The lines of a requirements file, with the folder they are read from."""
    if path.endswith(_ARCHIVES):
        return []
    return [(posixpath.dirname(path), line) for line in content.decode(errors="replace").splitlines()]


def _named(line: str, beside: str) -> Iterator[str]:
    """Every path that a line may mean.

    >>> "/Workspace/a/more.txt" in set(_named("-r more.txt  # ours", "/Workspace/a"))
    True
    >>> "/Workspace/b c.whl" in set(_named("tool @ file:///Workspace/b%20c.whl#sha256=00", "/"))
    True
    """
    for text in (line, line.partition(" ")[2], *line.split(), *re.split(r"[\s=]+", line)):
        word = _OPTION.sub("", text.strip()).strip("'\"")
        for path in filter(None, (word, _AFTER_PATH.sub("", word))):
            plain = unquote(path.removeprefix(_FILE)) if path.startswith(_FILE) else path
            yield posixpath.normpath(posixpath.join(beside, plain))


def workspace_path(path: str) -> str:
    """The long form of a workspace path.

    >>> workspace_path("/Users/ana@example.com/x.py")
    '/Workspace/Users/ana@example.com/x.py'
    """
    return path if path.startswith("/Workspace/") else f"/Workspace{path}"
