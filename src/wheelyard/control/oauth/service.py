"""OAuth: the one token endpoint, and how machines sign in; people sign in by `browser.py`.

A service principal proves itself with a secret and gets a token for an hour; its client id is the application id. Grant
types that are not here are refused by their proper name.
"""

from __future__ import annotations

import hmac
import os
import re
import time
import uuid
from base64 import b32encode
from collections.abc import Callable
from datetime import UTC, datetime

from wheelyard.control.caller import Caller
from wheelyard.control.oauth import store, wire
from wheelyard.control.oauth.authorization import SCOPE
from wheelyard.control.oauth.browser import BrowserSignIn
from wheelyard.control.operation import Empty, RawAnswer
from wheelyard.control.scim.service import Directory, Principal
from wheelyard.control.tokens.service import Tokens
from wheelyard.core.errors import (
    BadRequest,
    InvalidParameter,
    MalformedRequest,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
)
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = ["OAuth"]

_TOKEN_SECONDS = 3600
_DEFAULT_LIFETIME_SECONDS = 730 * 24 * 3600
_LIFETIME = re.compile(r"(\d{1,9})(?:\.\d+)?s")
_BEARER = "Bearer"
_SECRETS_PER_PRINCIPAL = 5
"""Recalled from the platform's limits, not in our facts; enough for any rotation."""


class OAuth:
    """The OAuth service.

    Args:
        database: where secrets' hashes are kept.
        barrier: makes the keyed hashes.
        directory: finds the service principal of a client id.
        tokens: issues access tokens.
        clock: seconds since the epoch.
        randomness: as `os.urandom`.
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
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._randomness = randomness
        self._browser = BrowserSignIn(
            database=database,
            barrier=barrier,
            directory=directory,
            tokens=tokens,
            clock=clock,
            randomness=randomness,
        )
        directory.on_removed(self._forget_principal)

    def discovery(self, caller: Caller, _body: Empty) -> wire.Discovery:
        """Name the endpoints, under the host name the client used."""
        base = f"{caller.request.base_url}/oidc"
        return wire.Discovery(
            issuer=base, authorization_endpoint=f"{base}/v1/authorize", token_endpoint=f"{base}/v1/token"
        )

    def authorize(self, _caller: Caller, body: wire.Authorize) -> RawAnswer:
        """Show a person the page to sign in on, for a client on this machine."""
        return self._browser.show(body)

    def sign_in(self, caller: Caller, body: wire.SignIn) -> RawAnswer:
        """Take the token a person pasted, and send the browser back to the client with a code."""
        return self._browser.sign_in(caller, body)

    def token(self, _caller: Caller, body: wire.TokenRequest) -> wire.TokenAnswer:
        """Exchange a code, a refresh token or a client's secret for an access token.

        Raises:
            MalformedRequest: no grant type.
            BadRequest: an unknown grant type or scope; or a code or refresh token that is not good (any more).
            Unauthenticated: the client is unknown or deactivated, or its secret is wrong or expired; which of them is
                not told.
        """
        if body.grant_type == "authorization_code":
            return self._browser.exchange(body)
        if body.grant_type == "refresh_token":
            return self._browser.refresh(body)
        return self._client_credentials(body)

    def _client_credentials(self, body: wire.TokenRequest) -> wire.TokenAnswer:
        _check_grant(body)
        principal = self._directory.find_principal(body.client_id) if body.client_id else None
        if principal is None or principal.kind != "service_principal":
            raise _invalid_client()
        self._check_secret(principal, Secret(body.client_secret))
        issued = self._tokens.issue(
            principal.principal_id, kind="oauth", comment="client_credentials", lifetime_seconds=_TOKEN_SECONDS
        )
        return wire.TokenAnswer(
            access_token=issued.value.reveal(), token_type=_BEARER, expires_in=_TOKEN_SECONDS, scope=SCOPE
        )

    def create_secret(self, _caller: Caller, body: wire.CreateSecret) -> wire.NewSecret:
        """Make a secret for a service principal. Its value is shown this once.

        Raises:
            NotFound: there is no such service principal.
            QuotaExceeded: it has five secrets already.
            InvalidParameter: the lifetime is no duration like `3600s`.
        """
        principal = self._principal(body.service_principal_id)
        now, value = self._now(), Secret(f"dose{b32encode(self._randomness(32)).decode().rstrip('=').lower()}")
        row = store.SecretRow(
            secret_id=str(uuid.UUID(bytes=self._randomness(16), version=4)),
            principal_id=principal.principal_id,
            value_hash=self._hash(value),
            created_at=now,
            expiry_at=now + _lifetime_seconds(body.lifetime) * 1000,
        )

        def insert(tx: Connection) -> None:
            if len(store.secrets_of(tx, row.principal_id)) >= _SECRETS_PER_PRINCIPAL:
                raise QuotaExceeded(
                    f"Service principal {principal.name} has {_SECRETS_PER_PRINCIPAL} secrets, the most there may be.",
                    reference="client-secret-quota",
                    unchanged="no secret was created",
                    hint="delete one that is not used any more",
                )
            store.insert_secret(tx, row)

        self._database.write(insert)
        return wire.NewSecret(secret=value.reveal(), **_fields(row, now))

    def list_secrets(self, _caller: Caller, body: wire.OnPrincipal) -> wire.SecretInfos:
        """List a service principal's secrets, without their values."""
        principal, now = self._principal(body.service_principal_id), self._now()
        rows = self._database.read(lambda tx: store.secrets_of(tx, principal.principal_id))
        return wire.SecretInfos(tuple(wire.SecretInfo(**_fields(row, now)) for row in rows))

    def delete_secret(self, _caller: Caller, body: wire.OnSecret) -> Empty:
        """Remove a secret. Tokens it was exchanged for live out their hour."""
        principal = self._principal(body.service_principal_id)
        if not self._database.write(lambda tx: store.delete_secret(tx, principal.principal_id, body.secret_id)):
            raise NotFound(f"Secret {body.secret_id} does not exist.", reference="client-secret-not-found")
        return Empty()

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _hash(self, value: Secret[str]) -> bytes:
        return self._barrier.keyed_hash(value.reveal().encode(), purpose="client-secret")

    def _check_secret(self, principal: Principal, given: Secret[str]) -> None:
        rows = self._database.read(lambda tx: store.secrets_of(tx, principal.principal_id))
        hashed, now = self._hash(given), self._now()
        matching = [hmac.compare_digest(row.value_hash, hashed) and now < row.expiry_at for row in rows]
        if not any(matching):
            raise _invalid_client()
        try:
            self._directory.caller(principal.principal_id)
        except NotFound as error:
            raise _invalid_client() from error

    def _principal(self, principal_id: str) -> Principal:
        found = self._directory.principal(principal_id)
        if found is None or found.kind != "service_principal":
            raise NotFound(
                f"Service principal with id {principal_id} does not exist.",
                reference="principal-not-found",
                hint="databricks service-principals list",
            )
        return found

    def _forget_principal(self, gone: Principal) -> None:
        self._database.write(lambda tx: store.delete_of_principal(tx, gone.principal_id))
        self._browser.forget_principal(gone.principal_id)


def _check_grant(body: wire.TokenRequest) -> None:
    if not body.grant_type:
        raise MalformedRequest("The form has no grant_type.")
    if body.grant_type != "client_credentials":
        raise BadRequest(
            f"This workspace does not support grant type '{body.grant_type[:100]}'.", reference="unsupported-grant-type"
        )
    if set(body.scope.split()) - {SCOPE}:
        raise BadRequest(f"This workspace grants the scope {SCOPE} and no other.", reference="invalid-scope")


def _lifetime_seconds(text: str) -> int:
    if not text:
        return _DEFAULT_LIFETIME_SECONDS
    found = _LIFETIME.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise InvalidParameter(
            "Invalid value for field 'lifetime': a number of seconds like 3600s is needed.",
            unchanged="no secret was created",
        )
    return int(found[1])


def _fields(row: store.SecretRow, now: int) -> dict[str, str]:
    return {
        "id": row.secret_id,
        "secret_hash": row.value_hash.hex(),
        "status": "ACTIVE" if now < row.expiry_at else "EXPIRED",
        "create_time": _text(row.created_at),
        "update_time": _text(row.created_at),
        "expire_time": _text(row.expiry_at),
    }


def _text(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid_client() -> Unauthenticated:
    return Unauthenticated("Client authentication failed.", reference="invalid-client")
