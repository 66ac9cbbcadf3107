from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.control.clusters.settings_rooms import SettingsRooms
from tests.control.compute_rooms import Server, rooms, server
from tests.control.instant_engine import InstantEngine

__all__ = ["rooms", "server", "settings_rooms"]


@pytest.fixture
def settings_rooms(tmp_path: Path, server: Server) -> Iterator[SettingsRooms]:
    """Fresh rooms whose clusters start at once."""
    made = SettingsRooms(tmp_path, server.url, InstantEngine())
    server.app = made.app
    yield made
    made.close()
