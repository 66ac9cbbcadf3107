"""Signing in with a password or a token, changing the password, and what slows down who guesses."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from argon2 import extract_parameters
from tests.control.sign_in.conftest import PASSWORD, CountingHasher, Door, Person, here

from wheelyard.control.sign_in import store
from wheelyard.control.sign_in.service import BrowserSession, NewSession
from wheelyard.core.errors import Conflict, InvalidParameter, InvalidState, NotFound, Throttled, Unauthenticated
from wheelyard.core.redaction import Secret

OTHER = Secret("staple and paper clip")


def refused(
    door: Door, user_name: str, password: Secret[str] = PASSWORD, address: str = "192.0.2.1"
) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as error:
        door.sign_in.with_password(user_name, password, here(address))
    return error.value


def looked(door: Door, new: NewSession) -> BrowserSession:
    return door.sign_in.session(new.cookie, here())


def ending(door: Door, new: NewSession) -> str:
    with pytest.raises(Unauthenticated) as error:
        looked(door, new)
    assert error.value.reference == "session-ended"
    return error.value.what


def test_a_password_opens_a_session(door: Door) -> None:
    person = door.somebody()
    new = door.by_password(person)
    assert (new.session.how, new.session.caller.name) == ("password", person.name)
    assert new.session.caller.request == here()
    assert new.lifetime_seconds == 7 * 24 * 3600
    session = looked(door, new)
    assert (session.session_id, session.caller.principal_id) == (new.session.session_id, person.principal_id)


@pytest.mark.parametrize("written", [str.upper, str.title, lambda name: f" {name}\n"])
def test_a_name_may_be_written_in_any_case(door: Door, written: Callable[[str], str]) -> None:
    door.sign_in.with_password(written(door.somebody().name), PASSWORD, here())


def test_whoever_may_not_sign_in_is_told_the_same(door: Door) -> None:
    person, idle, gone = door.somebody(), door.somebody(), door.somebody()
    door.activate(idle, active=False)
    door.remove(gone)
    machine = door.service_principal()
    names = [person.name, idle.name, gone.name, door.user().name, "nobody@example.com", machine.name, "admins", "users"]
    wrong = [refused(door, name, OTHER if name == person.name else PASSWORD, name) for name in names]
    assert {(one.what, one.reference, one.because, one.hint, one.log) for one in wrong} == {
        (
            "The user name or the password is not right.",
            "wrong-credentials",
            "",
            "without a password, an admin can make a link to set one: wheelyard sign-in --user NAME",
            "",
        )
    }


def test_whoever_may_not_sign_in_waits_as_long(door: Door) -> None:
    person, idle = door.somebody(), door.somebody()
    door.activate(idle, active=False)
    for name in (
        person.name,
        idle.name,
        door.user().name,
        "nobody@example.com",
        "admins",
        "x" * 10_000,
        "\0",
        "\ud800",
    ):
        before = door.hasher.verified, door.hasher.hashed
        refused(door, name, OTHER, name)
        assert (door.hasher.verified - before[0], door.hasher.hashed - before[1]) == (1, 0)


@pytest.mark.parametrize("password", ["", "x" * 100_000, "\0" * 20, "\ud800" * 20, "é" * 1024])
def test_any_password_may_be_tried(door: Door, password: str) -> None:
    refused(door, door.somebody().name, Secret(password))


def test_a_deactivated_user_signs_in_again_once_active(door: Door) -> None:
    person = door.somebody()
    door.activate(person, active=False)
    refused(door, person.name)
    door.activate(person, active=True)
    door.by_password(person)


def test_a_later_user_of_the_same_name_starts_with_nothing(door: Door) -> None:
    person = door.somebody()
    door.remove(person)
    again = door.user(person.name)
    assert again.principal_id != person.principal_id
    assert not door.sign_in.has_password(again.principal_id)
    assert not door.sign_in.has_password(person.principal_id)
    refused(door, again.name)


def test_a_renamed_group_or_display_name_changes_no_sign_in(door: Door) -> None:
    """A userName stays as it is, so a password is its holder's whatever else is edited."""
    from wheelyard.control.scim.wire import Resource

    person = door.somebody()
    door.directory.replace(
        "user", Resource(id=person.principal_id, userName="other@example.com", displayName="Somebody Else")
    )
    refused(door, "other@example.com")
    assert door.by_password(person).session.caller.display_name == "Somebody Else"


# Guessing


def test_an_address_may_be_wrong_ten_times_a_minute(door: Door) -> None:
    person = door.somebody()
    for number in range(10):
        refused(door, f"nobody{number}@example.com")
    with pytest.raises(Throttled, match="from this address") as error:
        door.by_password(person)
    assert error.value.retry_after_seconds == 60
    door.sign_in.with_password(person.name, PASSWORD, here("192.0.2.2"))
    door.clock.advance(60)
    door.by_password(person)


def test_a_name_may_be_wrong_ten_times_in_five_minutes_from_anywhere(door: Door) -> None:
    person = door.somebody()
    for number in range(10):
        refused(door, person.name.upper() if number % 2 else f" {person.name}", OTHER, f"192.0.2.{number + 10}")
    with pytest.raises(Throttled, match="for this user name") as error:
        door.sign_in.with_password(person.name, PASSWORD, here("192.0.2.99"))
    assert error.value.retry_after_seconds == 300
    door.by_token(person)  # a token is not guessed, so it still signs in
    door.by_link(person)  # and so does a link
    door.clock.advance(300)
    door.by_password(person)


def test_an_unknown_name_is_limited_like_a_known_one(door: Door) -> None:
    for number in range(10):
        refused(door, "nobody@example.com", address=f"192.0.2.{number + 10}")
    with pytest.raises(Throttled, match="for this user name"):
        door.sign_in.with_password("nobody@example.com", PASSWORD, here("192.0.2.99"))


def test_success_forgets_its_own_attempt_only(door: Door) -> None:
    person = door.somebody()
    for _ in range(9):
        refused(door, person.name, OTHER)
    for _ in range(20):
        door.by_password(person)
    refused(door, person.name, OTHER)
    with pytest.raises(Throttled):
        door.by_password(person)


def test_tokens_and_links_count_for_the_address(door: Door) -> None:
    person = door.somebody()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            door.sign_in.with_token(Secret("dapi-wrong"), here())
        with pytest.raises(NotFound):
            door.sign_in.with_link(Secret("wysl-wrong"), PASSWORD, here())
    for attempt in (door.by_password, door.by_token, door.by_link):
        with pytest.raises(Throttled):
            attempt(person)


# Tokens


def test_a_personal_access_token_opens_a_session(door: Door) -> None:
    for person in (door.user(), door.service_principal()):
        new = door.by_token(person)
        assert (new.session.how, new.session.caller.name) == ("token", person.name)
        assert looked(door, new).caller.name == person.name
    door.sign_in.with_token(Secret(f"  {door.pat(door.user()).value.reveal()}\n"), here())


def test_no_other_token_signs_in(door: Door) -> None:
    person = door.user()
    others = [
        door.tokens.issue(person.principal_id, kind="oauth", lifetime_seconds=60).value,
        door.tokens.issue(person.principal_id, kind="session", session_id="s-1").value,
        door.tokens.issue(person.principal_id, kind="feed", feed_scope="main/feed:read").value,
        Secret(""),
        Secret("x" * 10_000),
        Secret("\ud800"),
    ]
    for token in others:
        with pytest.raises(Unauthenticated) as error:
            door.sign_in.with_token(token, here())
        assert error.value.what == "This is no valid personal access token of this workspace."


def test_a_token_of_somebody_deactivated_or_expired_signs_nobody_in(door: Door) -> None:
    person, other = door.user(), door.user()
    kept, short = door.pat(person).value, door.pat(other, lifetime_seconds=60).value
    door.activate(person, active=False)
    door.clock.advance(60)
    for token in (kept, short):
        with pytest.raises(Unauthenticated):
            door.sign_in.with_token(token, here())


# Changing the password


def test_change_password(door: Door) -> None:
    person = door.somebody()
    mine, other, by_token = door.by_password(person), door.by_password(person), door.by_token(person)
    link = door.sign_in.new_link(person.principal_id).value
    door.sign_in.change_password(looked(door, mine), PASSWORD, OTHER)
    looked(door, mine)  # the session that changed it goes on
    for ended in (other, by_token):
        assert ending(door, ended) == (
            "Your session ended at 2026-03-04 09:00 UTC: the password was changed from Firefox on Linux at 192.0.2.1."
        )
    assert door.sign_in.link_holder(link) is None
    refused(door, person.name, PASSWORD)
    door.by_password(person, OTHER)


def test_the_old_password_is_needed_where_there_is_one(door: Door) -> None:
    person = door.somebody()
    session = looked(door, door.by_token(person))
    for old in (None, OTHER, Secret("")):
        with pytest.raises(InvalidParameter) as error:
            door.sign_in.change_password(session, old, OTHER)
        assert (error.value.reference, error.value.unchanged) == ("wrong-password", "the password was not changed")
    door.by_password(person)


def test_the_first_password_needs_no_old_one(door: Door) -> None:
    person = door.user()
    new = door.by_token(person)
    assert not door.sign_in.has_password(person.principal_id)
    door.sign_in.change_password(looked(door, new), None, OTHER)
    assert door.sign_in.has_password(person.principal_id)
    looked(door, new)
    door.by_password(person, OTHER)


@pytest.mark.parametrize("new", ["short", "x" * 1025])
def test_a_new_password_is_judged(door: Door, new: str) -> None:
    person = door.somebody()
    mine, other = door.by_password(person), door.by_password(person)
    with pytest.raises(InvalidParameter, match="characters"):
        door.sign_in.change_password(looked(door, mine), PASSWORD, Secret(new))
    looked(door, other)
    door.by_password(person)


def test_the_user_name_is_no_password(door: Door) -> None:
    person = door.somebody()
    with pytest.raises(InvalidParameter) as error:
        door.sign_in.change_password(looked(door, door.by_password(person)), PASSWORD, Secret(person.name.upper()))
    assert error.value.reference == "password-is-user-name"


def test_service_principals_have_no_password(door: Door) -> None:
    machine = door.service_principal()
    with pytest.raises(InvalidState) as error:
        door.sign_in.change_password(looked(door, door.by_token(machine)), None, OTHER)
    assert error.value.reference == "no-password-for-machines"
    assert not door.sign_in.has_password(machine.principal_id)


def test_the_old_password_cannot_be_guessed_in_a_session(door: Door) -> None:
    session = looked(door, door.by_password(door.somebody()))
    for number in range(10):
        with pytest.raises(InvalidParameter):
            door.sign_in.change_password(session, Secret(f"guess number {number}"), OTHER)
    with pytest.raises(Throttled):
        door.sign_in.change_password(session, PASSWORD, OTHER)


class Rendezvous(CountingHasher):
    """Waits after each comparison until the test has done something in between."""

    def __init__(self) -> None:
        super().__init__()
        self.compared, self.go_on = threading.Event(), threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002 # theirs
        answer = super().verify(hash, password)
        self.compared.set()
        assert self.go_on.wait(30)
        return answer


@pytest.mark.parametrize("what", ["sign in", "change it"])
def test_a_password_that_is_changed_while_it_is_compared(door: Door, what: str) -> None:
    person = door.somebody()
    meeting = Rendezvous()
    slow, session = door.restarted(meeting), looked(door, door.by_password(person))
    errors: list[Exception] = []

    def work() -> None:
        try:
            if what == "sign in":
                slow.with_password(person.name, PASSWORD, here())
            else:
                slow.change_password(session, PASSWORD, Secret("this one never counts"))
        except Exception as error:  # noqa: BLE001 # looked at below
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert meeting.compared.wait(30)
    door.by_link(person, OTHER)
    meeting.go_on.set()
    thread.join()
    assert [type(error) for error in errors] == [Unauthenticated if what == "sign in" else Conflict]
    door.by_password(person, OTHER)
    assert len(door.sign_in.sessions(session.caller)) == 2, "the link's and the last one"


def test_a_password_is_hashed_anew_when_the_parameters_change(door: Door) -> None:
    person = door.somebody()

    def stored() -> store.PasswordRow:
        row = door.database.read(lambda tx: store.find_password(tx, person.principal_id))
        assert row is not None
        return row

    before, newer = stored(), door.restarted(CountingHasher(time_cost=2))
    with pytest.raises(Unauthenticated):
        newer.with_password(person.name, OTHER, here())
    assert stored() == before
    newer.with_password(person.name, PASSWORD, here())
    assert extract_parameters(stored().hash).time_cost == 2
    assert stored().changed_at == before.changed_at
    again = stored()
    newer.with_password(person.name, PASSWORD, here())
    assert stored() == again
    door.by_password(Person(person.principal_id, person.name))
