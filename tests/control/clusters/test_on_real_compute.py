"""Old and new default on compute that really runs: what the lists say is what pip does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compute.loopback_index import LoopbackIndex
from tests.compute.packages import wheel
from tests.conftest import CACHE, WHEELHOUSE
from tests.control.clusters.settings_rooms import SettingsRooms
from tests.control.compute_rooms import Server

from wheelyard.compute.engine import EngineSettings
from wheelyard.compute.local import LocalEngine
from wheelyard.control.clusters.progress import Progress

PROJECT = f"which-index-{uuid.uuid4().hex[:8]}".replace("-", "_")


@pytest.fixture
def real_rooms(tmp_path: Path, server: Server) -> Iterator[SettingsRooms]:
    engine = LocalEngine(EngineSettings(tmp_path / "compute", CACHE, WHEELHOUSE))
    made = SettingsRooms(tmp_path, server.url, engine)
    server.app = made.app
    yield made
    made.close()


@pytest.fixture
def indexes() -> Iterator[tuple[LoopbackIndex, LoopbackIndex]]:
    old, new = LoopbackIndex(), LoopbackIndex(token="an0ther-t0ken-of-it")
    old.files.update(wheel(PROJECT, "1.0"))
    new.files.update(wheel(PROJECT, "2.0"))
    yield old, new
    old.close()
    new.close()


def installed(rooms: SettingsRooms, cluster_id: str) -> list[str]:
    compute = rooms.clusters.running_compute(cluster_id)
    return list(compute.install([PROJECT], index_url=None, on_line=lambda _line: None).installed)


def test_a_cluster_is_listed_exactly_while_pip_asks_the_old_index(
    real_rooms: SettingsRooms, indexes: tuple[LoopbackIndex, LoopbackIndex]
) -> None:
    rooms, (old, new), admin = real_rooms, indexes, real_rooms.caller()
    rooms.set_default({"pip-index-url": old.url})
    cluster_id = rooms.cluster()
    assert rooms.clusters.with_old_default(admin) == ()
    rooms.set_default({"pip-index-url": new.url})
    assert [found.cluster_id for found in rooms.clusters.with_old_default(admin)] == [cluster_id]
    answer = rooms.clusters.explain_cluster(admin, cluster_id)
    assert answer.options.index is not None
    assert answer.options.index.value.host == f"127.0.0.1:{new.server_port}"  # what a start would take
    assert installed(rooms, cluster_id) == [f"{PROJECT}==1.0"]
    assert new.asked == []

    rooms.admin.client.clusters.restart(cluster_id)
    seen: list[Progress] = []
    while not seen or not seen[-1].is_settled:
        seen.append(rooms.clusters.progress(admin, cluster_id))
    fractions = [one.fraction for one in seen]
    assert fractions == sorted(one for one in fractions if one is not None)
    assert fractions[-1] == 1
    assert not seen[-1].has_old_default
    assert rooms.clusters.with_old_default(admin) == ()
    old.asked.clear()
    assert installed(rooms, cluster_id) == [f"{PROJECT}==2.0"]
    assert old.asked == []
    assert old.token not in repr(seen)
    assert new.token not in repr(seen)
