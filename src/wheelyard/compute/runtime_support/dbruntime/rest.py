"""The workspace's REST API as the session's principal."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from .session import current

__all__ = ["RestError", "get"]

_TIMEOUT_SECONDS = 60


class RestError(Exception):
    """The workspace refused; `code` is its `error_code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


def get(path: str, **query: str) -> dict[str, Any]:
    """GET `/api/…`; the answer's JSON object.

    Raises:
        RestError: the workspace refused, or there is no session.
    """
    session = current()
    if session is None:
        raise RestError("", "this process has no session with the workspace")
    url = f"{session.host.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
    if not url.startswith(("http://", "https://")):
        raise RestError("", "the workspace's address is no web address")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {session.token}"})  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # checked above
            return dict(json.load(answer))
    except urllib.error.HTTPError as refusal:
        raise _refused(refusal) from None
    except urllib.error.URLError as problem:
        raise RestError("", f"the workspace does not answer: {problem.reason}") from None


def _refused(refusal: urllib.error.HTTPError) -> RestError:
    try:
        body = json.load(refusal)
        return RestError(str(body.get("error_code", "")), str(body.get("message", refusal.reason)))
    except ValueError:
        return RestError(str(refusal.code), str(refusal.reason))
