"""Changes over any state that was ever seen, among plain writes of any client: no write is lost without a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from wheelyard.control.secrets import wire
from wheelyard.core.errors import Conflict, NotFound
from wheelyard.core.package_sources import EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from tests.control.secrets.conftest import Bench

SCOPE = "databricks-package-management"
KEYS = st.sampled_from([INDEX_URL_KEY, EXTRA_INDEX_URLS_KEY])
VALUES = st.sampled_from([f"https://u:{letter}@pkgs.example.com/simple/" for letter in "abc"])
CHANGES = st.dictionaries(KEYS, st.none() | VALUES)

Values = dict[str, str]


class Machine(RuleBasedStateMachine):
    """`held` is what must be stored; a seen state is its revision and the values it stands for."""

    seen = Bundle("seen")

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.service, self.admin = bench.service, bench.people.admin
        self.held: Values = {}

    def now(self) -> tuple[str, Values]:
        return self.service.reserved_state(self.admin).revision, dict(self.held)

    @initialize(target=seen)
    def nothing_is_there(self) -> tuple[str, Values]:
        self.delete_scope()
        return self.now()

    @rule(target=seen)
    def look(self) -> tuple[str, Values]:
        return self.now()

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: str) -> None:
        try:
            self.service.put(self.admin, wire.PutSecret(SCOPE, key, string_value=value))
        except NotFound:
            assert not self.held
        else:
            self.held[key] = value

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        try:
            self.service.delete(self.admin, wire.OnSecret(SCOPE, key))
        except NotFound:
            assert key not in self.held
        else:
            del self.held[key]

    @rule()
    def delete_scope(self) -> None:
        try:
            self.service.delete_scope(self.admin, wire.OnScope(SCOPE))
        except NotFound:
            assert not self.held
        self.held = {}

    @rule(over=seen, changes=CHANGES)
    def change(self, over: tuple[str, Values], changes: dict[str, str | None]) -> None:
        revision, was = over
        asked = {key: value for key, value in (self.held | changes).items() if value is not None}
        values = {key: None if value is None else Secret(value) for key, value in changes.items()}
        if self.held in (was, asked):
            self.service.change_reserved(self.admin, values, revision=revision)
            self.held = asked
            return
        with pytest.raises(Conflict) as refused:
            self.service.change_reserved(self.admin, values, revision=revision)
        named = set(re.findall("`(.*?)`", refused.value.because))
        assert named == {key for key in {*was, *self.held} if was.get(key) != self.held.get(key)}

    @invariant()
    def what_is_stored_is_what_was_written(self) -> None:
        state = self.service.reserved_state(self.admin)
        assert {key: held.value.reveal() for key, held in state.values.items()} == self.held


def test_any_interleaving(bench: Bench) -> None:
    class OnBench(Machine):
        def __init__(self) -> None:
            super().__init__(bench)

    run_state_machine_as_test(OnBench, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
