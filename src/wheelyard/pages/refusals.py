"""Errors as pages: the same words as everywhere, with what to do next.

A fragment that a script asked for is refused by a fragment, which stands in the page's notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from wheelyard.core.errors import Throttled, WheelyardError
from wheelyard.pages.page import PageRequest, Shown

__all__ = ["refusal"]

_TITLES: Mapping[int, str] = MappingProxyType(
    {
        400: "That cannot be done",
        401: "Sign in first",
        403: "This page is for workspace admins",
        404: "There is no such page",
        409: "Somebody else was first",
        429: "Too many attempts",
        500: "Something went wrong here",
        503: "Not available right now",
    }
)


def refusal(
    error: Exception, status: int, request: PageRequest, request_id: str, admins: Callable[[], tuple[str, ...]]
) -> Shown:
    """The page for an error. What is only for the operator stays in the log; the request id finds it there."""
    known = error if isinstance(error, WheelyardError) and status != 500 else None
    needs_admin = known is not None and known.reference == "admin-needed"
    values = {
        "title": "That is not allowed" if status == 403 and not needs_admin else _TITLES.get(status, _TITLES[400]),
        "what": known.what if known else "The page could not be made. Nothing more was done.",
        "because": known.because if known else "",
        "unchanged": known.unchanged if known else "",
        "hint": known.hint if known else "",
        "reference": known.reference if known else "internal-error",
        "request_id": request_id,
        "admins": admins() if needs_admin else (),
        "status": status,
    }
    retry = known.retry_after_seconds if isinstance(known, Throttled) else 0
    return Shown("_refused.html" if request.is_htmx else "refused.html", values, status, retry)
