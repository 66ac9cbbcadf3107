"""Signing in by browser: a password, a personal access token or a one-time link becomes a session with a cookie.

Passwords are for people; service principals and groups have none. The first one is set through a link, which the
terminal prints at the first start and an admin makes for others; there is no way to a password by mail, so whoever
forgets theirs asks an admin for a link.

Who guesses is slowed down twice, by address and by user name, and is told the same in the same time whether the user
exists or not. Whatever changes a password ends the other sessions in the transaction that stores it; a session is
stored only if the password it was opened with is still the one that was compared.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from wheelyard.control.attempts import Attempts
from wheelyard.control.caller import Caller, RequestInfo
from wheelyard.control.scim.service import Directory, Principal
from wheelyard.control.sign_in import forms, store, wire
from wheelyard.control.sign_in.links import IssuedLink, Links
from wheelyard.control.sign_in.passwords import Passwords, check_new_password
from wheelyard.control.sign_in.sessions import BrowserSession, NewSession, SessionInfo, Sessions
from wheelyard.control.tokens.service import Tokens
from wheelyard.core.errors import Conflict, InvalidParameter, InvalidState, NotFound, Throttled, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = [
    "LINK_PATH",
    "LINK_SECONDS",
    "BrowserSession",
    "IssuedLink",
    "NewSession",
    "SessionInfo",
    "SignIn",
    "link_url",
]

LINK_SECONDS = 24 * 3600
"""How long a link is good unless told otherwise."""
LINK_PATH = "/sign-in/link"
"""The page that a link opens."""

_LONGEST_NAME = 255
_WRONG_BY_NAME = 10
_WRONG_BY_NAME_SECONDS = 300.0


def link_url(base_url: str, link: Secret[str]) -> Secret[str]:
    """The address that a person opens. The value travels in the query: whoever serves it must not log that."""
    return Secret(f"{base_url}{LINK_PATH}?link={link.reveal()}")


class SignIn:
    """The sign-in service.

    Args:
        database: where hashes of passwords, links and cookies are kept.
        barrier: makes the keyed hashes, and seals what was typed.
        directory: who a principal is.
        tokens: whose a personal access token is, and whether it still is good.
        clock: seconds since the epoch.
        randomness: as `os.urandom`.
        passwords: how passwords are hashed; the library's defaults unless told otherwise.
    """

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        directory: Directory,
        tokens: Tokens,
        clock: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = os.urandom,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._passwords = passwords or Passwords(keyed_hash=lambda data: barrier.keyed_hash(data, purpose="password"))
        self._links = Links(database=database, barrier=barrier, clock=clock, randomness=randomness)
        self._sessions = Sessions(
            database=database,
            barrier=barrier,
            directory=directory,
            tokens=tokens,
            clock=clock,
            randomness=randomness,
        )
        self._addresses = Attempts(clock=clock)
        self._names = Attempts(
            clock=clock,
            whom="for this user name",
            most=_WRONG_BY_NAME,
            seconds=_WRONG_BY_NAME_SECONDS,
            size=10_000,
        )
        directory.on_removed(self._forget_principal)
        directory.on_deactivated(self._end_sessions)

    def recover(self) -> None:
        """Remove what expired while no process ran."""

        def remove(tx: Connection) -> None:
            store.delete_expired_links(tx, self._now())
            self._sessions.remove_long_over(tx)

        self._database.write(remove)

    # Signing in ----------------------------------------------------------------------------------------------------

    def with_password(self, user_name: str, password: Secret[str], request: RequestInfo) -> NewSession:
        """Open a session for a user who knows their password.

        Raises:
            Unauthenticated: the password is wrong, or there is no such user, or the user has none or is deactivated.
            Throttled: there were too many wrong attempts from this address or for this name.
        """
        from_address = self._addresses.begin(request.client_address)
        for_name = self._names.begin(_name_key(user_name))
        user = self._user(user_name)
        stored = None if user is None else self._password(user.principal_id)
        caller = None if user is None else self._active(user.principal_id)
        is_right = self._passwords.matches(None if stored is None else stored.hash, password)
        if not is_right or stored is None or caller is None:
            raise _wrong()
        drawn = self._sessions.draw(caller.with_request(request), "password")

        def insert(tx: Connection) -> None:
            if not _is_unchanged(tx, stored.principal_id, stored):
                raise _wrong()
            self._sessions.insert(tx, drawn)

        self._database.write(insert)
        self._addresses.succeeded(from_address)
        self._names.succeeded(for_name)
        self._keep_current(stored, password)
        return self._sessions.opened(drawn, caller.with_request(request))

    def with_token(self, token: Secret[str], request: RequestInfo) -> NewSession:
        """Open a session for whoever holds a personal access token; it ends with the token.

        Raises:
            Unauthenticated: it is no such token, or has ended; tokens of every other kind sign nobody in.
            Throttled: there were too many wrong attempts from this address.
        """
        attempt = self._addresses.begin(request.client_address)
        caller = self._holder_of_token(Secret(token.reveal().strip()))
        caller = caller.with_request(request)
        drawn = self._sessions.draw(caller, "token", pat_id=caller.token_id)
        self._database.write(lambda tx: self._sessions.insert(tx, drawn))
        self._addresses.succeeded(attempt)
        return self._sessions.opened(drawn, caller)

    def link_holder(self, link: Secret[str]) -> str | None:
        """The name of the user whose link this is, if it is good now."""
        row = self._links.find(link)
        caller = None if row is None else self._active(row.principal_id)
        return None if caller is None else caller.name

    def with_link(self, link: Secret[str], password: Secret[str], request: RequestInfo) -> NewSession:
        """Set the password of a link's user, use the link up, end the user's other sessions and open one.

        All of it happens, or nothing. Of several who use one link at the same time one succeeds.

        Raises:
            NotFound: the link was used, has expired, was replaced by another, or was never made.
            InvalidParameter: the password is not taken; the link stays good.
            Throttled: there were too many wrong attempts from this address.
        """
        attempt = self._addresses.begin(request.client_address)
        row = self._links.find(link)
        caller = None if row is None else self._active(row.principal_id)
        if row is None or caller is None:
            raise _no_link()
        self._addresses.succeeded(attempt)
        check_new_password(password, caller.name)
        caller, hashed = caller.with_request(request), self._passwords.hashed(password)
        drawn = self._sessions.draw(caller, "link")

        def use(tx: Connection) -> None:
            if not store.delete_link(tx, row.principal_id, row.link_id):
                raise _no_link()
            store.put_password(tx, row.principal_id, hashed, self._now())
            self._sessions.end_all(tx, row.principal_id, "password", by=request)
            self._sessions.insert(tx, drawn)

        self._database.write(use)
        return self._sessions.opened(drawn, caller)

    # Sessions ------------------------------------------------------------------------------------------------------

    def session(self, cookie: Secret[str], request: RequestInfo) -> BrowserSession:
        """The session of a cookie, and who its principal is at this moment.

        Raises:
            Unauthenticated: `session-ended`, whose text says when and why; or `session-unknown`.
        """
        return self._sessions.look(cookie, request)

    def former_holder(self, cookie: Secret[str]) -> str | None:
        """The principal id of a cookie's session, also when it ended less than a day ago."""
        return self._sessions.former_holder(cookie)

    def holder_of(self, session_id: str) -> str | None:
        """The principal id of a session, also when it ended less than a day ago. The id alone proves nothing."""
        return self._sessions.holder_of(session_id)

    def csrf_token(self, session_id: str) -> str:
        """What a form of this session must hold. It is computed, so it can be told after the session's end."""
        return self._sessions.csrf_token(session_id)

    def sessions(self, caller: Caller) -> list[SessionInfo]:
        """The caller's own sessions, the one used last first."""
        return self._sessions.of(caller.principal_id)

    def sign_out(self, session: BrowserSession) -> None:
        """End this session."""
        self._sessions.end([session.session_id], "signed-out")

    def revoke(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's own sessions.

        Raises:
            NotFound: it is over already, or is another's, or was never there.
        """
        own = {info.session_id for info in self.sessions(caller)}
        if session_id not in own or not self._sessions.end([session_id], "revoked", by=caller.request):
            raise NotFound(
                "The session is not there any more.",
                reference="session-not-found",
                because="it has ended already",
                unchanged="nothing was changed",
            )

    def revoke_others(self, session: BrowserSession) -> int:
        """End all sessions of the caller but this one; returns how many there were."""
        others = [info.session_id for info in self.sessions(session.caller) if info.session_id != session.session_id]
        return self._sessions.end(others, "revoked", by=session.caller.request)

    # Passwords and links -------------------------------------------------------------------------------------------

    def has_password(self, principal_id: str) -> bool:
        """Whether somebody can sign in with a password."""
        return self._password(principal_id) is not None

    def change_password(self, session: BrowserSession, old: Secret[str] | None, new: Secret[str]) -> None:
        """Set or replace the password of a session's user. Other sessions end, and a link that was not used.

        Args:
            session: whose it is; this session goes on.
            old: the password so far; needed where there is one.
            new: the one from now on.

        Raises:
            InvalidParameter: `wrong-password` when `old` is not right; else `new` is not taken.
            InvalidState: the principal is no user.
            Throttled: there were too many wrong attempts for this name.
            Conflict: somebody changed the password at the same moment.
        """
        caller = session.caller
        if caller.kind != "user":
            raise InvalidState(
                "A service principal has no password.",
                reference="no-password-for-machines",
                unchanged="nothing was changed",
                hint="use an access token, or a client secret",
            )
        check_new_password(new, caller.name)
        stored = self._checked(caller, old)
        hashed = self._passwords.hashed(new)

        def change(tx: Connection) -> None:
            if not _is_unchanged(tx, caller.principal_id, stored):
                raise Conflict(
                    "The password was not changed: another session changed it at the same moment.",
                    reference="password-changed-meanwhile",
                    unchanged="nothing was changed",
                    hint="sign in with the new one",
                )
            store.put_password(tx, caller.principal_id, hashed, self._now())
            store.delete_link(tx, caller.principal_id)
            self._sessions.end_all(tx, caller.principal_id, "password", by=caller.request, keep=session.session_id)

        self._database.write(change)

    def new_link(self, principal_id: str, lifetime_seconds: int = LINK_SECONDS) -> IssuedLink:
        """Make a one-time link for a user; an earlier one stops working. Whoever asks has checked that it may.

        Raises:
            NotFound: there is no such principal, or it is deactivated.
            InvalidState: it is no user.
        """
        caller = self._directory.caller(principal_id)
        if caller.kind != "user":
            raise _no_user(caller.name)
        return self._links.make(principal_id, lifetime_seconds)

    def create_link(self, caller: Caller, body: wire.CreateSignInLink) -> wire.SignInLink:
        """Make a one-time link with which a user sets a password and signs in.

        It works once, within 24 hours; an earlier link of that user stops working. The password so far stays good until
        the link is used.

        Raises:
            NotFound: there is no such user.
            InvalidState: the principal is no user, or is deactivated.
        """
        name = body.user_name or caller.name
        found = self._principal(name)
        if found is None:
            raise NotFound(
                f"User {name[:_LONGEST_NAME]} does not exist.",
                reference="principal-not-found",
                unchanged="no link was made",
                hint="databricks users list",
            )
        if found.kind != "user":
            raise _no_user(found.name)
        if self._active(found.principal_id) is None:
            raise InvalidState(
                f"User {found.name} is deactivated, so no link can be made.",
                reference="user-deactivated",
                unchanged="no link was made",
                hint="activate the user first",
            )
        issued = self.new_link(found.principal_id)
        url = link_url(caller.request.base_url, issued.value)
        return wire.SignInLink(url=url.reveal(), user_name=found.name, expiry_time=issued.expiry_at)

    # What was typed ------------------------------------------------------------------------------------------------

    def seal_form(self, principal_id: str, content: bytes) -> str:
        """Encrypt what somebody typed, for the page to hold while they sign in again; good for 12 hours."""
        return forms.seal_form(self._barrier, principal_id, content, self._now())

    def open_form(self, principal_id: str, sealed: str) -> bytes | None:
        """What was sealed; nothing when it has expired, was altered, or was sealed for somebody else."""
        return forms.open_form(self._barrier, principal_id, sealed, self._now())

    # How it is done ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _principal(self, name: str) -> Principal | None:
        """Who has this name; what cannot be a name is not asked for."""
        name = name.strip()
        if not 0 < len(name) <= _LONGEST_NAME or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
            return None
        return self._directory.find_principal(name)

    def _user(self, name: str) -> Principal | None:
        found = self._principal(name)
        return found if found is not None and found.kind == "user" else None

    def _active(self, principal_id: str) -> Caller | None:
        try:
            return self._directory.caller(principal_id)
        except NotFound:
            return None

    def _password(self, principal_id: str) -> store.PasswordRow | None:
        return self._database.read(lambda tx: store.find_password(tx, principal_id))

    def _holder_of_token(self, token: Secret[str]) -> Caller:
        try:
            caller = self._tokens.authenticate(token)
        except Unauthenticated:
            raise _no_token() from None
        if self._tokens.pat_seconds_left(caller.token_id) <= 0:
            raise _no_token()
        return caller

    def _keep_current(self, stored: store.PasswordRow, password: Secret[str]) -> None:
        """Hash a right password anew where the parameters have changed since; at a busy moment, the next time."""
        if self._passwords.is_outdated(stored.hash):
            with suppress(Throttled):
                hashed = self._passwords.hashed(password)
                self._database.write(lambda tx: store.rehash_password(tx, stored, hashed))

    def _checked(self, caller: Caller, old: Secret[str] | None) -> store.PasswordRow | None:
        """The stored password, once `old` has been found to be it."""
        stored = self._password(caller.principal_id)
        if stored is None:
            return None
        attempt = self._names.begin(_name_key(caller.name))
        if old is None or not self._passwords.matches(stored.hash, old):
            raise InvalidParameter(
                "The current password is not right.",
                reference="wrong-password",
                unchanged="the password was not changed",
                hint="without it, an admin can make a link to set a new one: wheelyard sign-in --user NAME",
            )
        self._names.succeeded(attempt)
        return stored

    def _forget_principal(self, gone: Principal) -> None:
        def forget(tx: Connection) -> None:
            store.delete_password(tx, gone.principal_id)
            store.delete_link(tx, gone.principal_id)
            self._sessions.end_all(tx, gone.principal_id, "principal")

        self._database.write(forget)

    def _end_sessions(self, deactivated: Principal) -> None:
        self._database.write(lambda tx: self._sessions.end_all(tx, deactivated.principal_id, "principal"))


def _is_unchanged(tx: Connection, principal_id: str, seen: store.PasswordRow | None) -> bool:
    """Whether the stored password is still the one that was seen; a rehash changes nothing."""
    stored = store.find_password(tx, principal_id)
    return (stored and stored.changed_at) == (seen and seen.changed_at)


def _name_key(user_name: str) -> str:
    return user_name.strip()[:_LONGEST_NAME].casefold()


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "The user name or the password is not right.",
        reference="wrong-credentials",
        unchanged="nobody was signed in",
        hint="without a password, an admin can make a link to set one: wheelyard sign-in --user NAME",
    )


def _no_token() -> Unauthenticated:
    return Unauthenticated(
        "This is no valid personal access token of this workspace.",
        reference="not-a-personal-access-token",
        unchanged="nobody was signed in",
        hint="databricks tokens create",
    )


def _no_link() -> NotFound:
    return NotFound(
        "The link does not work.",
        reference="sign-in-link-not-found",
        because="it was used, has expired, or was replaced by a newer one",
        unchanged="nothing was changed",
        hint="an admin can make a new one: wheelyard sign-in --user NAME",
    )


def _no_user(name: str) -> InvalidState:
    return InvalidState(
        f"{name} is no user, and only users sign in by link and password.",
        reference="no-user",
        unchanged="no link was made",
        hint="name a user: wheelyard sign-in --user NAME",
    )
