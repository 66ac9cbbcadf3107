"""What pip finds before it decides anything: the machine as the image's pip sees it, and what is installed already."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.compute.environments import Environment
from wheelyard.compute.overlay import RUNTIME_SUPPORT
from wheelyard.compute.pinned_set import Machine, Metadata, NotCertainError, read_metadata
from wheelyard.compute.process import Command, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.core.redaction import Secret

__all__ = ["Machines", "installed_in"]

_PROGRAM = RUNTIME_SUPPORT / "dbruntime" / "describe_pip.py"
_MOST_BYTES = 4 << 20


class Machines:
    """This machine, as the pip of each runtime image describes it. An image is asked once: neither changes.

    Args:
        table: the engine's own processes.
    """

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._asked: dict[Path, Future[Machine]] = {}

    def ask(self, environment: Environment) -> Future[Machine]:
        """Begin to ask, unless somebody has. The future may hold `NotCertainError`."""
        with self._lock:
            known = self._asked.get(environment.image)
            if known is not None:
                return known
            asked = self._asked[environment.image] = Future()

        def work() -> None:
            try:
                asked.set_result(self._described(environment))
            except BaseException as problem:  # noqa: BLE001  # handed to whoever waits
                with self._lock:
                    del self._asked[environment.image]
                asked.set_exception(problem)

        threading.Thread(target=work, name="machine-asker", daemon=True).start()
        return asked

    def _described(self, environment: Environment) -> Machine:
        output = self._table.read(_command(environment), _MOST_BYTES)
        try:
            answer = msgspec.json.decode(output, type=_Answer)
        except msgspec.MsgspecError:
            raise NotCertainError from None
        tags = {tag: rank for rank, tag in reversed(list(enumerate(answer.tags)))}
        python = Version(environment.interpreter.text)
        return Machine(MappingProxyType(tags), MappingProxyType(answer.markers), python, answer.reads_core_metadata)


class _Answer(msgspec.Struct):
    tags: list[str]
    markers: dict[str, str]
    reads_core_metadata: bool


def _command(environment: Environment) -> Command:
    return Command(
        argv=(str(environment.image / "bin" / "python"), "-I", str(_PROGRAM)),
        environment={"PATH": Secret("/usr/bin:/bin"), "LANG": Secret("C.UTF-8")},
        view=View((*environment.interpreter.folders, environment.image, RUNTIME_SUPPORT)),
        cwd=Path("/"),
    )


def installed_in(environment: Environment) -> MappingProxyType[str, Metadata]:
    """What pip finds installed, by normalised name. Environments of the store never change, so each is read once.

    Raises:
        NotCertainError: the environment is private to one compute, or something in it cannot be read.
    """
    if environment.pins is None:
        raise NotCertainError
    image = Environment(environment.image, environment.interpreter, environment.image, {})
    return _installed(tuple(dict.fromkeys((environment.site_packages, image.site_packages))))


@lru_cache(maxsize=32)
def _installed(folders: tuple[Path, ...]) -> MappingProxyType[str, Metadata]:
    found: dict[str, Metadata] = {}
    for one in distributions(path=[str(folder) for folder in folders]):
        said: Any = one.read_text("METADATA")
        if said is None:
            raise NotCertainError
        metadata = read_metadata(said.encode())
        found.setdefault(canonicalize_name(metadata.name), metadata)
    return MappingProxyType(found)
