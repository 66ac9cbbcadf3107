"""Bodies of `/api/2.0/token/*` and `/api/2.0/token-management/*`.

Source: databricks-sdk-py `service/settings.py`; workspace-api facts 3.4.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "CreateOnBehalfOf",
    "CreateToken",
    "ListTokens",
    "ManagedToken",
    "ManagedTokenInfo",
    "ManagedTokenInfos",
    "NewManagedToken",
    "NewToken",
    "OnToken",
    "TokenInfo",
    "TokenInfos",
]


class CreateToken(msgspec.Struct, frozen=True, kw_only=True):
    """Without `lifetime_seconds` a token lives two years."""

    comment: str = ""
    lifetime_seconds: int | None = None


class CreateOnBehalfOf(msgspec.Struct, frozen=True, kw_only=True):
    """`application_id` names the service principal that the token will be."""

    application_id: str
    comment: str = ""
    lifetime_seconds: int | None = None


class OnToken(msgspec.Struct, frozen=True):
    """One token by its id, which is no secret."""

    token_id: str


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Times in milliseconds since the epoch; `expiry_time` is -1 for a token that never expires."""

    token_id: str
    creation_time: int
    expiry_time: int
    comment: str = ""


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """The only answer that holds the token's value."""

    token_value: str
    token_info: TokenInfo


class TokenInfos(msgspec.Struct, frozen=True):
    """The caller's own tokens."""

    token_infos: tuple[TokenInfo, ...]


class ListTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens to list; without a filter, everybody's."""

    created_by_id: int | None = None
    created_by_username: str = ""


class ManagedTokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A token as an admin sees it."""

    token_id: str
    creation_time: int
    expiry_time: int
    comment: str = ""
    created_by_id: int
    created_by_username: str
    owner_id: int


class ManagedTokenInfos(msgspec.Struct, frozen=True):
    """Everybody's tokens, or those a filter chose."""

    token_infos: tuple[ManagedTokenInfo, ...]


class ManagedToken(msgspec.Struct, frozen=True):
    """One token as an admin sees it."""

    token_info: ManagedTokenInfo


class NewManagedToken(msgspec.Struct, frozen=True, kw_only=True):
    """The only answer that holds the token's value."""

    token_value: str
    token_info: ManagedTokenInfo
