from __future__ import annotations

import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.sign_in.conftest import Door

FUNCTION_SCOPED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)


@FUNCTION_SCOPED
@given(content=st.binary(max_size=2000))
def test_what_was_typed_comes_back(door: Door, content: bytes) -> None:
    sealed = door.sign_in.seal_form("1", content)
    assert door.sign_in.open_form("1", sealed) == content
    assert set(sealed) <= set(string.ascii_letters + string.digits + "-_=")


def test_only_for_the_one_it_was_sealed_for(door: Door) -> None:
    sealed = door.sign_in.seal_form("1", b"typed")
    assert door.sign_in.open_form("2", sealed) is None
    assert door.sign_in.open_form("", sealed) is None
    assert b"typed" not in sealed.encode()


def test_for_twelve_hours(door: Door) -> None:
    sealed = door.sign_in.seal_form("1", b"typed")
    door.clock.advance(12 * 3600 - 1)
    assert door.sign_in.open_form("1", sealed) == b"typed"
    door.clock.advance(1)
    assert door.sign_in.open_form("1", sealed) is None


@FUNCTION_SCOPED
@given(place=st.integers(0, 59), other=st.sampled_from(string.ascii_letters + string.digits + "-_=!\n é"))
def test_one_altered_character_opens_nothing(door: Door, place: int, other: str) -> None:
    sealed = door.sign_in.seal_form("1", b"typed up")  # 53 bytes: 72 characters, none of whose bits is unused there
    altered = sealed[:place] + other + sealed[place + 1 :]
    assert altered == sealed or door.sign_in.open_form("1", altered) is None


@FUNCTION_SCOPED
@given(st.text(max_size=100))
def test_other_text_opens_nothing(door: Door, text: str) -> None:
    assert door.sign_in.open_form("1", text) is None


def test_a_rotated_key_still_opens_it(door: Door) -> None:
    sealed = door.sign_in.seal_form("1", b"typed")
    door.barrier.rotate()
    assert door.sign_in.open_form("1", sealed) == b"typed"
