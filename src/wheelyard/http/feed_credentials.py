"""What an `Authorization` header offers to a feed.

Tools disagree where a token goes: `user:TOKEN`, `TOKEN:`, `:TOKEN`, `__token__:TOKEN`. Any user name is taken, and
the token is looked for in the password first and then in the user name. Source: facts/packaging.md A5, C3.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from wheelyard.core.errors import NotFound, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.feed.access import FeedPlace, Gate, Grant

__all__ = ["ask", "offered_tokens", "place_of"]


def ask(gate: Gate, credentials: bytes, place: FeedPlace | None) -> Grant:
    """Try each token that is offered.

    Raises:
        Unauthenticated: none is known.
        NotFound: the address is no feed's.
    """
    refusal = Unauthenticated(
        "The feed does not know this token, or it has expired or been revoked",
        reference="feed-token-unknown",
        hint="make a new one: wheelyard feed token FEED",
    )
    for token in offered_tokens(credentials):
        try:
            if place is not None:
                return gate(token, place)
        except Unauthenticated:
            continue
        raise NotFound("There is no feed at this address", reference="feed-not-found")
    raise refusal


def offered_tokens(credentials: bytes) -> Iterator[Secret[str]]:
    """The header's password and user name, or its bearer token; nothing for a header that cannot be read."""
    scheme, _, value = credentials.strip().partition(b" ")
    if scheme.lower() == b"bearer":
        parts = [value.strip().decode("latin-1")]
    elif scheme.lower() == b"basic":
        user, _, password = _decoded(value.strip()).partition(":")
        parts = [password, user]
    else:
        parts = []
    return (Secret(part) for part in parts if part)


def place_of(root: str) -> FeedPlace | None:
    """`/{organization}/[{project}/]_packaging/{feed}`, taken apart; None if it is not of that shape."""
    parts = root.split("/")[1:]
    if "\0" in root:  # a database may refuse to be asked for it
        return None
    if len(parts) == 3 and parts[1] == "_packaging":
        return FeedPlace(parts[0], "", parts[2])
    if len(parts) == 4 and parts[2] == "_packaging":
        return FeedPlace(parts[0], parts[1], parts[3])
    return None


def _decoded(value: bytes) -> str:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
