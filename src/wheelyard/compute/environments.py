"""The store of ready environments, keyed by what is in them.

There are two kinds of entry: runtime images, and environments that stand on one and hold only what was added to it.

An entry is built in a folder of its own, byte-compiled, renamed into place and never changed afterwards, so that
compute with the same set shares one. No package's code runs while an entry is built: uv is driven by the trusted
interpreter of the runtime image (`--prefix`), never by the entry's own, whose `.pth` files would run; and
byte-compiling starts without `site`. That is why an entry may share its files with another, and with uv's cache, by
hard link. A link never leads from one mount to another, so uv's cache and what is being built lie in one folder, the
workshop, which is one mount for uv; nobody else is shown it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wheelyard.compute.machine import Interpreter
from wheelyard.compute.process import Command, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.compute.venv import make_venv, site_packages_of
from wheelyard.core.redaction import Secret

__all__ = ["Environment", "EnvironmentStore", "Pin", "compile_command", "digest"]

_LAYOUT = 1
"""Part of every key; raise it when an entry of today differs from what the same inputs made before."""

_SCRIPT_HEAD = 8192
"""Bytes of a console script in which its interpreter is named."""

_INTERPRETER = re.compile(rb"""(\A#!/bin/sh\n\'\'\'exec' "\$\(dirname -- "\$\(realpath -- "\$0"\)"\)"/)'[^']*'""")
"""How uv lets a script of a relocatable environment find its interpreter; with `--prefix` it names another's."""


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One distribution, to the byte: normalised name, version, SHA-256 of its wheel in hex."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Environment:
    """One ready environment.

    Args:
        path: its folder, a virtual environment that nobody writes to.
        interpreter: the Python it is based on.
        image: folder of the runtime image it stands on; its own for an image.
        pins: what was installed on top of the image, by name; None when an installer had its own way and nobody knows.
    """

    path: Path
    interpreter: Interpreter
    image: Path
    pins: Mapping[str, Pin] | None

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        return site_packages_of(self.path, self.interpreter)

    @property
    def folders(self) -> tuple[Path, ...]:
        """What must be in sight to run it."""
        return tuple(dict.fromkeys((*self.interpreter.folders, self.image, self.path)))

    @property
    def search_path(self) -> str:
        """In the form of `PATH`."""
        return ":".join(dict.fromkeys((str(self.path / "bin"), str(self.image / "bin"))))

    def with_pins(self, pins: Iterable[Pin]) -> dict[str, Pin] | None:
        return None if self.pins is None else {**self.pins, **{pin.name: pin for pin in pins}}


def digest(*parts: object) -> str:
    """A key for any JSON values."""
    return hashlib.sha256(json.dumps([_LAYOUT, platform.machine(), *parts], sort_keys=True).encode()).hexdigest()[:32]


class EnvironmentStore:
    """Entries below one folder, shared by every engine of this user; safe for builders in several processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workshop = folder / "workshop"
        self.uv_cache = self.workshop / "uv"
        self._building = self.workshop / "building"
        for path in (folder / "images", folder / "environments", folder / "locks", self.uv_cache, self._building):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def image(self, key: str, build: Callable[[Path], None]) -> Path:
        """The folder of an image; `build` makes it when it is not there yet."""
        return self._entry(self.folder / "images" / key, build)

    def derived(self, base: Environment, pins: Mapping[str, Pin], place: Callable[[Path], None]) -> Environment:
        """The environment that holds `pins` on top of the base's image.

        `place` is called only when it is not there yet, with a folder that shares the files of `base` above the image
        by hard link. It must replace files, never write into one.
        """
        key = digest(base.image.name, sorted((pin.name, pin.version, pin.sha256) for pin in pins.values()))

        def build(folder: Path) -> None:
            grown(base, folder, linked=True)
            place(folder)

        path = self._entry(self.folder / "environments" / key, build)
        return Environment(path, base.interpreter, base.image, pins)

    def forget(self, unused_seconds: float) -> None:
        """Delete what nobody has asked for since then, and what a builder that was killed left behind."""
        before = time.time() - unused_seconds
        for kind in (self.folder / "images", self.folder / "environments", self._building):
            for entry in kind.iterdir():
                if entry.stat().st_mtime < before:
                    shutil.rmtree(entry, ignore_errors=True)

    def _entry(self, final: Path, build: Callable[[Path], None]) -> Path:
        if final.is_dir():
            os.utime(final)
            return final
        with self._lock(final.name):
            if final.is_dir():
                return final
            building = self._building / uuid.uuid4().hex
            try:
                build(building)
                _put(building, final)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        return final

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with (self.folder / "locks" / name).open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _put(building: Path, final: Path) -> None:
    """Rename into place. Where file locks do not reach (another machine, a copied cache) the first one wins."""
    try:
        building.rename(final)
    except OSError:
        if not final.is_dir():
            raise


def grown(base: Environment, target: Path, *, linked: bool) -> None:
    """A new environment to add to, which holds what `base` has: by hard link, or in files of its own."""
    if base.path == base.image:
        make_venv(target, base.interpreter, below=base.site_packages)
    else:
        shutil.copytree(base.path, target, symlinks=True, copy_function=os.link if linked else shutil.copy2)


def own_scripts(folder: Path) -> None:
    """Make console scripts start the environment they lie in, not the interpreter that put them there."""
    for script in (folder / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        head = _INTERPRETER.sub(rb"\1'python'", content[:_SCRIPT_HEAD])
        if head != content[:_SCRIPT_HEAD]:
            fresh = script.with_name(f".{uuid.uuid4().hex}")  # a name no package brings: its files may be shared
            fresh.write_bytes(head + content[_SCRIPT_HEAD:])
            fresh.chmod(script.stat().st_mode)
            fresh.replace(script)


def compile_command(interpreter: Interpreter, folder: Path, workers: int) -> Command:
    """Byte-compile what lies in an environment, without running any of it."""
    return Command(
        argv=(
            str(interpreter.executable),
            *("-I", "-S", "-m", "compileall", "-q", "-q", "-j", str(workers)),
            str(site_packages_of(folder, interpreter)),
        ),
        environment={"PATH": Secret("/usr/bin:/bin"), "LANG": Secret("C.UTF-8")},
        view=View(readable=interpreter.folders, writable=(folder,)),
        cwd=folder,
    )


def compile_all(table: ProcessTable, interpreter: Interpreter, folder: Path) -> None:
    """A file that does not compile is none of our business: it fails when it is imported, as anywhere else."""
    table.run(compile_command(interpreter, folder, os.cpu_count() or 1), lambda _line: None)
