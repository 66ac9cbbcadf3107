"""The last test of a session: no secret that any test made stands in a log, an event, an argument or a data folder.

A pytest plugin: name it in the top `conftest.py` (`pytest_plugins`) and tell the session's `leak_sweep` fixture what
there is to look at. While tests run it collects what is stored in the watched workspaces, so that secrets which a test
deletes are looked for too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.security.leak_scan import Exemption, Finding, scan
from tests.security.process_arguments import ArgumentSampler
from tests.security.secrets_made import remember, remembered, stored_in

__all__ = ["EXEMPTIONS", "Sweep", "leak_sweep"]

EXEMPTIONS: tuple[Exemption, ...] = (
    Exemption("*/run.json", "says where the workspace answers, with the admin's token, to its owner only"),
    Exemption("*/ready*.json", "the same, where `--ready-file` asked for it"),
    Exemption("*/blobs/*", "files that people uploaded; what they wrote into them is theirs"),
    Exemption("*/pip.conf", "where pip reads its index from; mode 0600, visible to that compute only"),
    Exemption("*/uv.toml", "the same for uv"),
)
"""Where a secret may stand, and why."""


class Sweep:
    """What one session produced, and the collector that learns of secrets meanwhile."""

    def __init__(self, folder: Path, *, interval_seconds: float = 0.5) -> None:
        self._folder = folder
        self._watched: set[Path] = set()
        self._outputs: set[Path] = set()
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._collector = threading.Thread(target=self._collect_forever, name="secret-collector", daemon=True)
        self.arguments = ArgumentSampler(folder / "process-arguments.bin")

    def watch(self, data_dir: Path) -> None:
        """A workspace's data folder: its secrets are looked for, and it is looked through."""
        self._watched.add(data_dir)

    def add(self, path: Path) -> None:
        """A log, a recorded output or a folder of them."""
        self._outputs.add(path)

    def output(self, name: str, text: str | bytes) -> None:
        """Something a test received and wants looked through."""
        path = self._folder / name.replace("/", "_")
        with path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        self.add(path)

    def start(self) -> None:
        self._collector.start()
        self.arguments.start()

    def stop(self) -> None:
        self._stopping.set()
        self._collector.join()
        self.arguments.stop()
        self._collect()

    def findings(self, exemptions: Sequence[Exemption] = EXEMPTIONS) -> list[Finding]:
        """Everything found in everything that was named."""
        return scan([*self._watched, *self._outputs, self.arguments.output], remembered(), exemptions)

    def _collect_forever(self) -> None:
        while not self._stopping.wait(self._interval_seconds):
            self._collect()

    def _collect(self) -> None:
        for data_dir in tuple(self._watched):
            remember(*stored_in(data_dir))


@pytest.fixture(scope="session", autouse=True)
def leak_sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Made before every other session fixture, so it ends after them, when all logs are complete."""
    sweep = Sweep(tmp_path_factory.mktemp("leak-sweep"))
    sweep.start()
    yield sweep
    sweep.stop()
    found = sweep.findings()
    assert not found, "secrets leaked:\n" + "\n".join(map(str, found))
