"""Laws of the tables: states, specifications, pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.clusters.catalog import NODE_TYPES, versions
from wheelyard.control.clusters.listing import offset_of, page_of, token_of
from wheelyard.control.clusters.records import EVENT_OF
from wheelyard.control.clusters.spec import echoed, filled, reference_fields
from wheelyard.control.clusters.states import LIVE, TERMINATION_TYPES, Action, ClusterState, after, termination
from wheelyard.control.libraries import states as library_states
from wheelyard.core.errors import InvalidParameter, InvalidState
from wheelyard.core.rules.runtimes import runtime_of

states = st.sampled_from(list(ClusterState))
actions = st.lists(st.sampled_from(list(Action)))


def _after(state: ClusterState, action: Action) -> ClusterState:
    try:
        return after("id", state, action)
    except InvalidState:
        return state


@given(state=states, steps=actions)
def test_nothing_but_a_start_brings_a_terminated_cluster_back(state: ClusterState, steps: list[Action]) -> None:
    for step in steps:
        before, state = state, _after(state, step)
        if before is ClusterState.TERMINATED and state is not before:
            assert step is Action.START


@given(state=states)
def test_every_live_cluster_can_be_terminated_and_recovered(state: ClusterState) -> None:
    ended = _after(_after(state, Action.TERMINATE), Action.STOPPED)
    assert ended is ClusterState.TERMINATED
    assert _after(state, Action.RECOVER) is ClusterState.TERMINATED


@given(state=states, action=st.sampled_from(list(Action)))
def test_every_change_of_state_but_the_last_leaves_an_event(state: ClusterState, action: Action) -> None:
    if _after(state, action) is not state and action is not Action.STOPPED:
        assert action in EVENT_OF


def test_every_reason_names_a_type() -> None:
    for code, type_ in TERMINATION_TYPES.items():
        assert termination(code, "why", x="1").to_json() == {"code": code, "type": type_, "parameters": {"x": "1"}}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
specs = st.dictionaries(st.text().filter(lambda name: name not in {"cluster_id", "docker_image"}), json)


@given(spec=specs)
def test_a_spec_survives_the_echo(spec: dict[str, object]) -> None:
    kept = {name: value for name, value in spec.items() if value is not None}
    assert echoed({**spec, "cluster_id": "x"}) == kept
    shown = filled(kept, "ana", for_job=False)
    hidden = {"apply_policy_default_values", "clone_from", "data_security_mode"}
    assert {name: shown[name] for name in kept if name not in hidden} == {
        name: value for name, value in kept.items() if name not in hidden
    }


def test_a_registry_password_is_never_kept() -> None:
    spec = {"docker_image": {"url": "u", "basic_auth": {"username": "a", "password": "hunter2"}}}
    assert echoed(spec) == {"docker_image": {"url": "u", "basic_auth": {"username": "a"}}}


def test_references_are_found_where_they_stand() -> None:
    spec = {"spark_env_vars": {"A": "{{secrets/s/k}}", "B": "x"}, "spark_conf": {"c": "{{secrets/s/l}}"}}
    assert reference_fields(spec) == {"spark_env_vars.A": "{{secrets/s/k}}", "spark_conf.c": "{{secrets/s/l}}"}


@given(items=st.lists(st.integers()), size=st.integers(1, 5))
def test_pages_hold_everything_once_and_lead_back(items: list[int], size: int) -> None:
    seen: list[int] = []
    token = ""
    while True:
        page = page_of(items, offset_of(token), size)
        assert bool(page.previous_token) == bool(seen)
        seen += page.items
        token = page.next_token
        if not token:
            break
    assert seen == items


@given(text=st.text(min_size=1))
def test_a_forged_token_is_refused(text: str) -> None:
    try:
        offset = offset_of(text)
    except InvalidParameter:
        return
    assert offset_of(token_of(offset)) == offset


def test_every_offered_version_can_be_started() -> None:
    for version in versions():
        assert runtime_of(version["key"]) is not None
        assert "Apache Spark" in version["name"]


def test_node_types_sort() -> None:
    rows = [row.to_json(number) for number, row in enumerate(NODE_TYPES)]
    assert len({frozenset(row) for row in rows}) == 1
    assert all(value is not None for row in rows for value in row.values())
    assert replace(NODE_TYPES[0]) == NODE_TYPES[0]


@given(steps=st.lists(st.sampled_from(list(library_states.Action))))
def test_a_library_is_installed_only_by_installing(steps: list[library_states.Action]) -> None:
    status = library_states.Status.REMOVED
    placed = False
    for step in steps:
        status = library_states.after(status, step)
        placed = (placed or step is library_states.Action.SUCCEED) and status is not library_states.Status.REMOVED
        if step is library_states.Action.STOP:
            assert status in {library_states.Status.PENDING, library_states.Status.REMOVED}


@pytest.mark.parametrize("state", list(ClusterState))
def test_live_is_everything_but_terminated(state: ClusterState) -> None:
    assert (state in LIVE) == (state is not ClusterState.TERMINATED)
