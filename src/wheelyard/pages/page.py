"""The row that says everything about a page: method, path, who may, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from wheelyard.control.caller import ANONYMOUS, Caller
from wheelyard.control.operation import Need
from wheelyard.control.sign_in.service import BrowserSession, NewSession
from wheelyard.core.errors import Unauthenticated
from wheelyard.pages.form import NO_FORM, Form

__all__ = ["Answer", "Moved", "Page", "PageGroup", "PageRequest", "Shown", "SignedIn", "Theme"]

S = TypeVar("S")

Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request for a page.

    Args:
        caller: who is signed in; `ANONYMOUS` when nobody is.
        session: the browser session; None when nobody is signed in.
        path: as asked for, escaped.
        form: what was typed; also what was typed before a session ended and its person signed in again.
        is_htmx: a script asks for a fragment; otherwise the browser asks for a whole page.
        ended: why the session that the browser still names is over, in words; empty when it names none.
        former: principal id of that session; empty when unknown.
    """

    method: str
    path: str
    caller: Caller = ANONYMOUS
    session: BrowserSession | None = None
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    path_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    form: Form = NO_FORM
    is_htmx: bool = False
    theme: Theme = "system"
    ended: str = ""
    former: str = ""

    @property
    def signed_in(self) -> BrowserSession:
        """The session of a page whose row asks for one."""
        if self.session is None:
            raise Unauthenticated("Nobody is signed in in this browser.", reference="no-session")
        return self.session


@dataclass(frozen=True, slots=True)
class Shown:
    """A template with its values.

    Args:
        retry_after_seconds: goes with 429.
        in_place: of a fragment: every piece of it names its own place, and the asking element stays as it is.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    status: int = 200
    retry_after_seconds: int = 0
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """Go on to another page, by GET."""

    to: str
    theme: Theme | None = None
    """A choice to be remembered by this browser."""
    ends_session: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody signed in: go on to `to`, with what was typed there before, if anything was."""

    session: NewSession
    to: str
    typed: str = ""
    """Sealed by `SignIn.seal_form`."""


Answer = Shown | Moved | SignedIn


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """One page.

    Args:
        method: GET or POST.
        path: `{name}` is one segment.
        handler: method of the group's object, called as `handler(pages, request)` in a worker thread.
        needs: who may; the same words as the rows of REST.
        takes_old_forms: also a form without the session's token, because it was drawn before there was this session;
            that it comes from this site is asked of every form.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[S, PageRequest], Answer]
    needs: Need
    takes_old_forms: bool = False


@dataclass(frozen=True, slots=True)
class PageGroup(Generic[S]):
    """Pages that belong together, and the object that answers them."""

    name: str
    pages: tuple[Page[S], ...]
    answered_by: S
