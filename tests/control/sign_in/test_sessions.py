"""Sessions: how long they last, what ends them, and what is told of them afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.sign_in.conftest import PASSWORD, SAFARI, Door, here

from wheelyard.control.scim.wire import Patch, PatchOperation, Reference, Resource
from wheelyard.control.sign_in.endings import Ending, ending_of
from wheelyard.control.sign_in.service import BrowserSession, NewSession
from wheelyard.control.sign_in.store import SessionRow
from wheelyard.core.errors import NotFound, Unauthenticated
from wheelyard.core.redaction import Secret

HOUR, DAY = 3600, 24 * 3600


def looked(door: Door, new: NewSession) -> BrowserSession:
    return door.sign_in.session(new.cookie, here())


def ended(door: Door, new: NewSession) -> str:
    """What is told of a session that is over, for as long as it is told."""
    with pytest.raises(Unauthenticated) as error:
        looked(door, new)
    assert (error.value.reference, error.value.hint) == ("session-ended", "sign in again")
    assert door.sign_in.former_holder(new.cookie) == new.session.caller.principal_id
    return error.value.what


def unknown(door: Door, cookie: Secret[str]) -> None:
    with pytest.raises(Unauthenticated) as error:
        door.sign_in.session(cookie, here())
    assert error.value.reference == "session-unknown"
    assert door.sign_in.former_holder(cookie) is None


def last_used_at(door: Door, new: NewSession) -> float:
    [info] = [one for one in door.sign_in.sessions(new.session.caller) if one.session_id == new.session.session_id]
    return info.last_used_at / 1000


# Time


def test_a_session_lasts_seven_days_however_much_it_is_used(door: Door) -> None:
    new = door.by_token(door.admin)
    for _ in range(7 * 24 - 1):
        door.clock.advance(HOUR)
        looked(door, new)
    door.clock.advance(HOUR - 1)
    looked(door, new)
    door.clock.advance(1)
    assert ended(door, new) == "Your session ended at 2026-03-11 09:00 UTC: a session lasts 7 days."


def test_a_session_ends_after_half_a_day_without_use(door: Door) -> None:
    new = door.by_token(door.admin)
    door.clock.advance(12 * HOUR - 1)
    looked(door, new)
    door.clock.advance(12 * HOUR - 1)
    looked(door, new)
    door.clock.advance(12 * HOUR)
    assert ended(door, new) == "Your session ended at 2026-03-05 20:59 UTC: it was not used for 12 hours."


def test_use_is_noted_once_a_minute(door: Door) -> None:
    new = door.by_token(door.admin)
    opened = last_used_at(door, new)
    door.clock.advance(59)
    assert looked(door, new).last_used_at / 1000 == opened
    assert last_used_at(door, new) == opened
    door.clock.advance(1)
    looked(door, new)
    assert last_used_at(door, new) == opened + 60
    door.clock.advance(59)
    looked(door, new)
    assert last_used_at(door, new) == opened + 60


def test_a_session_that_is_over_is_told_of_for_a_day(door: Door) -> None:
    signed_out, idle = door.by_token(door.admin), door.by_token(door.admin)
    door.sign_in.sign_out(signed_out.session)
    door.clock.advance(DAY - 1)
    ended(door, signed_out)
    door.clock.advance(1)
    unknown(door, signed_out.cookie)
    door.clock.advance(12 * HOUR - 1)
    ended(door, idle)
    door.clock.advance(1)
    unknown(door, idle.cookie)


@pytest.mark.parametrize("how", ["at the next sign-in", "at the next start"])
def test_and_then_it_is_deleted(door: Door, how: str) -> None:
    for number in range(3):
        new = door.by_token(door.admin)
        if number:
            door.sign_in.sign_out(new.session)
    living = door.by_token(door.admin)

    def count() -> int:
        return int(
            door.database.read(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM browser_session").scalar_one())
        )

    for _ in range(3):
        door.clock.advance(11 * HOUR)
        looked(door, living)
    assert count() == 4
    door.clock.advance(3 * HOUR)
    if how == "at the next sign-in":
        door.sign_in.sign_out(door.by_token(door.user()).session)
        assert count() == 2
    else:
        door.restarted().recover()
        assert count() == 1
    looked(door, living)


@given(
    expiry=st.integers(0, 1000),
    last_used=st.integers(0, 1000),
    steps=st.lists(st.integers(0, 2000), min_size=2, max_size=2),
)
def test_over_is_over(expiry: int, last_used: int, steps: list[int]) -> None:
    """Once a session has ended by time it stays so, at the same moment and for the same reason."""
    hour = 3_600_000
    row = SessionRow("s", "1", "link", "", b"", "", "", 0, last_used * hour, expiry * hour)
    early, late = (ending_of(row, now * hour) for now in sorted(steps))
    assert early is None or early == late
    for found, now in ((early, min(steps)), (late, max(steps))):
        assert (found is None) == (now < expiry and now < last_used + 12)
        assert found is None or found.at == min(expiry, last_used + 12) * hour


def test_every_reason_has_words() -> None:
    reasons = ("signed-out", "revoked", "expired", "idle", "token", "password", "crowded", "principal")
    for reason in reasons:
        why = Ending(reason, 0, "Firefox on Linux at 192.0.2.1").why
        assert why
        assert "{" not in why
    assert Ending("revoked", 0).why == "it was revoked from another browser"


# Deeds


def test_sign_out(door: Door) -> None:
    new, other = door.by_token(door.admin), door.by_token(door.admin)
    door.sign_in.sign_out(looked(door, new))
    door.sign_in.sign_out(new.session)
    assert ended(door, new) == "Your session ended at 2026-03-04 09:00 UTC: you signed out."
    looked(door, other)


def test_revoke(door: Door) -> None:
    new = door.by_token(door.admin)
    phone = door.sign_in.with_token(door.pat(door.admin).value, here("198.51.100.7", SAFARI))
    door.sign_in.revoke(door.sign_in.session(phone.cookie, here("198.51.100.8", SAFARI)).caller, new.session.session_id)
    assert ended(door, new) == (
        "Your session ended at 2026-03-04 09:00 UTC: it was revoked from Safari on iOS at 198.51.100.8."
    )
    looked(door, phone)


def test_nobody_revokes_anothers_session(door: Door) -> None:
    person = door.user()
    new, mine = door.by_token(person), door.by_token(door.admin)
    door.sign_in.sign_out(mine.session)
    for session_id in (new.session.session_id, mine.session.session_id, "", "unknown", "\0", "a" * 16):
        with pytest.raises(NotFound) as error:
            door.sign_in.revoke(looked(door, door.by_token(door.admin)).caller, session_id)
        assert error.value.reference == "session-not-found"
    looked(door, new)


def test_revoke_others(door: Door) -> None:
    person = door.somebody()
    mine, *others = [door.by_password(person), door.by_token(person), door.by_password(person)]
    stranger = door.by_token(door.user())
    assert door.sign_in.revoke_others(looked(door, mine)) == 2
    assert door.sign_in.revoke_others(looked(door, mine)) == 0
    for other in others:
        assert "it was revoked from Firefox on Linux at 192.0.2.1" in ended(door, other)
    looked(door, mine)
    looked(door, stranger)


def test_the_first_of_fifty_ends_for_another(door: Door) -> None:
    person, stranger = door.user(), door.by_token(door.user())
    opened = []
    for _ in range(50):
        opened.append(door.by_token(person))
        door.clock.advance(1)
    door.sign_in.sign_out(opened[10].session)
    opened.append(door.by_token(person))
    looked(door, opened[0])
    door.clock.advance(1)
    opened.append(door.by_token(person))
    assert "50 sessions were opened after it" in ended(door, opened[0])
    assert len(door.sign_in.sessions(opened[-1].session.caller)) == 50
    for new in (opened[1], opened[-1], stranger):
        looked(door, new)


def test_a_session_ends_with_its_token(door: Door) -> None:
    pat = door.pat(door.admin)
    new, other = door.sign_in.with_token(pat.value, here()), door.by_token(door.admin)
    assert len(door.sign_in.sessions(new.session.caller)) == 2
    door.tokens.revoke_token(pat.token_id)
    assert [info.session_id for info in door.sign_in.sessions(new.session.caller)] == [other.session.session_id]
    door.clock.advance(60)
    why = "the access token that it was opened with has expired or is revoked"
    told = f"Your session ended at 2026-03-04 09:01 UTC: {why}."
    assert ended(door, new) == told
    door.clock.advance(60)
    assert ended(door, new) == told
    looked(door, other)


def test_a_session_does_not_outlive_a_token_that_expires(door: Door) -> None:
    new = door.sign_in.with_token(door.pat(door.admin, lifetime_seconds=600).value, here())
    assert new.lifetime_seconds == 600
    door.clock.advance(599)
    looked(door, new)
    door.clock.advance(1)
    assert "2026-03-04 09:10 UTC: the access token" in ended(door, new)


def test_a_session_ends_with_its_user(door: Door) -> None:
    person = door.somebody()
    sessions = [door.by_password(person), door.by_token(person), door.by_link(person)]
    sessions[:2] = [door.by_password(person), door.by_token(person)]
    door.remove(person)
    for new in sessions:
        assert ended(door, new) == "Your session ended at 2026-03-04 09:00 UTC: the user is deactivated or was removed."
    again = door.user(person.name)
    assert not door.sign_in.sessions(door.directory.caller(again.principal_id))
    assert "removed" in ended(door, sessions[0])


def test_a_session_nobody_used_while_its_person_was_deactivated_is_over_too(door: Door) -> None:
    person = door.somebody()
    new = door.by_password(person)
    door.activate(person, active=False)
    door.activate(person, active=True)
    assert "the user is deactivated" in ended(door, new)


def test_a_session_of_somebody_deactivated_does_not_come_back(door: Door) -> None:
    person = door.somebody()
    new = door.by_password(person)
    door.activate(person, active=False)
    assert "the user is deactivated" in ended(door, new)
    door.activate(person, active=True)
    assert "the user is deactivated" in ended(door, new)


def test_ends_are_not_overwritten(door: Door) -> None:
    person = door.user()
    new = door.by_token(person)
    door.sign_in.sign_out(new.session)
    door.clock.advance(60)
    door.remove(person)
    assert "09:00 UTC: you signed out" in ended(door, new)


# Who it is


def test_groups_count_from_the_next_request_on(door: Door) -> None:
    person, group = door.user(), door.directory.create("group", Resource(displayName="operators"))
    new = door.by_token(person)
    assert "operators" not in looked(door, new).caller.groups
    added = PatchOperation(op="add", path="members", value=[{"value": person.principal_id}])
    door.directory.patch("group", Patch(id=group.id, Operations=(added,)))
    assert "operators" in looked(door, new).caller.groups
    gone = PatchOperation(op="remove", path=f'members[value eq "{person.principal_id}"]')
    door.directory.patch("group", Patch(id=group.id, Operations=(gone,)))
    assert "operators" not in looked(door, new).caller.groups
    assert Reference(value=person.principal_id) not in (group.members or ())


def test_the_caller_is_a_person_and_not_a_token(door: Door) -> None:
    caller = looked(door, door.by_token(door.admin)).caller
    assert (caller.kind, caller.token_id, caller.session_id, caller.feed_scope) == ("user", "", "", "")
    assert caller.is_admin
    assert caller.request == here()


def test_the_list(door: Door) -> None:
    person = door.somebody()
    first = door.by_password(person)
    door.clock.advance(60)
    second = door.sign_in.with_token(door.pat(person).value, here("198.51.100.7", SAFARI))
    door.by_token(door.user())
    door.clock.advance(60)
    infos = door.sign_in.sessions(second.session.caller)
    assert [(info.session_id, info.how, info.client_address, info.user_agent) for info in infos] == [
        (second.session.session_id, "token", "198.51.100.7", "Safari on iOS"),
        (first.session.session_id, "password", "192.0.2.1", "Firefox on Linux"),
    ]
    looked(door, first)
    infos = door.sign_in.sessions(second.session.caller)
    assert [info.session_id for info in infos] == [first.session.session_id, second.session.session_id]
    assert infos[0].created_at == first.session.created_at
    assert infos[0].last_used_at == first.session.created_at + 120_000
    assert infos[0].expiry_at == first.session.created_at + 7 * DAY * 1000
    door.clock.advance(12 * HOUR)
    assert door.sign_in.sessions(second.session.caller) == []


def test_what_a_browser_says_of_itself_is_kept_short(door: Door) -> None:
    request = here("x" * 10_000, "<script>" * 1000)
    new = door.sign_in.with_token(door.pat(door.admin).value, request)
    [info] = door.sign_in.sessions(new.session.caller)
    assert (len(info.client_address), info.user_agent) == (64, "an unknown browser")


def test_sessions_survive_a_restart(door: Door) -> None:
    new = door.by_token(door.admin)
    restarted = door.restarted()
    restarted.recover()
    assert restarted.session(new.cookie, here()).session_id == new.session.session_id


# Cookies and forms


@pytest.mark.parametrize("text", ["", "wybs", "dapi", "x" * 10_000, "\ud800", "wybs" + "a" * 75])
def test_other_cookies_are_unknown(door: Door, text: str) -> None:
    unknown(door, Secret(text))


def test_forms_belong_to_their_session(door: Door) -> None:
    new, other = door.by_token(door.admin), door.by_token(door.admin)
    token = looked(door, new).csrf_token
    assert token == new.session.csrf_token == door.sign_in.csrf_token(new.session.session_id)
    assert token not in {other.session.csrf_token, new.session.session_id, new.cookie.reveal()}
    assert len(token) == 64
    assert door.restarted().csrf_token(new.session.session_id) == token


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=[]), max_size=100))
def test_a_token_can_be_computed_of_anything(door: Door, text: str) -> None:
    assert len(door.sign_in.csrf_token(text)) == 64
    assert door.sign_in.holder_of(text) is None


@pytest.mark.parametrize("how", ["sign out", "time"])
def test_the_former_holder_of_a_session_is_known_for_a_day(door: Door, how: str) -> None:
    person = door.somebody()
    new = door.by_password(person)
    ways: dict[str, Callable[[], None]] = {
        "sign out": lambda: door.sign_in.sign_out(new.session),
        "time": lambda: door.clock.advance(12 * HOUR),
    }
    assert door.sign_in.holder_of(new.session.session_id) == person.principal_id
    ways[how]()
    ended(door, new)
    assert door.sign_in.holder_of(new.session.session_id) == person.principal_id
    door.by_password(person, PASSWORD)
    door.clock.advance(DAY)
    assert door.sign_in.holder_of(new.session.session_id) is None
    unknown(door, new.cookie)
