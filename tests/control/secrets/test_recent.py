"""What was read lately answers without the database, and never longer than it is true."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest

from wheelyard.control.secrets import store, wire
from wheelyard.core.errors import NotFound, PermissionDenied
from wheelyard.core.names import ScopeName, SecretKey
from wheelyard.storage.database import Connection
from wheelyard.storage.waiting import WouldWait, at_once

if TYPE_CHECKING:
    from tests.control.secrets.conftest import Bench

    from wheelyard.control.caller import Caller


def _put(bench: Bench, value: str, key: str = "token") -> None:
    bench.service.put(bench.people.ana, wire.PutSecret(scope="analytics", key=key, string_value=value))


def _grant(bench: Bench, principal: str, permission: wire.Permission) -> None:
    bench.service.put_acl(bench.people.ana, wire.PutAcl(scope="analytics", principal=principal, permission=permission))


def _read(bench: Bench, caller: Caller) -> bytes:
    """As the row of the endpoint does it: the check, then the value."""
    bench.service.require(caller, "analytics", "READ")
    return base64.b64decode(bench.service.get(caller, wire.OnSecret("analytics", "token")).value)


@pytest.fixture
def known(bench: Bench) -> Bench:
    """A secret that ana manages, ben may read, and that was read."""
    bench.service.create_scope(bench.people.ana, wire.CreateScope(scope="analytics"))
    _grant(bench, "ben@example.com", "READ")
    _put(bench, "first")
    assert _read(bench, bench.people.ben) == b"first"
    return bench


def test_what_nobody_has_read_needs_waiting(bench: Bench) -> None:
    bench.service.create_scope(bench.people.ana, wire.CreateScope(scope="analytics"))
    with pytest.raises(WouldWait):
        at_once(lambda: _read(bench, bench.people.ana))


def test_what_was_read_is_read_at_once_in_any_case_and_leaves_an_entry(known: Bench) -> None:
    caller = known.people.ben
    before = len(known.service.audit_entries("analytics"))
    assert at_once(lambda: _read(known, caller)) == b"first"
    answer = at_once(lambda: known.service.get(caller, wire.OnSecret("ANALYTICS", "Token")))
    assert answer.key == "token"
    assert [entry.action for entry in known.service.audit_entries("analytics")[:-before]] == ["get", "get"]


def test_the_caller_is_checked_each_time(known: Bench) -> None:
    with pytest.raises(PermissionDenied):
        at_once(lambda: _read(known, known.people.eve))


def test_a_compute_session_is_never_answered_at_once(known: Bench) -> None:
    """Its compute hides the value first, and that may wait."""
    session = msgspec.structs.replace(known.people.ben, session_id="s-1")
    with pytest.raises(WouldWait):
        at_once(lambda: _read(known, session))
    assert not known.told
    assert _read(known, session) == b"first"
    assert [value.reveal() for _caller, value in known.told] == [b"first"]


def test_an_overwritten_value_is_read_anew(known: Bench) -> None:
    _put(known, "second")
    with pytest.raises(WouldWait):
        at_once(lambda: _read(known, known.people.ben))
    assert _read(known, known.people.ben) == b"second"


def test_a_change_of_a_value_leaves_permissions_known(known: Bench) -> None:
    _put(known, "second")
    at_once(lambda: known.service.require(known.people.ben, "analytics", "READ"))


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: bench.service.delete_acl(bench.people.ana, wire.OnAcl("analytics", "ben@example.com")),
        lambda bench: bench.people.removed(SimpleNamespace(name="ben@example.com")),
        lambda bench: bench.people.renamed("ben@example.com", "someone-else"),
    ],
)
def test_a_permission_that_is_gone_does_not_count_any_more(known: Bench, change: Callable[[Bench], object]) -> None:
    change(known)
    with pytest.raises(PermissionDenied):
        _read(known, known.people.ben)


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: bench.service.delete(bench.people.ana, wire.OnSecret("analytics", "token")),
        lambda bench: bench.service.delete_scope(bench.people.ana, wire.OnScope("analytics")),
    ],
)
def test_what_was_deleted_is_not_found(known: Bench, change: Callable[[Bench], object]) -> None:
    change(known)
    with pytest.raises(NotFound):
        _read(known, known.people.ben)


def test_a_scope_made_again_knows_nothing_of_the_one_before(known: Bench) -> None:
    known.service.delete_scope(known.people.ana, wire.OnScope("analytics"))
    known.service.create_scope(known.people.admin, wire.CreateScope(scope="analytics"))
    with pytest.raises(PermissionDenied):
        _read(known, known.people.ben)
    with pytest.raises(NotFound):
        _read(known, known.people.admin)


def test_what_was_read_while_it_changed_is_not_kept(known: Bench) -> None:
    """A reader took its rows before the change and comes back with them after it."""
    rows = known.service._rows  # the one place where a read can be held up
    read, changed = threading.Event(), threading.Event()
    scope, key = ScopeName("analytics"), SecretKey("token")

    def slowly(tx: Connection) -> tuple[store.ScopeRow, store.SecretRow]:
        found = store.find_scope(tx, scope)
        assert found is not None
        row = store.find_secret(tx, found.scope_id, key)
        assert row is not None
        read.set()
        changed.wait()
        return found, row

    _put(known, "second")
    reader = threading.Thread(target=rows.value, args=(scope, key, slowly))
    reader.start()
    read.wait()
    _put(known, "third")
    changed.set()
    reader.join()
    assert _read(known, known.people.ben) == b"third"


def test_a_large_value_is_not_kept(known: Bench) -> None:
    _put(known, "x" * 5000)
    assert _read(known, known.people.ben) == b"x" * 5000
    with pytest.raises(WouldWait):
        at_once(lambda: _read(known, known.people.ben))


def test_a_write_needs_waiting_and_writes_nothing(known: Bench) -> None:
    with pytest.raises(WouldWait):
        at_once(lambda: _put(known, "second"))
    assert _read(known, known.people.ben) == b"first"
