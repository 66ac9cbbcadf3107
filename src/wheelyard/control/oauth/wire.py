"""Bodies of `/oidc/*` and of service principals' secrets.

Source: RFC 6749 and 8414; databricks-sdk-py `service/oauth2.py`; workspace-api facts 3.1 and 3.4.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "Authorize",
    "CreateSecret",
    "Discovery",
    "NewSecret",
    "OnPrincipal",
    "OnSecret",
    "SecretInfo",
    "SecretInfos",
    "SignIn",
    "TokenAnswer",
    "TokenRequest",
]


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """Clients read the two endpoints and nothing else."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    response_types_supported: tuple[str, ...] = ("code",)
    grant_types_supported: tuple[str, ...] = ("authorization_code", "refresh_token", "client_credentials")
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("none", "client_secret_basic", "client_secret_post")
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    scopes_supported: tuple[str, ...] = ("all-apis", "offline_access")


class Authorize(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks of a person. Nothing is required here, so that each fault is told where it belongs."""

    response_type: str = ""
    client_id: str = ""
    redirect_uri: str = ""
    state: str = ""
    scope: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""


class SignIn(Authorize, frozen=True, kw_only=True):
    """The form of the page: what the client asks, and the person's token."""

    token: str = ""


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A form, for all grant types; the client's id and secret may come as Basic credentials instead."""

    grant_type: str = ""
    client_id: str = ""
    client_secret: str = ""
    scope: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An access token and how many seconds it lives."""

    access_token: str
    refresh_token: str = ""
    token_type: str
    expires_in: int
    scope: str


class OnPrincipal(msgspec.Struct, frozen=True):
    """A service principal by its SCIM id."""

    service_principal_id: str


class OnSecret(msgspec.Struct, frozen=True):
    """One secret of a service principal."""

    service_principal_id: str
    secret_id: str


class CreateSecret(msgspec.Struct, frozen=True):
    """`lifetime` is a duration as in `3600s`; without it, two years."""

    service_principal_id: str
    lifetime: str = ""


class SecretInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret without its value. Times as in 2026-03-04T09:00:00Z."""

    id: str
    secret_hash: str
    status: str
    create_time: str
    update_time: str
    expire_time: str


class NewSecret(SecretInfo, frozen=True, kw_only=True, omit_defaults=True):
    """The only answer that holds the secret."""

    secret: str


class SecretInfos(msgspec.Struct, frozen=True):
    """All secrets of one service principal."""

    secrets: tuple[SecretInfo, ...]
