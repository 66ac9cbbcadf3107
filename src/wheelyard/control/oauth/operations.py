"""The rows of OAuth: those of signing in, which anyone may call, and admins' care of service principals' secrets."""

from __future__ import annotations

from wheelyard.control.oauth import wire
from wheelyard.control.oauth.service import OAuth
from wheelyard.control.operation import ADMIN, ANYONE, Empty, Operation, RawAnswer

__all__ = ["OPERATIONS"]

_SECRETS = "/api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets"

OPERATIONS = (
    Operation(
        "GET",
        "/oidc/.well-known/oauth-authorization-server",
        Empty,
        wire.Discovery,
        OAuth.discovery,
        needs=ANYONE,
        envelope="oauth",
    ),
    Operation(
        "GET",
        "/oidc/v1/authorize",
        wire.Authorize,
        RawAnswer,
        OAuth.authorize,
        needs=ANYONE,
        envelope="oauth",
    ),
    Operation(
        "POST",
        "/oidc/v1/authorize",
        wire.SignIn,
        RawAnswer,
        OAuth.sign_in,
        needs=ANYONE,
        envelope="oauth",
        form=True,
        status=303,
    ),
    Operation(
        "POST",
        "/oidc/v1/token",
        wire.TokenRequest,
        wire.TokenAnswer,
        OAuth.token,
        needs=ANYONE,
        envelope="oauth",
        form=True,
    ),
    Operation("GET", _SECRETS, wire.OnPrincipal, wire.SecretInfos, OAuth.list_secrets, needs=ADMIN),
    Operation("POST", _SECRETS, wire.CreateSecret, wire.NewSecret, OAuth.create_secret, needs=ADMIN),
    Operation("DELETE", f"{_SECRETS}/{{secret_id}}", wire.OnSecret, Empty, OAuth.delete_secret, needs=ADMIN),
)
