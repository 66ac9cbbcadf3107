"""Who is calling: the identity that every service is told, and the request it came with.

Each call makes one of each; both are msgspec structs, which are made several times as fast as dataclasses.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from wheelyard.core.redaction import Secret

__all__ = ["ADMINS", "ANONYMOUS", "USERS", "Authenticator", "Caller", "RequestInfo"]

ADMINS = "admins"
"""Display name of the group whose members are workspace admins."""
USERS = "users"
"""Display name of the group that holds every user and service principal."""


class RequestInfo(msgspec.Struct, frozen=True):
    """What a service may want to know of the request: its id, and the base URL the client used (no final slash).

    `client_address` is the other end of the connection, which may be a proxy.
    """

    request_id: str = ""
    base_url: str = ""
    user_agent: str = ""
    client_address: str = ""


class Caller(msgspec.Struct, frozen=True):
    """An authenticated identity.

    `name` is what stands in ACLs: a user's `userName`, a service principal's `applicationId`. `groups` are display
    names of all groups the identity is in, directly or through other groups; `users` is always among them.
    """

    principal_id: str
    name: str
    kind: Literal["user", "service_principal", "anonymous"]
    display_name: str = ""
    groups: frozenset[str] = frozenset()
    entitlements: frozenset[str] = frozenset()
    token_id: str = ""
    session_id: str = ""
    """The compute session this token was made for; empty for a token that a person or pipeline holds."""
    feed_scope: str = ""
    """A feed token's `organization/feed:read` or `…:write`, empty for a workspace token. It opens no REST call."""
    request: RequestInfo = RequestInfo()

    @property
    def is_admin(self) -> bool:
        return ADMINS in self.groups

    @property
    def principals(self) -> frozenset[str]:
        """Every principal string an ACL may name to mean this caller."""
        return self.groups | {self.name}

    def with_request(self, request: RequestInfo) -> Caller:
        return msgspec.structs.replace(self, request=request)


ANONYMOUS = Caller(principal_id="", name="", kind="anonymous")


class Authenticator(Protocol):
    """Turns a bearer token into a caller."""

    def authenticate(self, token: Secret[str]) -> Caller:
        """Raise `Unauthenticated` for a token that is unknown, expired or revoked."""
