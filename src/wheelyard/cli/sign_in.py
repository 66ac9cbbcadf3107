"""`wheelyard sign-in`: a fresh one-time link to the pages of an embedded workspace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from wheelyard.cli.render import screen
from wheelyard.cli.settings import Leaf, connect

__all__ = ["command"]

_LINKS = "/api/2.0/wheelyard/sign-in-links"


def _sign_in(user: str | None) -> None:
    out = screen()
    request = {"user_name": user} if user else {}
    answer: Any = connect().api_client.do("POST", _LINKS, body=request)
    if out.wants_json:
        out.json(answer, masked=False)
        return
    out.raw(str(answer["url"]))
    until = datetime.fromtimestamp(answer["expiry_time"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    out.note(f"whoever opens it sets the password of {answer['user_name']} and is signed in; works once, until {until}")


command = Leaf(
    "sign-in",
    params=[click.Option(["--user"], metavar="NAME", help="Make the link for this user.  [default: yourself]")],
    short_help="Print a one-time link to sign in by browser.",
    help="""Print a fresh link that signs a user in by browser, once, after setting a password.

    The link is good for 24 hours, and an earlier one of the same user stops working. Needs a workspace admin. Send it
    only to the user it is for: it replaces their password, and ends their other browser sessions, once it is used.""",
    callback=_sign_in,
)
