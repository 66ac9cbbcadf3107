from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.permissions import ACTIONS, LEVELS, covers, highest, level_for, matrix, top_level

RECORDED = Path(__file__).parent.parent / "matrix" / "permissions.txt"
KINDS = st.sampled_from(sorted(LEVELS))


def test_the_matrix_is_the_recorded_one() -> None:
    assert matrix() == RECORDED.read_text(), f"read the difference, then write it to {RECORDED.name}"


@given(kind=KINDS, data=st.data())
def test_levels_are_a_ladder(kind: str, data: st.DataObject) -> None:
    levels = st.sampled_from(LEVELS[kind])
    one, two, three = (data.draw(levels) for _ in range(3))
    assert covers(kind, one, one)
    assert covers(kind, one, two) or covers(kind, two, one)
    assert not (covers(kind, one, two) and covers(kind, two, three)) or covers(kind, one, three)
    assert covers(kind, top_level(kind), one)


@given(kind=KINDS, data=st.data())
def test_the_highest_covers_all(kind: str, data: st.DataObject) -> None:
    held = data.draw(st.lists(st.sampled_from(LEVELS[kind])))
    best = highest(kind, held)
    assert (best is None) == (held == [])
    assert all(covers(kind, best, level) for level in held if best)


def test_an_unknown_level_covers_nothing() -> None:
    assert not covers("scope", "", "READ")
    assert not covers("scope", "CAN_MANAGE", "READ")


def test_every_row_names_a_level_of_its_kind_once() -> None:
    assert len({(row.kind, row.name) for row in ACTIONS}) == len(ACTIONS)
    for row in ACTIONS:
        assert row.level in LEVELS[row.kind]
        assert level_for(row.kind, row.name) == row.level
    with pytest.raises(KeyError):
        level_for("scope", "no such action")
