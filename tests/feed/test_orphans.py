"""Bytes that no row names are swept away; bytes that a row names, or is about to name, never are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.feed.conftest import ADMIN, Served, Server, World, build_world, wheel

from wheelyard.control.feeds import wire
from wheelyard.feed.orphans import BlobClaims, FeedOrphans
from wheelyard.storage.blobs import Blobs

HOUR = 3600


@pytest.fixture(params=["folder", "memory", "s3"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    url = request.getfixturevalue("s3")() if request.param == "s3" else {"memory": "memory://"}.get(request.param, "")
    world = build_world(tmp_path, blobs_url=url)
    server = Server(world.app)
    yield Served(world, server.port, world.create(), world.token())
    server.close()
    world.app.close()
    world.database.close()


def sweep(world: World, *, age_seconds: float = -60) -> int:
    orphans = FeedOrphans(database=world.database, blobs=world.blobs, claims=world.claims)
    return orphans.sweep(stored_before=time.time() - age_seconds, stopped=lambda: False)


def test_only_old_bytes_that_no_row_names_go(served: Served) -> None:
    blobs, feed_id = served.world.blobs, served.feed.feed_id
    assert served.upload(*wheel("acme")).status == 200
    assert served.upload(*wheel("acme-lib")).status == 200
    named = list(blobs.keys("feeds/"))
    digest = "0" * 64
    orphans = [f"feeds/{feed}/00/{digest}-left-1.0-py3-none-any.whl" for feed in (feed_id, "feed-that-was-deleted")]
    strange = [f"feeds/{feed_id}/readme.txt", f"feeds/{feed_id}/00/{digest}", "elsewhere/x"]
    for key in (*orphans, *strange):
        blobs.put(key, b"x")
    assert sweep(served.world, age_seconds=HOUR) == 0, "all of it is young"
    assert sweep(served.world) == 2
    assert sorted([*named, *strange]) == list(blobs.keys())
    assert sweep(served.world) == 0


def test_bytes_of_a_file_with_another_name_or_in_another_feed_are_named_by_nobody(served: Served) -> None:
    assert served.upload(*wheel("acme")).status == 200
    (named,) = served.world.blobs.keys("feeds/")
    content = served.world.blobs.get(named)
    other = served.world.create("other").feed_id
    served.world.blobs.put(named.replace("acme", "acne"), content)
    served.world.blobs.put(named.replace(served.feed.feed_id, other), content)
    assert sweep(served.world) == 2
    assert list(served.world.blobs.keys("feeds/")) == [named]


def test_a_version_that_was_deleted_leaves_nothing_to_sweep(served: Served) -> None:
    assert served.upload(*wheel("acme")).status == 200
    served.world.feeds.delete_version(ADMIN, wire.OnVersion(served.feed.feed_id, "acme", "1.0"))
    assert sweep(served.world) == 0


class SlowToDelete:
    """Blobs that stand still before a deletion until they are told to go on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def delete(self, key: str) -> None:
        self.reached.set()
        self.go_on.wait()
        self._blobs.delete(key)


def test_a_file_uploaded_again_while_its_old_bytes_are_deleted_is_kept(served: Served) -> None:
    """The worst moment: the sweep has looked for the row, and the same file comes in before it deletes."""
    filename, content = wheel("acme")
    world = served.world
    assert served.upload(filename, content).status == 200
    (key,) = world.blobs.keys("feeds/")
    world.feeds.delete(ADMIN, wire.OnFeed(served.feed.feed_id))
    feed = world.create("again")
    key = key.replace(served.feed.feed_id, feed.feed_id)
    world.blobs.put(key, content)  # as a crash before the row leaves it
    slow = SlowToDelete(world.blobs)
    orphans = FeedOrphans(database=world.database, blobs=slow, claims=world.claims)
    sweeping = threading.Thread(target=lambda: orphans.sweep(stored_before=time.time() + 60, stopped=lambda: False))
    sweeping.start()
    slow.reached.wait()
    again = Served(world, served.port, feed, served.token)
    answers: list[int] = []
    uploading = threading.Thread(target=lambda: answers.append(again.upload(filename, content).status))
    uploading.start()
    uploading.join(0.3)
    slow.go_on.set()
    sweeping.join()
    uploading.join()
    assert answers == [200]
    assert world.blobs.get(key) == content


def test_sweeps_beside_uploads_take_nothing(served: Served) -> None:
    files = [wheel("acme", f"1.{number}") for number in range(15)]
    done = threading.Event()

    def sweep_on() -> None:
        while not done.is_set():
            sweep(served.world)

    sweeping = threading.Thread(target=sweep_on)
    sweeping.start()
    for filename, content in files:
        assert served.upload(filename, content).status == 200
    done.set()
    sweeping.join()
    assert sweep(served.world) == 0
    assert len(list(served.world.blobs.keys("feeds/"))) == len(files)


def test_a_key_is_held_by_one_at_a_time() -> None:
    claims, inside, most = BlobClaims(), [0], [0]

    def work() -> None:
        for _ in range(50):
            with claims.claimed("a"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    with claims.claimed("b"):
        for thread in threads:
            thread.join()
    assert most == [1]
