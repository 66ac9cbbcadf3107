"""Somebody's own sessions and password, and the theme of this browser."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from wheelyard.control.operation import ANYONE, SIGNED_IN
from wheelyard.control.sign_in.service import SignIn
from wheelyard.core.errors import InvalidParameter, NotFound, Throttled
from wheelyard.core.redaction import Secret
from wheelyard.pages.own_paths import own_path
from wheelyard.pages.page import Answer, Moved, Page, PageRequest, Shown, Theme
from wheelyard.pages.sign_in_pages import PASSWORD_RULES, wrong_in_words

__all__ = ["PAGES", "SessionPages"]

_HERE = "/settings/sessions"

_HOW: Mapping[str, str] = MappingProxyType(
    {"password": "with the password", "token": "with an access token", "link": "with a one-time link"}
)
_DONE: Mapping[str, str] = MappingProxyType(
    {
        "revoked": "That browser is signed out.",
        "gone": "That session had ended already.",
        "others": "You are signed out everywhere else.",
        "password": "The password is set, and every other session has ended.",
    }
)
_NOT_YET = "Your session had ended, so the password was not changed. Type it once more."


class SessionPages:
    """Pages about the caller's own sign-in."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def show(self, request: PageRequest) -> Answer:
        """The caller's sessions and password."""
        return self._page(request, again=_NOT_YET if request.form.text("new") else "")

    def revoke(self, request: PageRequest) -> Answer:
        """End one session; this browser's own too, which then is a way to sign out."""
        session_id = request.form.text("session_id")
        try:
            self._sign_in.revoke(request.caller, session_id)
        except NotFound:
            return _done("gone")
        if session_id == request.signed_in.session_id:
            return Moved("/sign-in?after=sign-out", ends_session=True)
        return _done("revoked")

    def revoke_others(self, request: PageRequest) -> Answer:
        """End every session but this one."""
        self._sign_in.revoke_others(request.signed_in)
        return _done("others")

    def change_password(self, request: PageRequest) -> Answer:
        """Set or replace the password; what is wrong is said beside its field."""
        form = request.form
        old, new = Secret(form.text("old")), Secret(form.text("new"))
        if new != Secret(form.text("again")):
            return self._page(request, wrong_in="again", wrong="This is not the password above.", status=400)
        try:
            self._sign_in.change_password(request.signed_in, old or None, new)
        except InvalidParameter as error:
            wrong_in = "old" if error.reference == "wrong-password" else "new"
            return self._page(request, wrong_in=wrong_in, wrong=wrong_in_words(error), status=400)
        except Throttled as error:
            words, seconds = wrong_in_words(error), error.retry_after_seconds
            return self._page(request, wrong_in="old", wrong=words, status=429, retry_after_seconds=seconds)
        return _done("password")

    def choose_theme(self, request: PageRequest) -> Answer:
        """Remember light or dark for this browser, and go back."""
        back = own_path(request.form.text("back"))
        chosen = request.form.text("theme")
        theme: Theme | None = next((theme for theme in get_args(Theme) if theme == chosen), None)
        return Moved(back, theme=theme)

    def _page(
        self,
        request: PageRequest,
        *,
        wrong_in: str = "",
        wrong: str = "",
        again: str = "",
        status: int = 200,
        retry_after_seconds: int = 0,
    ) -> Shown:
        caller = request.caller
        values = {
            "sessions": self._sign_in.sessions(caller),
            "this_one": request.signed_in.session_id,
            "how": _HOW,
            "has_password": self._sign_in.has_password(caller.principal_id),
            "is_user": caller.kind == "user",
            "rules": PASSWORD_RULES,
            "done": _DONE.get(request.query.get("done", ""), ""),
            "again": again,
            "wrong_in": wrong_in,
            "wrong": wrong,
        }
        return Shown("sessions.html", values, status, retry_after_seconds)


def _done(what: str) -> Moved:
    return Moved(f"{_HERE}?done={what}")


PAGES: tuple[Page[SessionPages], ...] = (
    Page("GET", _HERE, SessionPages.show, needs=SIGNED_IN),
    Page("POST", f"{_HERE}/revoke", SessionPages.revoke, needs=SIGNED_IN),
    Page("POST", f"{_HERE}/revoke-others", SessionPages.revoke_others, needs=SIGNED_IN),
    Page("POST", f"{_HERE}/password", SessionPages.change_password, needs=SIGNED_IN),
    Page("POST", "/theme", SessionPages.choose_theme, needs=ANYONE),
)
