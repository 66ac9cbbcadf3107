"""Kept pages: bounded, right after any change, and made once for many."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName, canonicalize_name
from tests.feed.conftest import build_world

from wheelyard.core.simple_api import File, Format, Project
from wheelyard.feed import store
from wheelyard.feed.access import AccessCache, AccessGeneration, Grant
from wheelyard.feed.bounded import BoundedMap
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.repository import ProjectNotFound, StoredFile
from wheelyard.feed.shelf import Shelf
from wheelyard.storage.database import Database

ACME = canonicalize_name("acme")


@dataclass
class Weight:
    weight_bytes: int


@given(st.lists(st.tuples(st.sampled_from("pgd"), st.integers(0, 8), st.integers(0, 40)), max_size=80))
def test_a_bounded_map_never_holds_more_and_never_lies(steps: list[tuple[str, int, int]]) -> None:
    kept: BoundedMap[int, Weight] = BoundedMap(100)
    latest: dict[int, Weight] = {}
    for step, key, weight in steps:
        if step == "p":
            latest[key] = Weight(weight)
            kept.put(key, latest[key])
        elif step == "d":
            latest.pop(key, None)
            kept.drop(key)
        found = kept.get(key)
        assert found is None or found is latest.get(key)
        assert kept.held_bytes <= 100
    assert kept.held_bytes == sum(value.weight_bytes for key in range(9) if (value := kept.get(key)))


def test_what_is_used_outlives_what_is_not() -> None:
    kept: BoundedMap[int, Weight] = BoundedMap(100)
    for key in range(1000):
        kept.put(key, Weight(10))
        assert kept.get(0) is not None


def test_a_grant_is_kept_until_something_changes_or_its_second_is_over() -> None:
    now = [100.0]
    generation, elsewhere = AccessGeneration(), [0]
    generation.watch(lambda: elsewhere[0])
    cache = AccessCache(generation, clock=lambda: now[0], most_entries=2)
    grant, digest = Grant("f", "READER", "ana"), cache.digest(b"Basic x", b"/a")
    assert digest != cache.digest(b"Basic x", b"/b")
    cache.keep(digest, grant, generation.current())
    assert cache.find(digest) is grant
    now[0] += 1.1
    assert cache.find(digest) is None
    for change in (generation.bump, lambda: elsewhere.__setitem__(0, elsewhere[0] + 1)):
        cache.keep(digest, grant, generation.current())
        assert cache.find(digest) is grant
        change()
        assert cache.find(digest) is None
    before = generation.current()
    generation.bump()
    cache.keep(digest, grant, before)
    assert cache.find(digest) is None


class Slow:
    """A repository whose answers take a moment and are counted."""

    def __init__(self) -> None:
        self.asked = 0
        self.files: tuple[File, ...] = ()
        self.gate = threading.Event()
        self.gate.set()

    def project_names(self) -> list[NormalizedName]:
        self.asked += 1
        return [ACME]

    def project(self, name: NormalizedName) -> Project:
        self.asked += 1
        files = self.files
        self.gate.wait(10)
        if name != ACME:
            raise ProjectNotFound("no")
        return Project(name, files)

    def file(self, sha256: str, filename: str) -> StoredFile:
        raise NotImplementedError


def file(version: str) -> File:
    return File(f"acme-{version}-py3-none-any.whl", version, "0" * 64, 1)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return build_world(tmp_path).database


def test_many_readers_of_one_page_wait_for_one_maker(database: Database) -> None:
    slow = Slow()
    slow.gate.clear()
    shelf = Shelf(database=database, repository=lambda _: slow, changes=FeedChanges())
    with ThreadPoolExecutor(8) as pool:
        pages = [pool.submit(lambda: shelf.make("f", ACME).result(10)) for _ in range(8)]
        time.sleep(0.05)
        slow.gate.set()
        assert len({id(page.result()) for page in pages}) == 1
    assert slow.asked == 1
    assert shelf.find("f", ACME) is pages[0].result()
    shelf.close()


def test_a_page_that_was_overtaken_by_a_change_is_not_kept(database: Database) -> None:
    slow, changes = Slow(), FeedChanges()
    slow.gate.clear()
    shelf = Shelf(database=database, repository=lambda _: slow, changes=changes, rest_seconds=5)
    old = shelf.make("f", ACME)
    while not slow.asked:
        time.sleep(0.001)
    slow.files = (file("1.0"),)
    changes.changed("f", ACME)
    new = shelf.make("f", ACME)
    slow.gate.set()
    assert b"acme-1.0" not in shelf.plain_texts.of(old.result(10).text(Format.HTML))
    assert b"acme-1.0" in shelf.plain_texts.of(new.result(10).text(Format.HTML))
    assert shelf.find("f", ACME) is new.result()
    shelf.close()


def test_a_burst_is_prepared_once_when_it_is_over_and_the_page_survives_a_restart(tmp_path: Path) -> None:
    world = build_world(tmp_path)
    feed_id = world.create().feed_id
    slow, changes = Slow(), FeedChanges()
    shelf = Shelf(database=world.database, repository=lambda _: slow, changes=changes, rest_seconds=0.05)
    for _ in range(50):
        world.database.write(lambda tx: store.touch_project(tx, feed_id, ACME))
        changes.changed(feed_id, ACME)
    deadline = time.monotonic() + 10
    while world.database.read(lambda tx: store.ready_page(tx, feed_id, ACME)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    shelf.close()
    assert 1 <= slow.asked <= 4
    asked = slow.asked
    fresh = Shelf(database=world.database, repository=lambda _: slow, changes=FeedChanges())
    assert fresh.make(feed_id, ACME).result(10).exists
    assert slow.asked == asked
    world.database.write(lambda tx: store.touch_project(tx, feed_id, ACME))
    again = Shelf(database=world.database, repository=lambda _: slow, changes=FeedChanges())
    assert again.make(feed_id, ACME).result(10).exists
    assert slow.asked == asked + 1
    for one in (fresh, again):
        one.close()
    world.app.close()
    world.database.close()


def test_a_missing_project_is_remembered_until_it_comes(database: Database) -> None:
    slow, changes = Slow(), FeedChanges()
    shelf = Shelf(database=database, repository=lambda _: slow, changes=changes, rest_seconds=5)
    other = canonicalize_name("other")
    assert not shelf.make("f", other).result(10).exists
    found = shelf.find("f", other)
    assert found is not None
    assert not found.exists
    changes.changed("f", other)
    assert shelf.find("f", other) is None
    changes.changed("f", None)
    assert shelf.find("f", ACME) is None
    shelf.close()
