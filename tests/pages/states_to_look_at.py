"""The pages in every state that looks different, each reached as a person reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playwright.sync_api import expect
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor
from tests.pages.yard import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, PAGE, Yard

__all__ = ["STATES", "store_much"]

LONG = "a-rather-long-name-of-a-department-that-likes-long-names"


def store_much(yard: Yard) -> None:
    """All three values, with long names, and two clusters that still have none of them."""
    yard.without_clusters()
    yard.store()
    for number in range(2):
        yard.cluster(f"{LONG}-{number}")
    yard.store(
        {
            INDEX_URL_KEY: f"https://build:not-a-secret-{LONG}@pkgs.example.com/{LONG}/{LONG}/simple/",
            EXTRA_INDEX_URLS_KEY: f"https://{LONG}.example.com/simple/ https://b.example.com/simple/",
            CERTIFICATE_KEY: authority(f"{LONG} root"[:60], names=(f"{LONG}.example.com",)).pem.strip(),
        }
    )


def _signed_out(path: str) -> Callable[[Visitor, Yard], None]:
    def reach(visitor: Visitor, _yard: Yard) -> None:
        visitor.context.clear_cookies()
        visitor.go(path)

    return reach


def _signed_in(path: str) -> Callable[[Visitor, Yard], None]:
    def reach(visitor: Visitor, yard: Yard) -> None:
        visitor.sign_in(yard.admin_token)
        visitor.go(path)

    return reach


def _choosing_a_password(visitor: Visitor, yard: Yard) -> None:
    visitor.context.clear_cookies()
    body = {"user_name": yard.another_admin()[0]}
    visitor.page.goto(yard.workspace.request("POST", "/api/2.0/wheelyard/sign-in-links", body=body).json["url"])


def _sign_in_refused(visitor: Visitor, _yard: Yard) -> None:
    visitor.context.clear_cookies()
    visitor.go("/sign-in")
    visitor.page.get_by_text("Use a personal access token instead").click()
    visitor.page.get_by_label("Personal access token").fill("no token")
    visitor.page.get_by_role("button", name="Sign in with the token").click()
    expect(visitor.page.locator(".message.error")).to_be_visible()


def _menu(visitor: Visitor, yard: Yard) -> None:
    _signed_in("/")(visitor, yard)
    visitor.page.get_by_role("banner").get_by_role("button").first.click()
    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()


def _refused(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    page.index_url.fill(f'"https://build:pa/ss@{LONG}.example.com/{LONG}/"')
    page.extras.first.fill(f"{LONG}.example.com/,{LONG}")
    page.certificate.fill(f"/etc/{LONG}/{LONG}.pem")
    page.refused()


def _checked(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    index_url, _token = yard.feed()
    page.index_url.fill(index_url)
    page.extras.first.fill(f"http://127.0.0.1:9/{LONG}/{LONG}/")
    page.extras.nth(1).fill("nonsense")
    page.check()
    for more in visitor.page.get_by_text("What was seen").all():
        more.click()


def _conflict(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    yard.client().secrets.put_secret(
        "databricks-package-management", EXTRA_INDEX_URLS_KEY, string_value=f"https://{LONG}.example.com/new/"
    )
    page.extras.first.fill(f"https://{LONG}.example.com/mine/")
    assert page.save().status == 409
    expect(visitor.page.get_by_text("somebody else saved first")).to_be_visible()


def _asks_before_deleting(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    SourcesPage(visitor).delete_button("index URL").click()
    expect(visitor.page.get_by_role("dialog")).to_be_visible()


def _restarting(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    SourcesPage(visitor)
    yard.engine.hold_starts.set()
    visitor.page.get_by_role("button", name=f"Restart {LONG}-0").click()
    expect(visitor.page.get_by_role("progressbar")).to_be_visible()


def _which_index_wins(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token)
    visitor.go(f"{PAGE}/which-index-wins")
    visitor.page.get_by_label("Command").fill(f"pip install six --index-url https://me:pass@{LONG}.example.com/{LONG}/")
    visitor.page.get_by_role("button", name="Explain").click()
    expect(visitor.page.locator(".rung").first).to_contain_text("command line")


def _no_admin(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.workspace.user()[1])
    visitor.go(PAGE)


def _session_over(visitor: Visitor, yard: Yard) -> None:
    made = yard.client().tokens.create(lifetime_seconds=600)
    visitor.sign_in(str(made.token_value))
    page = SourcesPage(visitor)
    page.index_url.fill("https://pkgs.example.com/typed/")
    assert made.token_info is not None
    yard.client().tokens.delete(str(made.token_info.token_id))
    assert page.save().status == 401
    expect(visitor.page.get_by_text("Sign in again to go on")).to_be_visible()


STATES: Mapping[str, Callable[[Visitor, Yard], None]] = {
    "sign in": _signed_out("/sign-in"),
    "sign in refused": _sign_in_refused,
    "choosing a password": _choosing_a_password,
    "a link that does not work": _signed_out("/sign-in/link?link=none"),
    "overview": _signed_in("/"),
    "menu": _menu,
    "compute settings": _signed_in("/settings/compute"),
    "repositories": _signed_in(PAGE),
    "repositories refused": _refused,
    "repositories checked": _checked,
    "repositories conflict": _conflict,
    "asks before deleting": _asks_before_deleting,
    "session over": _session_over,
    "which index wins": _which_index_wins,
    "sessions": _signed_in("/settings/sessions"),
    "no admin": _no_admin,
    "no such page": _signed_in("/nowhere"),
    "restarting": _restarting,
}
"""In an order in which no state spoils the next."""
