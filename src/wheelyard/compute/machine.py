"""What this machine brings: Python interpreters and trusted certificate authorities."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import certifi

__all__ = ["OLDEST", "Interpreter", "find_interpreters", "nearest", "system_roots"]

OLDEST = (3, 10)
"""Older Pythons can run no kernel of today."""

_NAMES = ("python3", *(f"python3.{minor}" for minor in range(OLDEST[1], 20)))
_VERSION_FOLDERS = (
    ".pyenv/versions",
    ".local/share/uv/python",
    ".asdf/installs/python",
    ".local/share/mise/installs/python",
)
_ASK = (
    "import json, os, sys; print(json.dumps({'version': sys.version_info[:3], 'name': sys.implementation.name,"
    " 'prefix': os.path.realpath(sys.base_prefix), 'exec_prefix': os.path.realpath(sys.base_exec_prefix),"
    " 'executable': os.path.realpath(sys.executable)}))"
)
_ASK_SECONDS = 20
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One CPython of this machine, outside any environment."""

    executable: Path
    version: tuple[int, int, int]
    prefix: Path
    exec_prefix: Path

    @property
    def minor(self) -> tuple[int, int]:
        return self.version[:2]

    @property
    def name(self) -> str:
        """As in `python3.11`: the folder below `lib`."""
        return f"python{self.version[0]}.{self.version[1]}"

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def folders(self) -> tuple[Path, ...]:
        """What a sandbox must show so that it runs; system folders are shown anyway."""
        wanted = {self.prefix, self.exec_prefix}
        wanted |= {self.executable} if not self.executable.is_relative_to(self.prefix) else set()
        return tuple(sorted(path for path in wanted if not path.is_relative_to("/usr")))


def find_interpreters(path: str | None = None, home: Path | None = None) -> tuple[Interpreter, ...]:
    """Every usable CPython: on `PATH`, in the folders of version managers, and the one that runs us.

    Args:
        path: search path in the form of `PATH`; None takes the process's own.
        home: where version managers keep theirs; None takes the user's.
    """
    places = _candidates(os.environ.get("PATH", "") if path is None else path, home or Path.home())
    real = {Path(os.path.realpath(place)) for place in places if place.is_file() and os.access(place, os.X_OK)}
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = [interpreter for interpreter in pool.map(_ask, sorted(real)) if interpreter is not None]
    return tuple(sorted(set(found), key=lambda one: (one.version, str(one.executable)), reverse=True))


def nearest(wanted: str, interpreters: Iterable[Interpreter]) -> Interpreter | None:
    """The interpreter whose minor version is closest to `wanted`, as in "3.11"; the newer one of two equally close.

    Among several of one minor version the newest wins. None when there is no usable one at all.
    """
    minor = int(wanted.split(".")[1])
    return min(
        interpreters,
        key=lambda one: (abs(one.version[1] - minor), -one.version[1], -one.version[2]),
        default=None,
    )


def system_roots(environ: Mapping[str, str] = os.environ) -> Path:
    """The PEM file of certificate authorities this machine trusts: its own setting, its system's file, certifi's."""
    own = environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or ""
    for place in (own, *_BUNDLES):
        if place and Path(place).is_file():
            return Path(place)
    return Path(certifi.where())


def _candidates(path: str, home: Path) -> Iterator[Path]:
    yield Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for folder in filter(None, path.split(os.pathsep)):
        if Path(folder).name != "shims":  # version managers' shims answer only for the version that is switched on
            yield from (Path(folder) / name for name in _NAMES)
    for folder in _VERSION_FOLDERS:
        yield from sorted((home / folder).glob("*/bin/python3"))


def _ask(executable: Path) -> Interpreter | None:
    try:
        done = subprocess.run(
            [str(executable), "-I", "-S", "-c", _ASK],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    major, minor, micro = answer["version"]
    if answer["name"] != "cpython" or (major, minor) < OLDEST:
        return None
    return Interpreter(
        Path(answer["executable"]), (major, minor, micro), Path(answer["prefix"]), Path(answer["exec_prefix"])
    )
