"""Signing in a person by browser: a token pasted on our page becomes a code, the code an access and a refresh token.

Passwords are for the workspace's own pages; here a person proves itself with a personal access token. The sign-in lives
no longer than that token: revoking it, or removing its owner, ends the sign-in at the next refresh, and an access token
does not outlive it. A refresh token is replaced at each use; one that comes a second time has been copied, and ends the
sign-in.

Source: RFC 6749, 4.1 and 6; RFC 7636; RFC 9700, 4.14.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import replace

from wheelyard.control.attempts import Attempts
from wheelyard.control.caller import Caller
from wheelyard.control.oauth import store, wire
from wheelyard.control.oauth.authorization import OFFLINE_SCOPE, Authorization, Refused, authorization_of, verifies
from wheelyard.control.oauth.codes import Code, Codes
from wheelyard.control.oauth.page import refusal_page, sign_in_page
from wheelyard.control.operation import RawAnswer
from wheelyard.control.scim.service import Directory
from wheelyard.control.tokens.service import IssuedToken, Tokens
from wheelyard.core.errors import BadRequest, NotFound, Throttled, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = ["BrowserSignIn"]

_ACCESS_SECONDS = 3600
_REFRESH_SECONDS = 90 * 24 * 3600
_SIGN_INS_PER_PRINCIPAL = 100
_REFRESH_VALUE = re.compile(r"dore([a-z2-7]{16})[a-z2-7]{52}")
_NOT_ACCEPTED = "This is no valid personal access token of this workspace."


class BrowserSignIn:
    """Codes, refresh tokens and the page. Arguments as `OAuth` has them."""

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        directory: Directory,
        tokens: Tokens,
        clock: Callable[[], float],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._randomness = randomness
        self._codes = Codes(
            keyed_hash=lambda value: self._hash(value, "authorization-code"), clock=clock, randomness=randomness
        )
        self._attempts = Attempts(clock=clock)

    def show(self, body: wire.Authorize) -> RawAnswer:
        """Show the page, or refuse."""
        request = _checked(body)
        return request if isinstance(request, RawAnswer) else sign_in_page(request)

    def sign_in(self, caller: Caller, body: wire.SignIn) -> RawAnswer:
        """Take the pasted token; redirect with a code, or show the page again."""
        request, address = _checked(body), caller.request.client_address
        if isinstance(request, RawAnswer):
            return request
        try:
            attempt = self._attempts.begin(address)
        except Throttled as refused:
            seconds = refused.retry_after_seconds
            return sign_in_page(
                request,
                wrong=f"{refused.what} The next one is read in {seconds} seconds.",
                status=429,
                retry_after_seconds=seconds,
            )
        person = self._person(Secret(body.token.strip()))
        if person is None:
            return sign_in_page(request, wrong=_NOT_ACCEPTED, status=400)
        self._attempts.succeeded(attempt)
        code = self._codes.make(
            request, principal_id=person.principal_id, pat_id=person.token_id, sign_in_id=_text(self._randomness(10))
        )
        return _redirect(request.answer(code=code.reveal()))

    def exchange(self, body: wire.TokenRequest) -> wire.TokenAnswer:
        """Exchange a code.

        Raises:
            BadRequest: the code is unknown, expired, used or another client's, or the verifier is wrong.
        """
        code, is_first = self._codes.use(Secret(body.code))
        if code is None:
            raise _invalid_grant("The code is unknown or has expired.")
        if not is_first:
            self._end(code.sign_in_id)
            raise _invalid_grant("The code was used before; what it was exchanged for is revoked.")
        _check_code(code.authorization, body)
        return self._begin(code)

    def refresh(self, body: wire.TokenRequest) -> wire.TokenAnswer:
        """Exchange a refresh token for a new one and an access token.

        Raises:
            BadRequest: it is unknown, expired, used or another client's, or the token behind it is revoked.
        """
        given = Secret(body.refresh_token)
        row = self._signed_in(given)
        if row.client_id != body.client_id:
            raise _invalid_grant("The refresh token belongs to another client.")
        if set(body.scope.split()) - set(row.scope.split()):
            raise BadRequest("The sign-in did not grant that scope.", reference="invalid-scope")
        access, seconds = self._access(row.principal_id, row.pat_id, row.client_id, row.sign_in_id)
        value = self._refresh_value(row.sign_in_id)
        newer = replace(
            row,
            value_hash=self._hash(value, "refresh-token"),
            access_token_id=access.token_id,
            expiry_at=self._now() + _REFRESH_SECONDS * 1000,
        )
        if not self._database.write(lambda tx: store.rotate_sign_in(tx, newer, row.value_hash)):
            self._tokens.revoke_token(access.token_id)
            raise self._reused(row.sign_in_id)
        return _answer(access, seconds, row.scope, value)

    def forget_principal(self, principal_id: str) -> None:
        """End a principal's sign-ins; its access tokens are the token service's to end."""
        self._codes.forget_principal(principal_id)
        self._database.write(lambda tx: store.delete_sign_ins_of_principal(tx, principal_id))

    # How it is done ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _hash(self, value: Secret[str], purpose: str) -> bytes:
        return self._barrier.keyed_hash(value.reveal().encode(), purpose=purpose)

    def _refresh_value(self, sign_in_id: str) -> Secret[str]:
        return Secret(f"dore{sign_in_id}{_text(self._randomness(32))}")

    def _person(self, token: Secret[str]) -> Caller | None:
        """Whose personal access token it is; tokens of every other kind sign nobody in."""
        try:
            caller = self._tokens.authenticate(token)
        except Unauthenticated:
            return None
        return caller if self._tokens.pat_seconds_left(caller.token_id) > 0 else None

    def _begin(self, code: Code) -> wire.TokenAnswer:
        request = code.authorization
        access, seconds = self._access(code.principal_id, code.pat_id, request.client_id, code.sign_in_id)
        value, now = self._refresh_value(code.sign_in_id), self._now()
        lifetime = _REFRESH_SECONDS if request.is_offline else _ACCESS_SECONDS
        row = store.SignInRow(
            sign_in_id=code.sign_in_id,
            principal_id=code.principal_id,
            pat_id=code.pat_id,
            client_id=request.client_id,
            scope=request.scope,
            value_hash=self._hash(value, "refresh-token"),
            access_token_id=access.token_id,
            created_at=now,
            expiry_at=now + lifetime * 1000,
        )

        def insert(tx: Connection) -> None:
            store.delete_expired_sign_ins(tx, now)
            store.delete_oldest_sign_ins(tx, code.principal_id, keep=_SIGN_INS_PER_PRINCIPAL - 1)
            store.insert_sign_in(tx, row)

        self._database.write(insert)
        return _answer(access, seconds, request.scope, value if request.is_offline else None)

    def _access(self, principal_id: str, pat_id: str, client_id: str, sign_in_id: str) -> tuple[IssuedToken, int]:
        """An access token, and its seconds: an hour, or what is left of the token behind it."""
        left = self._tokens.pat_seconds_left(pat_id)
        try:
            self._directory.caller(principal_id)
        except NotFound:
            left = 0
        if left < 1:
            self._end(sign_in_id)
            raise _invalid_grant("The token that the person signed in with has expired or is revoked.")
        seconds = int(min(left, _ACCESS_SECONDS))
        issued = self._tokens.issue(principal_id, kind="oauth", comment=client_id, lifetime_seconds=seconds)
        return issued, seconds

    def _signed_in(self, given: Secret[str]) -> store.SignInRow:
        found = _REFRESH_VALUE.fullmatch(given.reveal())
        row = None if found is None else self._database.read(lambda tx: store.find_sign_in(tx, found[1]))
        if row is None or row.expiry_at <= self._now() or OFFLINE_SCOPE not in row.scope.split():
            raise _invalid_grant("The refresh token is unknown, has expired or is revoked.")
        if not hmac.compare_digest(row.value_hash, self._hash(given, "refresh-token")):
            raise self._reused(row.sign_in_id)
        return row

    def _reused(self, sign_in_id: str) -> BadRequest:
        self._end(sign_in_id)
        return _invalid_grant("The refresh token was used before; the sign-in it belongs to is revoked.")

    def _end(self, sign_in_id: str) -> None:
        row = self._database.write(lambda tx: store.delete_sign_in(tx, sign_in_id))
        if row is not None:
            self._tokens.revoke_token(row.access_token_id)


def _checked(body: wire.Authorize) -> Authorization | RawAnswer:
    try:
        request = authorization_of(body)
    except BadRequest as refused:
        return refusal_page(refused.what)
    return _redirect(request.location) if isinstance(request, Refused) else request


def _check_code(request: Authorization, body: wire.TokenRequest) -> None:
    if request.client_id != body.client_id or request.redirect_uri != body.redirect_uri:
        raise _invalid_grant("The code was given to another client or another redirect_uri.")
    if not verifies(Secret(body.code_verifier), request.challenge):
        raise _invalid_grant("The code_verifier does not belong to the code.")


def _redirect(location: str) -> RawAnswer:
    headers = {"Location": location, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return RawAnswer(b"", "text/plain; charset=utf-8", headers, 303)


def _answer(access: IssuedToken, seconds: int, scope: str, refresh: Secret[str] | None) -> wire.TokenAnswer:
    return wire.TokenAnswer(
        access_token=access.value.reveal(),
        refresh_token=refresh.reveal() if refresh else "",
        token_type="Bearer",  # noqa: S106 # the name of a kind of token
        expires_in=seconds,
        scope=scope,
    )


def _text(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def _invalid_grant(what: str) -> BadRequest:
    return BadRequest(what, reference="invalid-grant", hint="sign in again")
