"""Tokens: who a bearer is, and how tokens are made and revoked.

Four kinds live in one table. A *PAT* belongs to a person or pipeline and is what the token API lists; an *OAuth*
token is an hour's answer to a service principal's secret or a person's sign-in; a *session* token belongs to user code
on compute and ends with it; a *feed* token opens one feed and nothing else.
"""

from __future__ import annotations

import hmac
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from wheelyard.control.caller import Caller
from wheelyard.control.operation import Empty
from wheelyard.control.scim.service import Directory, Principal
from wheelyard.control.tokens import store, wire
from wheelyard.control.tokens.authenticated import AuthenticatedCallers
from wheelyard.control.tokens.value import new_value, public_id_of
from wheelyard.core.errors import InvalidParameter, NotFound, QuotaExceeded, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = ["PATS_PER_PRINCIPAL", "IssuedToken", "TokenKind", "Tokens"]

T = TypeVar("T")
TokenKind = Literal["pat", "oauth", "session", "feed"]

PATS_PER_PRINCIPAL = 600
_DEFAULT_LIFETIME_SECONDS = 2 * 365 * 24 * 3600
_LONGEST_LIFETIME_SECONDS = 100 * 365 * 24 * 3600
_LONGEST_COMMENT = 4096


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token at the one moment its value is known. `expiry_at` in milliseconds; `None` never expires."""

    value: Secret[str]
    token_id: str
    created_at: int
    expiry_at: int | None


class Tokens:
    """The token service; also the `Authenticator` of every door.

    Args:
        database: where tokens are kept.
        barrier: makes the keyed hashes.
        directory: who a principal is.
        clock: seconds since the epoch.
        randomness: as `os.urandom`.
    """

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        directory: Directory,
        clock: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._directory = directory
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._revocations = 0
        self._authenticated = AuthenticatedCallers()
        directory.on_removed(self._forget_principal)

    # What other rooms ask ------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Drop what a former process left: tokens of sessions that ended with it, and expired ones."""

        def drop(tx: Connection) -> None:
            store.delete_kind(tx, "session")
            store.delete_expired(tx, self._now())

        self._revoke(drop)

    @property
    def revocation_count(self) -> int:
        """Grows with each token that ends; who keeps what a token opened must look again then."""
        return self._revocations

    def authenticate(self, token: Secret[str]) -> Caller:
        """Tell whose token it is.

        Raises:
            Unauthenticated: it is unknown, mistyped, revoked or expired, or its principal is gone or deactivated.
        """
        now, generation = self._now(), (self._revocations, self._directory.change_count)
        known = self._authenticated.find(token, generation, now)
        if known is not None:
            return known
        row = self._checked(token)
        if row.expiry_at is not None and row.expiry_at <= now:
            raise Unauthenticated(
                "Access token has expired.", reference="token-expired", hint="databricks tokens create"
            )
        try:
            caller = self._directory.caller(row.principal_id)
        except NotFound as error:
            raise _invalid() from error
        of_token = {"token_id": row.token_id, "session_id": row.session_id, "feed_scope": row.feed_scope}
        caller = msgspec.structs.replace(caller, **of_token)
        self._authenticated.keep(token, caller, row.expiry_at, generation)
        return caller

    def issue(
        self,
        principal_id: str,
        *,
        kind: TokenKind,
        comment: str = "",
        lifetime_seconds: int | None = None,
        session_id: str = "",
        feed_scope: str = "",
        created_by_id: str = "",
    ) -> IssuedToken:
        """Make a token. Whoever asks has checked that it may.

        Args:
            principal_id: whom its bearer will be.
            kind: see the module's opening.
            comment: shown in lists.
            lifetime_seconds: `None` never expires.
            session_id: of a session token; `revoke_session` ends it.
            feed_scope: of a feed token, see `Caller.feed_scope`.
            created_by_id: who asked, where that is somebody else.

        Raises:
            QuotaExceeded: the principal holds 600 PATs.
        """
        value, now = new_value(self._randomness), self._now()
        row = store.TokenRow(
            token_id=public_id_of(value) or "",
            kind=kind,
            principal_id=principal_id,
            created_by_id=created_by_id or principal_id,
            comment=comment,
            session_id=session_id,
            feed_scope=feed_scope,
            value_hash=self._hash(value),
            created_at=now,
            expiry_at=None if lifetime_seconds is None else now + lifetime_seconds * 1000,
        )

        def insert(tx: Connection) -> None:
            if kind == "pat" and store.count_tokens(tx, "pat", principal_id, now) >= PATS_PER_PRINCIPAL:
                raise QuotaExceeded(
                    f"The quota of {PATS_PER_PRINCIPAL} tokens per user is reached.",
                    reference="token-quota",
                    unchanged="no token was created",
                    hint="databricks tokens list; databricks tokens delete <token-id>",
                )
            store.insert_token(tx, row)

        self._database.write(insert)
        return IssuedToken(value, row.token_id, row.created_at, row.expiry_at)

    def pat_seconds_left(self, token_id: str) -> float:
        """How long a PAT is good for: 0 for one that has ended and for every other kind, infinity without an end."""
        row = self._database.read(lambda tx: store.find_token(tx, token_id))
        if row is None or row.kind != "pat":
            return 0
        return math.inf if row.expiry_at is None else max(0, (row.expiry_at - self._now()) / 1000)

    def revoke_token(self, token_id: str) -> bool:
        """Refuse a token from now on; says whether there was one."""
        return self._revoke(lambda tx: store.delete_token(tx, token_id))

    def revoke_session(self, session_id: str) -> None:
        """Refuse every token of a compute session from now on."""
        if session_id:
            self._revoke(lambda tx: store.delete_session(tx, session_id))

    # What the API asks ---------------------------------------------------------------------------------------------

    def create(self, caller: Caller, body: wire.CreateToken) -> wire.NewToken:
        """Make a PAT for the caller. The value is shown this once.

        Raises:
            InvalidParameter: the lifetime is not positive, or absurd.
            QuotaExceeded: the caller has 600 already.
        """
        issued = self._issue_pat(caller.principal_id, body, caller)
        info = wire.TokenInfo(
            token_id=issued.token_id,
            creation_time=issued.created_at,
            expiry_time=_expiry_time(issued.expiry_at),
            comment=body.comment,
        )
        return wire.NewToken(token_value=issued.value.reveal(), token_info=info)

    def list_own(self, caller: Caller, _body: Empty) -> wire.TokenInfos:
        """List the caller's own PATs that are still valid."""
        rows = self._database.read(lambda tx: store.tokens(tx, ["pat"], caller.principal_id, self._now()))
        return wire.TokenInfos(
            tuple(
                wire.TokenInfo(
                    token_id=row.token_id,
                    creation_time=row.created_at,
                    expiry_time=_expiry_time(row.expiry_at),
                    comment=row.comment,
                )
                for row in rows
            )
        )

    def delete_own(self, caller: Caller, body: wire.OnToken) -> Empty:
        """Revoke one of the caller's own PATs; another's is as good as not there."""
        self._delete(body.token_id, owner_id=caller.principal_id)
        return Empty()

    def list_all(self, _caller: Caller, body: wire.ListTokens) -> wire.ManagedTokenInfos:
        """List everybody's PATs, or those of one creator."""
        rows = self._database.read(lambda tx: store.tokens(tx, ["pat"], None, self._now()))
        infos = [self._managed(row) for row in rows]
        if body.created_by_id is not None:
            infos = [info for info in infos if info.created_by_id == body.created_by_id]
        if body.created_by_username:
            wanted = body.created_by_username.casefold()
            infos = [info for info in infos if info.created_by_username.casefold() == wanted]
        return wire.ManagedTokenInfos(tuple(infos))

    def get_any(self, _caller: Caller, body: wire.OnToken) -> wire.ManagedToken:
        """Show one PAT, whoever's it is."""
        row = self._database.read(lambda tx: store.find_token(tx, body.token_id))
        if row is None or row.kind != "pat":
            raise _no_token(body.token_id)
        return wire.ManagedToken(self._managed(row))

    def delete_any(self, _caller: Caller, body: wire.OnToken) -> Empty:
        """Revoke one PAT, whoever's it is."""
        self._delete(body.token_id, owner_id=None)
        return Empty()

    def create_on_behalf_of(self, caller: Caller, body: wire.CreateOnBehalfOf) -> wire.NewManagedToken:
        """Make a PAT for a service principal."""
        found = self._directory.find_principal(body.application_id)
        if found is None or found.kind != "service_principal":
            raise NotFound(
                f"Service principal with application ID {body.application_id} does not exist.",
                reference="principal-not-found",
                unchanged="no token was created",
                hint="databricks service-principals list",
            )
        issued = self._issue_pat(found.principal_id, body, caller)
        info = wire.ManagedTokenInfo(
            token_id=issued.token_id,
            creation_time=issued.created_at,
            expiry_time=_expiry_time(issued.expiry_at),
            comment=body.comment,
            created_by_id=int(caller.principal_id),
            created_by_username=caller.name,
            owner_id=int(found.principal_id),
        )
        return wire.NewManagedToken(token_value=issued.value.reveal(), token_info=info)

    # How it is done ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _hash(self, value: Secret[str]) -> bytes:
        return self._barrier.keyed_hash(value.reveal().encode(), purpose="token")

    def _checked(self, token: Secret[str]) -> store.TokenRow:
        token_id = public_id_of(token)
        row = None if token_id is None else self._database.read(lambda tx: store.find_token(tx, token_id))
        if row is None or not hmac.compare_digest(row.value_hash, self._hash(token)):
            raise _invalid()
        return row

    def _issue_pat(
        self, principal_id: str, body: wire.CreateToken | wire.CreateOnBehalfOf, creator: Caller
    ) -> IssuedToken:
        lifetime = _DEFAULT_LIFETIME_SECONDS if body.lifetime_seconds is None else body.lifetime_seconds
        if not 0 < lifetime <= _LONGEST_LIFETIME_SECONDS:
            raise InvalidParameter(
                f"Invalid value for field 'lifetime_seconds': {lifetime} is not between 1 "
                f"and {_LONGEST_LIFETIME_SECONDS}.",
                unchanged="no token was created",
            )
        if len(body.comment) > _LONGEST_COMMENT:
            raise InvalidParameter(
                f"Invalid value for field 'comment': it is longer than {_LONGEST_COMMENT} characters.",
                unchanged="no token was created",
            )
        return self.issue(
            principal_id,
            kind="pat",
            comment=body.comment,
            lifetime_seconds=lifetime,
            created_by_id=creator.principal_id,
        )

    def _delete(self, token_id: str, *, owner_id: str | None) -> None:
        def delete(tx: Connection) -> None:
            row = store.find_token(tx, token_id)
            if row is None or row.kind != "pat" or owner_id not in {None, row.principal_id}:
                raise _no_token(token_id)
            store.delete_token(tx, token_id)

        self._revoke(delete)

    def _revoke(self, work: Callable[[Connection], T]) -> T:
        answer = self._database.write(work)
        with self._lock:
            self._revocations += 1
        return answer

    def _forget_principal(self, gone: Principal) -> None:
        self._revoke(lambda tx: store.delete_of_principal(tx, gone.principal_id))

    def _managed(self, row: store.TokenRow) -> wire.ManagedTokenInfo:
        creator = self._directory.principal(row.created_by_id)
        return wire.ManagedTokenInfo(
            token_id=row.token_id,
            creation_time=row.created_at,
            expiry_time=_expiry_time(row.expiry_at),
            comment=row.comment,
            created_by_id=int(row.created_by_id),
            created_by_username=creator.name if creator else "",
            owner_id=int(row.principal_id),
        )


def _expiry_time(expiry_at: int | None) -> int:
    return -1 if expiry_at is None else expiry_at


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "Invalid access token.",
        reference="invalid-token",
        because="it is unknown here, mistyped or revoked, or its owner is gone",
        hint="databricks tokens create, or `wheelyard env`",
    )


def _no_token(token_id: str) -> NotFound:
    return NotFound(f"Token {token_id} does not exist.", reference="token-not-found", hint="databricks tokens list")
