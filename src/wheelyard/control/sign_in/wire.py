"""Bodies of `/api/2.0/wheelyard/sign-in-links`. Ours; no other service has it."""

from __future__ import annotations

import msgspec

__all__ = ["CreateSignInLink", "SignInLink"]


class CreateSignInLink(msgspec.Struct, frozen=True):
    """For whom; without a name, for the caller."""

    user_name: str = ""


class SignInLink(msgspec.Struct, frozen=True, kw_only=True):
    """The only answer that holds the link. `expiry_time` in milliseconds since the epoch."""

    url: str
    user_name: str
    expiry_time: int
