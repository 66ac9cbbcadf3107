"""The main job without a mouse, and the main actions without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import NARROW, WIDE, Visitor, WatchedBrowser
from tests.pages.yard import EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, PAGE, Yard

PASSWORD = "hands off the mouse today"

OUTLINED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const isMarked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const box = one.getBoundingClientRect();
  const bar = document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
  const isAboveAll = one.closest(".bar, .menu, .skip, .confirm") !== null;
  const isSeen = box.bottom > (isAboveAll ? 0 : bar) && box.top < innerHeight;
  return { name: one.outerHTML.slice(0, 120), isMarked, isSeen };
}"""


@pytest.fixture(autouse=True)
def nothing_stored(yard: Yard) -> Iterator[None]:
    yard.store()
    yield
    yard.engine.hold_starts.clear()
    yard.without_clusters()


def test_the_main_job_by_keyboard(browsers: WatchedBrowser, yard: Yard) -> None:
    name, _ = yard.another_admin()
    yard.set_password(name, PASSWORD)
    visitor = browsers.open()
    visitor.go("/sign-in")
    keyboard = visitor.page.keyboard
    assert visitor.focus_words() == "User name", "one can type at once"
    keyboard.type(name)
    visitor.press("Tab")
    keyboard.type(PASSWORD)
    visitor.press("Enter")
    expect(visitor.page.get_by_role("heading", name="Overview")).to_be_visible()

    visitor.press("Tab")
    assert visitor.focus_words() == "Skip to the content"
    visitor.tab_to(name)
    visitor.press("Enter")
    expect(visitor.page.get_by_role("link", name="Settings", exact=True)).to_be_visible()
    visitor.press("Escape")
    expect(visitor.page.get_by_role("link", name="Settings", exact=True)).to_be_hidden()
    assert name in visitor.focus_words(), "Escape gives the focus back"
    visitor.press("Space")
    visitor.tab_to("Settings", most=3)
    visitor.press("Enter")
    expect(visitor.page.get_by_role("heading", name="Compute", level=1)).to_be_visible()
    visitor.tab_to("Manage Default Package Repositories")
    visitor.press("Enter")
    visitor.page.wait_for_url(yard.host + PAGE)

    visitor.tab_to("Skip to the content", most=1)
    visitor.press("Enter")
    visitor.tab_to("Index URL")
    keyboard.type("https://pkgs.example.com/simple/")
    visitor.tab_to("Add extra index URL", most=4)
    visitor.press("Enter")
    assert visitor.focus_words() == "Extra index URL"
    keyboard.type("https://pkgs.example.com/extra/")
    with visitor.page.expect_navigation(url="**/*done=saved"):
        visitor.press("Enter")
    assert yard.stored() == {
        INDEX_URL_KEY: "https://pkgs.example.com/simple/",
        EXTRA_INDEX_URLS_KEY: "https://pkgs.example.com/extra/",
    }

    visitor.tab_to("Delete")
    visitor.press("Enter")
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert visitor.focus_words() == "Keep it", "the harmless answer has the focus"
    visitor.press("Escape")
    expect(dialog).to_be_hidden()
    assert "Delete" in visitor.focus_words()
    visitor.press("Enter")
    visitor.tab_to("Delete", most=3, key="Shift+Tab")
    with visitor.page.expect_navigation(url="**/*done=deleted"):
        visitor.press("Enter")
    assert set(yard.stored()) == {EXTRA_INDEX_URLS_KEY}


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("path", ["/", "/settings/compute", PAGE, f"{PAGE}/which-index-wins", "/settings/sessions"])
def test_the_focus_is_always_seen(browsers: WatchedBrowser, yard: Yard, path: str, width: int) -> None:
    """Through the whole page and round again: every stop is marked and lies in the window, not below the bar."""
    yard.store({INDEX_URL_KEY: "https://pkgs.example.com/simple/", EXTRA_INDEX_URLS_KEY: "https://b.example.com/"})
    visitor = browsers.open(width=width, reduced_motion=True)
    visitor.sign_in(yard.admin_token)
    visitor.go(path)
    stops: list[dict[str, object]] = []
    for _ in range(60):
        visitor.press("Tab")
        stop = visitor.page.evaluate(OUTLINED)
        if stops and (stop == stops[0] or str(stop["name"]).startswith("<body")):
            break
        assert stop["isMarked"], stop
        assert stop["isSeen"], stop
        stops.append(stop)
    assert 3 < len(stops) < 60


def test_check_by_keyboard_keeps_the_focus(admin: Visitor, yard: Yard) -> None:
    index_url, _token = yard.feed()
    page = SourcesPage(admin)
    page.index_url.fill(index_url)
    admin.page.get_by_role("button", name="Check", exact=True).focus()
    admin.press("Enter")
    expect(admin.page.locator(".result").first).to_be_visible()
    expect(admin.page.get_by_role("button", name="Check", exact=True)).to_be_enabled()
    assert admin.focus_words() == "Check"


def test_check_without_scripts(plain_admin: Visitor, yard: Yard) -> None:
    index_url, _token = yard.feed()
    page = SourcesPage(plain_admin)
    page.index_url.fill(index_url)
    check = plain_admin.page.get_by_role("button", name="Check", exact=True)
    check.click()
    expect(plain_admin.page.locator("#check")).to_contain_text("wants credentials")
    page.certificate.fill("half typed")
    check.click()
    expect(plain_admin.page.locator("#check")).to_contain_text("the Custom SSL certificate cannot be read")
    index, _extras, certificate = page.values()
    assert (index, certificate.strip()) == (index_url, "half typed")
    assert yard.stored() == {}


def test_which_index_wins_without_scripts(plain_admin: Visitor) -> None:
    page = plain_admin.page
    plain_admin.go(f"{PAGE}/which-index-wins")
    page.get_by_label("Command").fill("pip install six --index-url https://pkgs.example.com/mine/")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".rung.wins").first).to_contain_text("https://pkgs.example.com/mine/")
    expect(page.get_by_label("Command")).to_have_value("pip install six --index-url https://pkgs.example.com/mine/")


def test_restarting_without_scripts(plain_admin: Visitor, yard: Yard) -> None:
    """The page looks again by itself, by the browser's own means, until the restart is over."""
    cluster_id = yard.cluster("plain")
    yard.store({INDEX_URL_KEY: "https://pkgs.example.com/simple/"})
    SourcesPage(plain_admin)
    yard.engine.hold_starts.set()
    plain_admin.page.get_by_role("button", name="Restart plain").click()
    expect(plain_admin.page.get_by_role("progressbar")).to_be_visible()
    yard.engine.hold_starts.clear()
    yard.until(lambda: yard.state(cluster_id) == "RUNNING")
    expect(plain_admin.page.get_by_text("Restarted: it has the present value.", exact=True)).to_be_visible()


def test_the_menu_without_scripts(plain_admin: Visitor) -> None:
    plain_admin.go("/")
    plain_admin.page.get_by_role("banner").get_by_role("button").first.click()
    plain_admin.page.get_by_role("link", name="Settings", exact=True).click()
    expect(plain_admin.page.get_by_role("heading", name="Compute", level=1)).to_be_visible()
