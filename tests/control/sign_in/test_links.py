"""One-time links: once, until they expire, the newest only; and what the database holds of all that is secret."""

from __future__ import annotations

import string
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.sign_in.conftest import PASSWORD, Door, here

from wheelyard.control.sign_in import store
from wheelyard.control.sign_in.service import NewSession, link_url
from wheelyard.control.sign_in.values import LINK, new_value
from wheelyard.control.sign_in.wire import CreateSignInLink
from wheelyard.core.errors import InvalidParameter, InvalidState, NotFound, Unauthenticated
from wheelyard.core.redaction import Secret

OTHER = Secret("staple and paper clip")


def not_found(door: Door, link: Secret[str], address: str = "192.0.2.1") -> None:
    assert door.sign_in.link_holder(link) is None
    with pytest.raises(NotFound) as error:
        door.sign_in.with_link(link, PASSWORD, here(address))
    assert error.value.what == "The link does not work."
    assert error.value.because == "it was used, has expired, or was replaced by a newer one"


def test_a_link_sets_a_password_and_signs_in(door: Door) -> None:
    person = door.user()
    issued = door.sign_in.new_link(person.principal_id)
    assert issued.expiry_at == door.clock.now * 1000 + 24 * 3600 * 1000
    assert door.sign_in.link_holder(issued.value) == person.name
    new = door.sign_in.with_link(issued.value, PASSWORD, here())
    assert (new.session.how, new.session.caller.name) == ("link", person.name)
    assert door.sign_in.session(new.cookie, here()).caller.name == person.name
    assert door.sign_in.has_password(person.principal_id)
    door.by_password(person)


def test_it_works_once(door: Door) -> None:
    link = door.sign_in.new_link(door.user().principal_id).value
    door.sign_in.with_link(link, PASSWORD, here())
    not_found(door, link)


def test_it_expires(door: Door) -> None:
    day, hour = door.sign_in.new_link(door.user().principal_id), door.user()
    short = door.sign_in.new_link(hour.principal_id, lifetime_seconds=3600)
    door.clock.advance(3599)
    assert door.sign_in.link_holder(short.value) == hour.name
    door.clock.advance(1)
    not_found(door, short.value)
    door.clock.advance(23 * 3600 - 1)
    assert door.sign_in.link_holder(day.value)
    door.clock.advance(1)
    not_found(door, day.value)


def test_the_newest_of_a_user_works_and_no_other(door: Door) -> None:
    person, other = door.user(), door.user()
    first, another = (door.sign_in.new_link(one.principal_id).value for one in (person, other))
    second = door.sign_in.new_link(person.principal_id).value
    not_found(door, first)
    assert door.sign_in.link_holder(second) == person.name
    assert door.sign_in.link_holder(another) == other.name


def test_a_bad_password_leaves_it_good(door: Door) -> None:
    person = door.user()
    link = door.sign_in.new_link(person.principal_id).value
    for password in ("short", person.name, "x" * 1025) * 5:
        with pytest.raises(InvalidParameter):
            door.sign_in.with_link(link, Secret(password), here())
    assert not door.sign_in.has_password(person.principal_id)
    door.sign_in.with_link(link, PASSWORD, here())


def test_it_replaces_a_password_only_when_it_is_used(door: Door) -> None:
    person = door.somebody()
    before = door.by_password(person)
    link = door.sign_in.new_link(person.principal_id).value
    door.by_password(person)  # so far nothing has changed
    door.sign_in.with_link(link, OTHER, here("192.0.2.7"))
    with pytest.raises(Unauthenticated, match=r"the password was changed from Firefox on Linux at 192\.0\.2\.7"):
        door.sign_in.session(before.cookie, here())
    with pytest.raises(Unauthenticated):
        door.by_password(person)
    door.by_password(person, OTHER)


def test_one_of_many_who_use_it_at_once_wins(door: Door) -> None:
    person = door.user()
    link = door.sign_in.new_link(person.principal_id).value
    start = threading.Barrier(8)

    def use(number: int) -> NewSession | None:
        start.wait()
        try:
            return door.sign_in.with_link(link, Secret(f"password number {number}"), here(f"192.0.2.{number}"))
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as pool:
        opened = dict(enumerate(pool.map(use, range(8))))
    winners = [number for number, session in opened.items() if session is not None]
    assert len(winners) == 1
    assert len(door.sign_in.sessions(door.directory.caller(person.principal_id))) == 1
    for number in opened:
        password = Secret(f"password number {number}")
        if number in winners:
            door.by_password(person, password)
        else:
            with pytest.raises(Unauthenticated):
                door.by_password(person, password)


def test_a_failure_in_the_middle_leaves_all_as_it_was(door: Door) -> None:
    """Another room's work in the same commit fails; a link must not be lost with a password that was not stored."""
    person = door.user()
    link = door.sign_in.new_link(person.principal_id).value
    row = door.sign_in._links.find(link)
    assert row is not None

    def fails(tx: object) -> None:
        assert store.delete_link(tx, row.principal_id, row.link_id)  # type: ignore[arg-type] # a connection
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        door.database.write(fails)
    door.sign_in.with_link(link, PASSWORD, here())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(place=st.integers(0, 78), other=st.sampled_from(string.ascii_lowercase + string.digits + "A-= \n\0é"))
def test_one_altered_character_opens_nothing(door: Door, place: int, other: str) -> None:
    new = door.by_token(door.admin)
    for value in (door.sign_in.new_link(door.admin.principal_id).value, new.cookie):
        altered = Secret(value.reveal()[:place] + other + value.reveal()[place + 1 :])
        if altered == value:
            continue
        assert door.sign_in.link_holder(altered) is None
        assert door.sign_in.former_holder(altered) is None
        with pytest.raises(Unauthenticated) as error:
            door.sign_in.session(altered, here())
        assert error.value.reference == "session-unknown"


def test_a_forged_value_of_a_known_id_opens_nothing(door: Door) -> None:
    """Public ids stand in lists and logs; whoever knows one can compute a checksum too."""
    new, link = door.by_token(door.admin), door.sign_in.new_link(door.admin.principal_id).value
    for value, open_ in ((new.cookie, door.sign_in.former_holder), (link, door.sign_in.link_holder)):
        known = value.reveal()
        forged = new_value(known[:4], _Known(known[4:20]).randomness)  # type: ignore[arg-type] # one of the prefixes
        assert forged.reveal()[:20] == known[:20]
        assert open_(value) is not None
        assert open_(forged) is None


class _Known:
    """Randomness whose first answer is a known public id."""

    def __init__(self, public_id: str) -> None:
        from base64 import b32decode

        self._first = b32decode(public_id.upper())

    def randomness(self, size: int) -> bytes:
        return self._first if size == 10 else bytes(size)


def test_a_link_is_no_cookie_and_no_token(door: Door) -> None:
    link = door.sign_in.new_link(door.admin.principal_id).value
    with pytest.raises(Unauthenticated):
        door.sign_in.session(link, here())
    with pytest.raises(Unauthenticated):
        door.sign_in.with_token(link, here())
    with pytest.raises(Unauthenticated):
        door.tokens.authenticate(link)
    cookie = door.by_token(door.admin).cookie
    assert door.sign_in.link_holder(cookie) is None
    with pytest.raises(Unauthenticated):
        door.tokens.authenticate(cookie)


def test_whoever_is_gone_or_deactivated_has_no_link(door: Door) -> None:
    gone, idle = door.user(), door.user()
    links = [door.sign_in.new_link(person.principal_id).value for person in (gone, idle)]
    door.remove(gone)
    door.activate(idle, active=False)
    for link in links:
        not_found(door, link)
    for person in (gone, idle):
        with pytest.raises(NotFound):
            door.sign_in.new_link(person.principal_id)
    door.activate(idle, active=True)
    assert door.sign_in.link_holder(links[1]) == idle.name
    assert door.sign_in.link_holder(links[0]) is None


def test_only_users_have_links(door: Door) -> None:
    with pytest.raises(InvalidState) as error:
        door.sign_in.new_link(door.service_principal().principal_id)
    assert error.value.reference == "no-user"


def test_links_survive_a_restart_and_expired_ones_are_removed(door: Door) -> None:
    person = door.user()
    link = door.sign_in.new_link(person.principal_id).value
    restarted = door.restarted()
    restarted.recover()
    assert restarted.link_holder(link) == person.name
    door.clock.advance(24 * 3600)
    restarted.recover()
    rows = door.database.read(lambda tx: tx.exec_driver_sql("SELECT * FROM sign_in_link").all())
    assert not rows


def test_link_url() -> None:
    value = new_value(LINK, bytes)
    assert link_url("http://127.0.0.1:8470", value).reveal() == (
        f"http://127.0.0.1:8470/sign-in/link?link={value.reveal()}"
    )


# The row


def test_an_admin_makes_one_for_themselves_and_for_others(door: Door) -> None:
    admin = door.directory.caller(door.admin.principal_id).with_request(here())
    person = door.user()
    for body, name in (
        (CreateSignInLink(), door.admin.name),
        (CreateSignInLink(user_name=f" {person.name.upper()} "), person.name),
    ):
        answer = door.sign_in.create_link(admin, body)
        assert (answer.user_name, answer.expiry_time) == (name, door.clock.now * 1000 + 24 * 3600 * 1000)
        url, _, value = answer.url.partition("?link=")
        assert url == "http://workspace.example.com/sign-in/link"
        assert door.sign_in.link_holder(Secret(value)) == name


@pytest.mark.parametrize("name", ["nobody@example.com", "x" * 100_000, "\0", " ", "\ud800"])
def test_nobody_gets_none(door: Door, name: str) -> None:
    admin = door.directory.caller(door.admin.principal_id).with_request(here())
    with pytest.raises(NotFound) as error:
        door.sign_in.create_link(admin, CreateSignInLink(user_name=name))
    assert len(error.value.what) < 300


def test_machines_groups_and_the_deactivated_get_none(door: Door) -> None:
    admin = door.directory.caller(door.admin.principal_id).with_request(here())
    machine, idle = door.service_principal(), door.user()
    door.activate(idle, active=False)
    found = {}
    for name in (machine.name, "admins", idle.name):
        with pytest.raises(InvalidState) as error:
            door.sign_in.create_link(admin, CreateSignInLink(user_name=name))
        assert error.value.unchanged == "no link was made"
        found[name] = error.value.reference
    assert found == {machine.name: "no-user", "admins": "no-user", idle.name: "user-deactivated"}
    with pytest.raises(InvalidState):
        door.sign_in.create_link(door.directory.caller(machine.principal_id).with_request(here()), CreateSignInLink())


# What is stored


def test_the_database_holds_no_value(door: Door) -> None:
    person = door.user()
    used, unused = door.sign_in.new_link(person.principal_id).value, Secret("")
    first = door.sign_in.with_link(used, PASSWORD, here())
    second, third = door.by_password(person), door.by_token(person)
    door.sign_in.change_password(door.sign_in.session(second.cookie, here()), PASSWORD, OTHER)
    unused = door.sign_in.new_link(person.principal_id).value
    door.sign_in.sign_out(door.sign_in.session(second.cookie, here()))
    stored = _everything_stored(door)
    assert person.principal_id.encode() in stored
    for session in (first, second, third):
        assert session.session.session_id.encode() in stored, "the public id is there"
        assert session.session.csrf_token.encode() not in stored
    for secret in (used, unused, first.cookie, second.cookie, third.cookie):
        assert secret.reveal().encode() not in stored
        assert secret.reveal()[20:].encode() not in stored
    for password in (PASSWORD, OTHER):
        assert password.reveal().encode() not in stored


def _everything_stored(door: Door) -> bytes:
    """Every byte of the database's files; of a server's database, every cell."""
    files = sorted(door.path.parent.glob(f"{door.path.name}*"))
    if files:
        return b"".join(file.read_bytes() for file in files)
    queries = [sa.select(table) for table in (store._PASSWORDS, store._LINKS, store._SESSIONS)]
    return repr(door.database.read(lambda tx: [list(tx.execute(query)) for query in queries])).encode()
