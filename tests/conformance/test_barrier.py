"""What the barrier promises: only the right key and place open a value, and nobody else reads the key ring."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wheelyard.core.errors import InvalidState, Unavailable
from wheelyard.storage.barrier import Barrier, KeyRing

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def barrier(path: Path) -> Barrier:
    return Barrier(KeyRing.open(path))


@SOME
@given(plaintext=st.binary(max_size=500), context=st.text(max_size=50))
def test_what_was_sealed_opens_in_its_place_only(barrier: Barrier, plaintext: bytes, context: str) -> None:
    sealed = barrier.seal(plaintext, context)
    assert barrier.open(sealed, context).reveal() == plaintext
    assert len(plaintext) < 4 or plaintext not in sealed
    with pytest.raises(InvalidState):
        barrier.open(sealed, f"{context}x")


@SOME
@given(data=st.data())
def test_any_changed_byte_is_noticed(barrier: Barrier, data: st.DataObject) -> None:
    sealed = bytearray(barrier.seal(b"value", "place"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidState):
        barrier.open(bytes(sealed), "place")


@SOME
@given(sealed=st.binary(max_size=80))
def test_any_other_bytes_are_refused(barrier: Barrier, sealed: bytes) -> None:
    with pytest.raises(InvalidState):
        barrier.open(sealed, "place")


def test_the_same_value_never_seals_alike(barrier: Barrier) -> None:
    assert len({barrier.seal(b"value", "place") for _ in range(200)}) == 200


def test_rotation_keeps_old_values_readable_and_moves_them_over(barrier: Barrier, path: Path) -> None:
    old = barrier.seal(b"value", "place")
    assert not barrier.needs_reseal(old)
    hashed = barrier.keyed_hash(b"token", "tokens")
    barrier.rotate()
    assert barrier.needs_reseal(old)
    assert barrier.open(old, "place").reveal() == b"value"
    new = barrier.reseal(old, "place")
    assert not barrier.needs_reseal(new)
    assert barrier.reseal(new, "place") == new
    for again in (barrier, Barrier(KeyRing.open(path))):
        assert again.open(old, "place").reveal() == again.open(new, "place").reveal() == b"value"
        assert again.keyed_hash(b"token", "tokens") == hashed


def test_rotations_at_the_same_time_lose_no_key(path: Path) -> None:
    rings = [KeyRing.open(path) for _ in range(4)]
    sealed: list[bytes] = []

    def work(ring: KeyRing) -> None:
        for _ in range(5):
            ring.rotate()
            sealed.append(Barrier(ring).seal(b"value", "place"))

    threads = [threading.Thread(target=work, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(path.read_text())["keys"]) == 21
    barrier = Barrier(KeyRing.open(path))
    assert all(barrier.open(value, "place").reveal() == b"value" for value in sealed)


def test_opening_at_the_same_time_makes_one_key(path: Path) -> None:
    rings: list[KeyRing] = []
    threads = [threading.Thread(target=lambda: rings.append(KeyRing.open(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.primary.key_id for ring in rings}) == 1


def test_keyed_hashes_depend_on_key_purpose_and_data(barrier: Barrier, tmp_path: Path) -> None:
    other = Barrier(KeyRing.open(tmp_path / "other.json"))
    hashes = {
        barrier.keyed_hash(b"a", "tokens"),
        barrier.keyed_hash(b"b", "tokens"),
        barrier.keyed_hash(b"a", "audit"),
        other.keyed_hash(b"a", "tokens"),
    }
    assert len(hashes) == 4
    assert {len(value) for value in hashes} == {32}


def test_the_file_is_its_owners_only(path: Path, barrier: Barrier) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    barrier.rotate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_file_others_can_reach_is_refused(path: Path, mode: int) -> None:
    KeyRing.open(path)
    path.chmod(mode)
    with pytest.raises(InvalidState) as refused:
        KeyRing.open(path)
    assert refused.value.reference == "key-ring-open-to-others"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"version": 1, "keys": []}',
        b'{"version": 2, "keys": []}',
        b'{"version": 1, "keys": [{"id": "00", "key": "AAAA"}]}',
        b'{"version": 1, "keys": [{"id": "zz", "key": "!"}]}',
        b'{"version": 1, "keys": [{}]}',
        b'{"version": 1}',
    ],
)
def test_a_broken_file_is_refused_and_kept(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidState) as refused:
        KeyRing.open(path)
    assert refused.value.reference == "key-ring-broken"
    assert path.read_bytes() == content


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    KeyRing.open(target)
    path.symlink_to(target)
    with pytest.raises(Unavailable):
        KeyRing.open(path)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        KeyRing.open(tmp_path / "missing" / "keys.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_refused(path: Path) -> None:
    KeyRing.open(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(InvalidState) as refused:
        KeyRing.open(path)
    assert refused.value.reference == "key-ring-of-another-user"


def test_keys_are_not_printed(path: Path) -> None:
    ring = KeyRing.open(path)
    material = json.loads(path.read_text())["keys"][0]["key"]
    for text in (repr(ring), str(ring), repr(ring.primary), repr(vars(ring))):
        assert material not in text
        assert repr(ring.primary.material.reveal()) not in text


def test_an_interrupted_write_leaves_the_old_file(path: Path, barrier: Barrier) -> None:
    (path.parent / ".new-0123456789abcdef").write_bytes(b"half a file")
    barrier.rotate()
    assert len(json.loads(path.read_text())["keys"]) == 2
