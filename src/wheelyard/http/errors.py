"""The one table between our errors and the wire: class to status and code, looked up along the ancestry.

This is the only file that knows both worlds. A subclass is mapped as its nearest ancestor; an endpoint that differs
says so in its row (`Operation.quirks`). The text for the caller is `what`; everything else we know goes into
`details`, where no client looks for phrases. What is only for the operator (`log`, the inner exception) never comes
near an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from wheelyard.control.operation import Envelope, Quirks
from wheelyard.core import errors as core

__all__ = ["ENVELOPES", "STATUS", "ErrorAnswer", "answer_for", "status_of", "without_retry_phrases"]

STATUS: Mapping[type[core.WheelyardError], tuple[int, str]] = MappingProxyType(
    {
        core.Unauthenticated: (401, "UNAUTHENTICATED"),
        core.PermissionDenied: (403, "PERMISSION_DENIED"),
        core.ReservedName: (403, "CUSTOMER_UNAUTHORIZED"),
        core.NotFound: (404, "RESOURCE_DOES_NOT_EXIST"),
        core.EndpointNotFound: (404, "ENDPOINT_NOT_FOUND"),
        core.AlreadyExists: (400, "RESOURCE_ALREADY_EXISTS"),
        core.Conflict: (409, "RESOURCE_CONFLICT"),
        core.BadRequest: (400, "BAD_REQUEST"),
        core.MalformedRequest: (400, "MALFORMED_REQUEST"),
        core.InvalidParameter: (400, "INVALID_PARAMETER_VALUE"),
        core.InvalidState: (400, "INVALID_STATE"),
        core.DirectoryNotEmpty: (400, "DIRECTORY_NOT_EMPTY"),
        core.LimitExceeded: (400, "RESOURCE_LIMIT_EXCEEDED"),
        core.QuotaExceeded: (400, "QUOTA_EXCEEDED"),
        core.Throttled: (429, "REQUEST_LIMIT_EXCEEDED"),
        core.Unavailable: (503, "TEMPORARILY_UNAVAILABLE"),
        core.LaunchFailed: (400, "INVALID_STATE"),
        core.LibraryFailed: (400, "BAD_REQUEST"),
        core.WrongUsage: (400, "BAD_REQUEST"),
        core.Unreachable: (503, "TEMPORARILY_UNAVAILABLE"),
        core.WheelyardError: (500, "INTERNAL_ERROR"),
    }
)
"""Source: facts/workspace-api.md 1.3. Quotas and limits stay 400: with 429 clients would try again for five minutes."""

_RETRY_PHRASES = re.compile(
    "|".join(
        re.escape(start) + f"(?={re.escape(rest)})"
        for start, rest in (
            ("d", "oes not have any associated worker environments"),
            ("T", "here is no worker environment with id"),
            ("U", "nknown worker environment"),
            ("U", "nknownWorkerEnvironmentException"),
            ("C", "lusterNotReadyException"),
            ("U", "nexpected error"),
            ("P", "lease try again later or try a faster operation."),
            ("R", "PC token bucket limit has been exceeded"),
            ("w", "orker env"),
            ("T", "imed out after "),
            ("d", "eadline exceeded"),
        )
    )
)
"""Phrases that make a client repeat the request for minutes, whatever the status, split so that no text of ours holds
one.

Source: facts/workspace-api.md 1.4. Clients compare with case, so another case of the first letter is enough.
"""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What leaves for an error: status, body (not yet encoded) and headers."""

    status: int
    code: str
    reference: str
    body: dict[str, Any]
    headers: Mapping[str, str]

    def encoded(self) -> bytes:
        return msgspec.json.encode(self.body)


def answer_for(
    error: Exception,
    *,
    request_id: str,
    envelope: Envelope = "default",
    quirks: Quirks = MappingProxyType({}),
) -> ErrorAnswer:
    """Map any exception to what the caller may know of it.

    An exception that is none of ours becomes a `Bug` whose text holds the request id and nothing of the exception.
    """
    known = error if isinstance(error, core.WheelyardError) else _bug(request_id)
    status, code = _status(type(known), quirks, _ENVELOPE_STATUS.get(envelope, {}))
    message = without_retry_phrases(known.what)
    return ErrorAnswer(
        status=status,
        code=code,
        reference=known.reference,
        body=ENVELOPES[envelope](known, status, code, message),
        headers=_headers(known, status, envelope),
    )


def status_of(error: Exception) -> int:
    """HTTP status of any exception, by the same table; for pages, which have words of their own for the rest."""
    return _status(type(error), {})[0] if isinstance(error, core.WheelyardError) else 500


def without_retry_phrases(text: str) -> str:
    """Break the phrases on which clients repeat a request.

    A value of the caller's may hold one, and our text quotes it.
    """
    return _RETRY_PHRASES.sub(lambda found: found.group().swapcase(), text)


def _bug(request_id: str) -> core.Bug:
    return core.Bug(
        f"The workspace made a mistake while it answered this request; its log has more under request id {request_id}.",
        hint="report it with the request id",
    )


def _status(error: type[core.WheelyardError], *tables: Quirks) -> tuple[int, str]:
    for ancestor in error.__mro__:
        for table in (*tables, STATUS):
            if ancestor in table:
                return table[ancestor]
    raise AssertionError("STATUS maps the root of the error tree")


def _headers(error: core.WheelyardError, status: int, envelope: Envelope) -> dict[str, str]:
    if isinstance(error, core.Throttled):
        return {"Retry-After": str(error.retry_after_seconds)}
    if status == 401:
        return {"WWW-Authenticate": 'Basic realm="wheelyard"' if envelope == "oauth" else 'Bearer realm="wheelyard"'}
    return {}


def _default_body(error: core.WheelyardError, _status: int, code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "message": message, "details": [_error_info(error)]}


def _error_info(error: core.WheelyardError) -> dict[str, Any]:
    more = {"because": error.because, "unchanged": error.unchanged, "hint": error.hint}
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.reference,
        "domain": "wheelyard",
        "metadata": {name: text for name, text in more.items() if text},
    }


_SCIM_TYPES: Mapping[str, str] = MappingProxyType(
    {"invalid-filter": "invalidFilter", "invalid-path": "invalidPath", "special-group": "mutability"}
)
"""Error reference to `scimType`, where the class says too little. Source: RFC 7644, table 9."""

_SCIM_TYPES_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {400: "invalidValue", 401: "unauthenticated", 403: "forbidden", 404: "notFound", 409: "uniqueness"}
)


def _scim_body(error: core.WheelyardError, status: int, _code: str, message: str) -> dict[str, Any]:
    """A SCIM error.

    `status` is a string, and `scimType` always there: clients print the word None for an absent one.
    """
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": message,
        "status": str(status),
        "scimType": _SCIM_TYPES.get(error.reference, _SCIM_TYPES_BY_STATUS.get(status, "internal")),
    }


def _error_only_body(_error: core.WheelyardError, _status: int, _code: str, message: str) -> dict[str, Any]:
    """API 1.2 knows one field."""
    return {"error": message}


_OAUTH_CODES: Mapping[str, str] = MappingProxyType(
    {
        "unsupported-grant-type": "unsupported_grant_type",
        "invalid-grant": "invalid_grant",
        "invalid-scope": "invalid_scope",
    }
)
_OAUTH_CODES_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {401: "invalid_client", 403: "unauthorized_client", 500: "server_error", 503: "temporarily_unavailable"}
)


def _oauth_body(error: core.WheelyardError, status: int, _code: str, message: str) -> dict[str, Any]:
    """Source: RFC 6749, 5.2."""
    code = _OAUTH_CODES.get(error.reference, _OAUTH_CODES_BY_STATUS.get(status, "invalid_request"))
    return {"error": code, "error_description": message}


ENVELOPES: Mapping[str, Callable[[core.WheelyardError, int, str, str], dict[str, Any]]] = MappingProxyType(
    {"default": _default_body, "scim": _scim_body, "1.2": _error_only_body, "oauth": _oauth_body}
)

_ENVELOPE_STATUS: Mapping[str, Quirks] = MappingProxyType({"scim": {core.AlreadyExists: (409, "RESOURCE_CONFLICT")}})
"""Where a whole protocol differs from the table. Source: RFC 7644, 3.12."""
