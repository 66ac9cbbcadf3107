"""What a client asks for when it sends a person's browser here, checked before the person sees anything.

Two kinds of refusal: a request whose client or redirect address cannot be trusted is told to the person and to nobody
else; any other fault is the client's to hear, and travels to its redirect address. Redirect addresses are this
machine's own, so a code never leaves it.

Source: RFC 6749, 4.1.1 and 4.1.2.1; RFC 7636; RFC 8252, 7.3.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode

from wheelyard.control.oauth import wire
from wheelyard.core.errors import BadRequest
from wheelyard.core.redaction import Secret

__all__ = ["OFFLINE_SCOPE", "SCOPE", "Authorization", "Refused", "authorization_of", "verifies"]

SCOPE = "all-apis"
OFFLINE_SCOPE = "offline_access"
"""Asks for a refresh token."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~:-]{1,128}")
_REDIRECT = re.compile(
    r"(?P<origin>http://(?:localhost|127\.0\.0\.1)(?::(?P<port>[0-9]{1,5}))?)"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,500})?"
)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST_STATE = 2048
_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request that may be shown to a person."""

    client_id: str
    redirect_uri: str
    origin: str
    """Scheme, host and port of `redirect_uri`."""
    state: str
    challenge: str
    scope: str
    """Space-separated; never empty."""

    def answer(self, **fields: str) -> str:
        """The redirect address with an answer for the client."""
        return _answered(self.redirect_uri, self.state, fields)

    @property
    def is_offline(self) -> bool:
        """Whether the client asked for a refresh token."""
        return OFFLINE_SCOPE in self.scope.split()


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the client is told about, at `location`."""

    location: str


def authorization_of(body: wire.Authorize) -> Authorization | Refused:
    """Check a request.

    Raises:
        BadRequest: the client's id, redirect address or state is not acceptable, so nobody may be redirected.
    """
    if not _CLIENT_ID.fullmatch(body.client_id):
        raise _untrusted("The request names no acceptable client_id.")
    if len(body.state) > _LONGEST_STATE:
        raise _untrusted(f"The state of the request is longer than {_LONGEST_STATE} characters.")
    found = _REDIRECT.fullmatch(body.redirect_uri)
    if found is None or not 0 < int(found["port"] or 80) <= _LARGEST_PORT:
        raise _untrusted(
            "The redirect_uri of the request is no address of this machine: http://localhost:<port> or "
            "http://127.0.0.1:<port> is needed.",
        )
    fault = _fault(body)
    if fault is not None:
        error, description = fault
        fields = {"error": error, "error_description": description}
        return Refused(_answered(body.redirect_uri, body.state, fields))
    return Authorization(
        client_id=body.client_id,
        redirect_uri=body.redirect_uri,
        origin=found["origin"],
        state=body.state,
        challenge=body.code_challenge,
        scope=" ".join(dict.fromkeys(body.scope.split())) or f"{SCOPE} {OFFLINE_SCOPE}",
    )


def verifies(verifier: Secret[str], challenge: str) -> bool:
    """Whether a verifier is the one a challenge was made of."""
    if not _VERIFIER.fullmatch(verifier.reveal()):
        return False
    made = urlsafe_b64encode(sha256(verifier.reveal().encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


def _fault(body: wire.Authorize) -> tuple[str, str] | None:
    if body.response_type != "code":
        return "unsupported_response_type", "This workspace answers with response_type=code and nothing else."
    if body.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(body.code_challenge):
        return "invalid_request", "A code_challenge of 43 characters with code_challenge_method=S256 is needed."
    if set(body.scope.split()) - {SCOPE, OFFLINE_SCOPE}:
        return "invalid_scope", f"This workspace grants the scopes {SCOPE} and {OFFLINE_SCOPE} and no other."
    return None


def _answered(redirect_uri: str, state: str, fields: dict[str, str]) -> str:
    return f"{redirect_uri}?{urlencode({**fields, **({'state': state} if state else {})})}"


def _untrusted(what: str) -> BadRequest:
    return BadRequest(what, reference="invalid-authorization", unchanged="nobody was redirected")
