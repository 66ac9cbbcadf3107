"""What every blob store must do: a local folder and an object store."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wheelyard.core.errors import InvalidParameter, NotFound
from wheelyard.storage.backends import open_blobs
from wheelyard.storage.blobs import Blobs, LocalBlobs

STORES = ("folder", "memory", "s3")
PARTS = st.text(
    st.characters(codec="utf-8", exclude_characters="/").filter(str.isprintable), min_size=1, max_size=12
).filter(lambda part: part not in {".", ".."} and not part.startswith(".new-") and len(part.encode()) < 200)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "s3":
        return open_blobs(request.getfixturevalue("s3")())
    return open_blobs("memory://" if request.param == "memory" else f"file://{tmp_path}/blobs")


@SOME
@given(key=KEYS, content=st.binary(max_size=2000), start=st.integers(0, 2100), length=st.integers(0, 2100))
def test_what_was_put_is_read_back(blobs: Blobs, key: str, content: bytes, start: int, length: int) -> None:
    try:
        blobs.put(key, content)
    except NotFound:
        return  # a part of the key is a blob already
    assert blobs.get(key) == content
    assert blobs.size(key) == len(content)
    assert blobs.exists(key)
    assert blobs.read(key, start, length) == content[start : start + length]
    assert key in list(blobs.keys(""))
    blobs.delete(key)
    assert not blobs.exists(key)


def test_put_replaces(blobs: Blobs) -> None:
    blobs.put("a/b", b"one")
    blobs.put("a/b", b"other")
    assert blobs.get("a/b") == b"other"


def test_put_file_moves(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 100_000)
    blobs.put_file("files/x/upload.whl", file)
    assert not file.exists()
    assert blobs.get("files/x/upload.whl") == b"x" * 100_000


def test_put_file_from_another_file_system(blobs: Blobs, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system to write to")
    file = other / f"wheelyard-{tmp_path.parent.name}-{tmp_path.name}"
    file.write_bytes(b"x")
    blobs.put_file("a", file)
    assert not file.exists()
    assert blobs.get("a") == b"x"
    assert list(blobs.keys("")) == ["a"]


def test_what_is_not_there(blobs: Blobs) -> None:
    blobs.delete("a/b")
    assert not blobs.exists("a/b")
    assert list(blobs.keys("a")) == []
    for ask in (blobs.get, blobs.size, lambda key: blobs.read(key, 0, 1)):
        with pytest.raises(NotFound):
            ask("a/b")


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a\0b", "a\n", "a/.new-1"]
)
def test_keys_that_are_none_are_refused(blobs: Blobs, key: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    asks: list[Callable[[], object]] = [
        lambda: blobs.put(key, b""),
        lambda: blobs.put_file(key, file),
        lambda: blobs.get(key),
        lambda: blobs.read(key, 0, 1),
        lambda: blobs.size(key),
        lambda: blobs.exists(key),
        lambda: blobs.delete(key),
        lambda: blobs.local_path(key),
    ]
    for ask in asks:
        with pytest.raises(InvalidParameter):
            ask()
    assert file.exists()


def test_keys_by_prefix_in_order(blobs: Blobs) -> None:
    for key in ("b/2", "a/1", "b/10", "b/c/d", "bb"):
        blobs.put(key, b"")
    assert list(blobs.keys("")) == ["a/1", "b/10", "b/2", "b/c/d", "bb"]
    assert list(blobs.keys("b/")) == ["b/10", "b/2", "b/c/d"]
    assert list(blobs.keys("b/1")) == ["b/10"]
    assert list(blobs.keys("b")) == ["b/10", "b/2", "b/c/d", "bb"]
    assert list(blobs.keys("x/y/z")) == []


def test_readers_see_the_old_or_the_new_content(blobs: Blobs) -> None:
    contents = [bytes([number]) * 50_000 for number in range(20)]
    blobs.put("a", contents[0])
    seen: list[bytes] = []

    def read() -> None:
        seen.extend(blobs.get("a") for _ in range(100))

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents:
        blobs.put("a", content)
    reader.join()
    assert set(seen) <= set(contents)


def test_a_local_path_is_the_file_itself(blobs: Blobs) -> None:
    blobs.put("a/b", b"content")
    path = blobs.local_path("a/b")
    assert path is None or path.read_bytes() == b"content"


def test_the_order_of_keys_is_that_of_their_text(blobs: Blobs) -> None:
    keys = ["a0", "ab/c", "a/b/c", "a/b.c", "a/b-c/d", "a.b", "a-b"]
    for key in keys:
        blobs.put(key, b"x")
    assert list(blobs.keys()) == sorted(keys)


def test_keys_by_age(blobs: Blobs, tmp_path: Path) -> None:
    """Stores count in seconds, so the moments asked for are a minute away."""
    file = tmp_path / "upload"
    file.write_bytes(b"x")
    os.utime(file, (0, 0))
    blobs.put_file("a/moved", file)
    blobs.put("a/put", b"x")
    now = time.time()
    assert list(blobs.keys("a/", stored_before=now - 60)) == [], "a blob's age counts from when it was stored"
    assert list(blobs.keys("a/", stored_before=now + 60)) == ["a/moved", "a/put"]


def test_beginnings_that_a_crash_left(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("a/whole", b"x")
    left = tmp_path / "a" / ".new-0123"
    left.write_bytes(b"half")
    now = time.time()
    assert blobs.remove_unfinished(begun_before=now - 60) == 0
    assert blobs.remove_unfinished(begun_before=now + 60) == 1
    assert not left.exists()
    assert list(blobs.keys()) == ["a/whole"]


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://h/x", "http://user:hunter22@h/x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        open_blobs(url)
    assert "hunter22" not in refused.value.what
