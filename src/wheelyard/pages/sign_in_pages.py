"""Signing in and out: by password, by personal access token, by a one-time link that sets a password.

What was typed before a session ended travels through these pages sealed (`typed`), whatever goes wrong on the way.
Nothing secret is ever shown back.
"""

from __future__ import annotations

from wheelyard.control.operation import ANYONE
from wheelyard.control.sign_in.passwords import SHORTEST
from wheelyard.control.sign_in.service import NewSession, SignIn
from wheelyard.core.errors import InvalidParameter, NotFound, Throttled, Unauthenticated, WheelyardError
from wheelyard.core.redaction import Secret
from wheelyard.pages.own_paths import own_path
from wheelyard.pages.page import Answer, Moved, Page, PageRequest, Shown, SignedIn

__all__ = ["PAGES", "PASSWORD_RULES", "SignInPages", "wrong_in_words"]

PASSWORD_RULES = (
    f"At least {SHORTEST} characters, and not the user name. Any characters will do; "
    "a few words that do not belong together are easy to remember."
)
"""What `check_new_password` asks for, said before it is asked."""


def wrong_in_words(error: WheelyardError) -> str:
    """An error as one text beside a field: what, and when to come back where that is the point."""
    if isinstance(error, Throttled):
        seconds = error.retry_after_seconds
        return f"{error.what} Try again in {seconds} {'second' if seconds == 1 else 'seconds'}."
    return error.what


class SignInPages:
    """The pages of who is not signed in yet, and the way out."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def show(self, request: PageRequest) -> Answer:
        """The form, or straight on for who is signed in already."""
        to = own_path(request.query.get("to", ""))
        if request.session is not None:
            return Moved(to)
        return _form(to=to, signed_out=request.query.get("after") == "sign-out")

    def enter(self, request: PageRequest) -> Answer:
        """Open a session, by whichever of the two forms was sent."""
        form = request.form
        by = "token" if form.text("by") == "token" else "password"
        missing = next((name for name in _ASKED[by] if not form.text(name).strip()), "")
        if missing:
            return self._wrong(request, missing, f"Type your {_ASKED[by][missing]}.", 400)
        try:
            new = self._with_token(request) if by == "token" else self._with_password(request)
        except Unauthenticated as error:
            return self._wrong(request, by, wrong_in_words(error), 401)
        except Throttled as error:
            return self._wrong(request, by, wrong_in_words(error), 429, error.retry_after_seconds)
        self._leave_former(request)
        return SignedIn(new, own_path(form.text("to")), form.text("typed"))

    def leave(self, request: PageRequest) -> Answer:
        """End this browser's session; also when it is over already."""
        self._leave_former(request)
        return Moved("/sign-in?after=sign-out", ends_session=True)

    def show_link(self, request: PageRequest) -> Answer:
        """Ask for a password. Looking does not use the link up, because mail scanners and previews look too."""
        link = Secret(request.query.get("link", ""))
        holder = self._sign_in.link_holder(link)
        return _link_over(request) if holder is None else _choose(holder, link)

    def use_link(self, request: PageRequest) -> Answer:
        """Set the password and open a session."""
        link, password = Secret(request.form.text("link")), Secret(request.form.text("password"))
        holder = self._sign_in.link_holder(link)
        if holder is None:
            return _link_over(request)
        if password != Secret(request.form.text("again")):
            return _choose(holder, link, wrong_in="again", wrong="This is not the password above.", status=400)
        try:
            new = self._sign_in.with_link(link, password, request.caller.request)
        except NotFound:
            return _link_over(request)
        except InvalidParameter as error:
            return _choose(holder, link, wrong_in="password", wrong=wrong_in_words(error), status=400)
        except Throttled as error:
            words, seconds = wrong_in_words(error), error.retry_after_seconds
            return _choose(holder, link, wrong_in="password", wrong=words, status=429, retry_after_seconds=seconds)
        self._leave_former(request)
        return SignedIn(new, "/")

    # How it is done ------------------------------------------------------------------------------------------------

    def _with_password(self, request: PageRequest) -> NewSession:
        form = request.form
        return self._sign_in.with_password(
            form.text("user_name").strip(), Secret(form.text("password")), request.caller.request
        )

    def _with_token(self, request: PageRequest) -> NewSession:
        return self._sign_in.with_token(Secret(request.form.text("token")), request.caller.request)

    def _leave_former(self, request: PageRequest) -> None:
        if request.session is not None:
            self._sign_in.sign_out(request.session)

    def _wrong(self, request: PageRequest, by: str, wrong: str, status: int, retry_after_seconds: int = 0) -> Shown:
        form = request.form
        return _form(
            to=own_path(form.text("to")),
            typed=form.text("typed"),
            user_name=form.text("user_name"),
            by=by,
            wrong=wrong,
            status=status,
            retry_after_seconds=retry_after_seconds,
        )


_ASKED = {
    "password": {"user_name": "user name", "password": "password"},
    "token": {"token": "personal access token"},
}
"""Fields of each form, and what they are called."""


def _form(
    *,
    to: str,
    typed: str = "",
    user_name: str = "",
    by: str = "",
    wrong: str = "",
    signed_out: bool = False,
    status: int = 200,
    retry_after_seconds: int = 0,
) -> Shown:
    """The form. `by` names the field that `wrong` stands beside."""
    values = {"to": to, "typed": typed, "user_name": user_name, "by": by, "wrong": wrong, "signed_out": signed_out}
    return Shown("sign_in.html", values, status, retry_after_seconds)


def _choose(
    user_name: str,
    link: Secret[str],
    *,
    wrong_in: str = "",
    wrong: str = "",
    status: int = 200,
    retry_after_seconds: int = 0,
) -> Shown:
    values = {
        "user_name": user_name,
        "link": link.reveal(),
        "rules": PASSWORD_RULES,
        "wrong_in": wrong_in,
        "wrong": wrong,
    }
    return Shown("choose_password.html", values, status, retry_after_seconds)


def _link_over(request: PageRequest) -> Shown:
    values = {
        "title": "This link does not work any more",
        "what": "A sign-in link works once and for a limited time.",
        "because": "it was used, has expired, was replaced by a newer one, or is not complete",
        "unchanged": "no password was changed",
        "hint": "run `wheelyard sign-in` on the machine of this workspace, or ask an admin for a new link",
        "reference": "sign-in-link-not-found",
        "request_id": request.caller.request.request_id,
        "admins": (),
        "status": 404,
    }
    return Shown("refused.html", values, status=404)


PAGES: tuple[Page[SignInPages], ...] = (
    Page("GET", "/sign-in", SignInPages.show, needs=ANYONE),
    Page("POST", "/sign-in", SignInPages.enter, needs=ANYONE, takes_old_forms=True),
    Page("POST", "/sign-out", SignInPages.leave, needs=ANYONE),
    Page("GET", "/sign-in/link", SignInPages.show_link, needs=ANYONE),
    Page("POST", "/sign-in/link", SignInPages.use_link, needs=ANYONE, takes_old_forms=True),
)
