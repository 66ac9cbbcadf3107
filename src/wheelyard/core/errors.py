"""The one exception tree: what went wrong, with which thing, because of what, and what to do next.

An error here knows nothing of HTTP, exit codes or colour; `http/errors.py` and `cli/render.py` choose those last, along
the ancestry, so that a new subclass is mapped already. Two texts never mix: everything but `log` may be shown to the
caller; `log` is for the operator.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AlreadyExists",
    "BadRequest",
    "Bug",
    "Conflict",
    "DirectoryNotEmpty",
    "EndpointNotFound",
    "InvalidParameter",
    "InvalidState",
    "LaunchFailed",
    "LibraryFailed",
    "LimitExceeded",
    "MalformedRequest",
    "NotFound",
    "PermissionDenied",
    "QuotaExceeded",
    "ReservedName",
    "Throttled",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "WheelyardError",
    "WrongUsage",
]


class WheelyardError(Exception):
    """The root. Raise a subclass.

    Args:
        what: what could not be done to which thing, in one sentence. On the wire this is `message`, so where
            Databricks' text is known it stands here word for word.
        reference: stable kebab-case name of the case; the class has a default.
        because: the observed fact.
        unchanged: what did *not* happen ("nothing was written").
        hint: the one most likely next command.
        log: for the operator only; never leaves the process other than in the log.
    """

    default_reference: ClassVar[str] = "error"

    def __init__(
        self,
        what: str,
        *,
        reference: str = "",
        because: str = "",
        unchanged: str = "",
        hint: str = "",
        log: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.reference = reference or self.default_reference
        self.because = because
        self.unchanged = unchanged
        self.hint = hint
        self.log = log


class Unauthenticated(WheelyardError):
    """The caller did not prove who they are."""

    default_reference = "unauthenticated"


class PermissionDenied(WheelyardError):
    """The caller is known and may not do this."""

    default_reference = "permission-denied"


class ReservedName(PermissionDenied):
    """The name belongs to the platform."""

    default_reference = "reserved-name"


class NotFound(WheelyardError):
    """The named thing is not there."""

    default_reference = "not-found"


class EndpointNotFound(NotFound):
    """No operation answers this method and path."""

    default_reference = "endpoint-not-found"


class AlreadyExists(WheelyardError):
    """The name is taken."""

    default_reference = "already-exists"


class Conflict(WheelyardError):
    """Somebody else changed it, or holds it, first."""

    default_reference = "conflict"


class BadRequest(WheelyardError):
    """The request is understood and refused as it stands."""

    default_reference = "bad-request"


class MalformedRequest(BadRequest):
    """The request could not be read at all."""

    default_reference = "malformed-request"


class InvalidParameter(WheelyardError):
    """One value of the request is not acceptable; the text names it."""

    default_reference = "invalid-parameter"


class InvalidState(WheelyardError):
    """The thing is not in a state that allows this."""

    default_reference = "invalid-state"


class DirectoryNotEmpty(WheelyardError):
    """Deleting needs `recursive`."""

    default_reference = "directory-not-empty"


class LimitExceeded(WheelyardError):
    """A documented limit is reached."""

    default_reference = "limit-exceeded"


class QuotaExceeded(LimitExceeded):
    """A limit per principal is reached."""

    default_reference = "quota-exceeded"


class Throttled(WheelyardError):
    """Too many requests; `retry_after_seconds` says when to come back."""

    default_reference = "throttled"

    def __init__(self, what: str, *, retry_after_seconds: int, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(WheelyardError):
    """Something we depend on does not answer."""

    default_reference = "unavailable"


class LaunchFailed(WheelyardError):
    """Compute could not be started.

    `code` is the termination code the workspace reports (`SECRET_RESOLUTION_ERROR`, …), `log_lines` the last redacted
    lines of what was tried.
    """

    default_reference = "launch-failed"

    def __init__(self, what: str, *, code: str, log_lines: tuple[str, ...] = (), hint: str = "", log: str = "") -> None:
        super().__init__(what, hint=hint, log=log)
        self.code = code
        self.log_lines = log_lines


class LibraryFailed(WheelyardError):
    """The installer refused or failed; the text is its redacted output."""

    default_reference = "library-failed"

    def __init__(self, what: str, *, code: str, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.code = code
        self.log_lines = log_lines


class WrongUsage(WheelyardError):
    """The command line cannot be understood."""

    default_reference = "wrong-usage"


class Unreachable(WheelyardError):
    """The workspace does not answer."""

    default_reference = "workspace-unreachable"


class Bug(WheelyardError):
    """Our own mistake; the request id finds it in the log."""

    default_reference = "internal-error"
