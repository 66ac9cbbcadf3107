"""The rows of the token API: one's own tokens, and everybody's for admins."""

from __future__ import annotations

from wheelyard.control.operation import ADMIN, SIGNED_IN, Empty, Operation
from wheelyard.control.tokens import wire
from wheelyard.control.tokens.service import Tokens

__all__ = ["OPERATIONS"]

_OWN = "/api/2.0/token"
_ALL = "/api/2.0/token-management"

OPERATIONS = (
    Operation("POST", f"{_OWN}/create", wire.CreateToken, wire.NewToken, Tokens.create, needs=SIGNED_IN),
    Operation("GET", f"{_OWN}/list", Empty, wire.TokenInfos, Tokens.list_own, needs=SIGNED_IN),
    Operation("POST", f"{_OWN}/delete", wire.OnToken, Empty, Tokens.delete_own, needs=SIGNED_IN),
    Operation("GET", f"{_ALL}/tokens", wire.ListTokens, wire.ManagedTokenInfos, Tokens.list_all, needs=ADMIN),
    Operation("GET", f"{_ALL}/tokens/{{token_id}}", wire.OnToken, wire.ManagedToken, Tokens.get_any, needs=ADMIN),
    Operation("DELETE", f"{_ALL}/tokens/{{token_id}}", wire.OnToken, Empty, Tokens.delete_any, needs=ADMIN),
    Operation(
        "POST",
        f"{_ALL}/on-behalf-of/tokens",
        wire.CreateOnBehalfOf,
        wire.NewManagedToken,
        Tokens.create_on_behalf_of,
        needs=ADMIN,
    ),
)
