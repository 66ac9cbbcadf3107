"""Every page in every state: 360 pixels wide, light and dark, for a screen reader, for who wants no motion."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.pages.sources_page import SourcesPage
from tests.pages.states_to_look_at import STATES, store_much
from tests.pages.watched_browser import NARROW, WIDE, Visitor, WatchedBrowser
from tests.pages.yard import PAGE, Yard

MOVES = """
() => document.getAnimations().filter((one) => {
  const timing = one.effect.getComputedTiming();
  const isSpinner = one.effect.target.classList.contains("spinner");
  return one.playState === "running" && !isSpinner && timing.duration > 1;
}).map((one) => `${one.effect.target.tagName}.${one.effect.target.className}`)
"""


@pytest.fixture(autouse=True)
def much(yard: Yard) -> Iterator[None]:
    store_much(yard)
    yield
    yard.engine.hold_starts.clear()


@pytest.mark.parametrize("state", STATES)
def test_looks(browsers: WatchedBrowser, yard: Yard, state: str) -> None:
    """Reached once; looked at narrow, light and dark, and wide."""
    visitor = browsers.open(width=NARROW, reduced_motion=True)  # so that colours change at once
    STATES[state](visitor, yard)
    visitor.fits()
    visitor.is_accessible()
    visitor.page.emulate_media(color_scheme="dark")
    visitor.is_accessible()
    visitor.page.set_viewport_size({"width": WIDE, "height": 900})
    visitor.fits()
    assert visitor.page.title().endswith(" · Wheelyard")
    assert visitor.page.locator("h1").count() == 1
    assert visitor.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("state", ["repositories", "restarting", "repositories checked"])
def test_nothing_moves_for_who_wants_no_motion(browsers: WatchedBrowser, yard: Yard, state: str) -> None:
    visitor = browsers.open(reduced_motion=True)
    STATES[state](visitor, yard)
    assert visitor.page.evaluate(MOVES) == []
    visitor.page.get_by_role("banner").get_by_role("button").first.click()
    assert visitor.page.evaluate(MOVES) == []


@pytest.mark.parametrize("how", ["scripts", "no scripts"])
def test_the_theme_is_chosen_and_stays(browsers: WatchedBrowser, yard: Yard, how: str) -> None:
    visitor = browsers.open(java_script=how == "scripts")
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    page.index_url.fill("https://pkgs.example.com/half-typed/")
    light = background(visitor)
    choose_theme(visitor, "Dark")
    expect(visitor.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(visitor) != light
    if how == "scripts":
        expect(page.index_url).to_have_value("https://pkgs.example.com/half-typed/")
        visitor.is_accessible()
    assert visitor.path == PAGE
    visitor.go("/settings/sessions")
    expect(visitor.page.locator("html")).to_have_attribute("data-theme", "dark")
    visitor.context.clear_cookies(name=visitor.cookie()["name"])
    visitor.go("/sign-in")
    expect(visitor.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_dark_may_be_the_systems_wish_and_light_the_persons(browsers: WatchedBrowser, yard: Yard) -> None:
    visitor = browsers.open(dark=True)
    visitor.sign_in(yard.admin_token)
    visitor.go("/")
    dark = background(visitor)
    choose_theme(visitor, "Light")
    expect(visitor.page.locator("html")).to_have_attribute("data-theme", "light")
    assert background(visitor) != dark


def test_what_a_screen_reader_finds(admin: Visitor) -> None:
    page = SourcesPage(admin)
    expect(admin.page.locator("main")).to_match_aria_snapshot("""
        - main:
          - navigation "Settings":
            - list:
              - listitem:
                - link "Compute"
              - listitem:
                - link "Sign-in and sessions"
          - heading "Default Package Repositories" [level=1]
          - textbox "Index URL"
          - group /Extra index URLs/:
            - list:
              - listitem:
                - textbox "Extra index URL"
                - button "Remove this extra index URL"
            - button "Add extra index URL"
          - textbox /Custom SSL certificate/
          - button "Or take it from a file"
          - button "Save"
          - button "Check"
          - textbox "with project"
          - region "Check":
            - heading "Check" [level=2]
          - region "Running clusters with an old value":
            - heading "Running clusters with an old value" [level=2]
            - list:
              - listitem:
                - button /^Restart a-rather-long-name/
          - region "When a change applies":
            - heading "When a change applies" [level=2]
          - region "Who changed what, and when":
            - heading "Who changed what, and when" [level=2]
            - list
    """)
    described = page.index_url.evaluate(
        "one => one.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id) !== null)"
    )
    assert described
    assert all(described), "each description is there"


def test_what_a_screen_reader_is_told(admin: Visitor) -> None:
    """What changes without a new page is announced: live regions, and the focus on what is wrong."""
    page = SourcesPage(admin)
    live = admin.page.locator("#live")
    rows = page.extras.count()
    with admin.page.expect_response(lambda answer: answer.url.endswith("/hints")):
        page.add_row()
    expect(live).to_have_text("Extra index URL added")
    expect(page.extras.nth(rows)).to_be_focused()
    admin.page.get_by_role("button", name="Remove this extra index URL").nth(rows).click()
    expect(live).to_contain_text("Extra index URL removed")
    page.index_url.fill("nonsense")
    page.refused()
    expect(admin.page.get_by_role("alert").filter(has_text="Not saved.")).to_be_visible()
    expect(page.index_url).to_be_focused()
    expect(page.index_url).to_have_attribute("aria-invalid", "true")
    told = admin.page.locator("#index-url-messages")
    expect(told).to_have_attribute("aria-live", "polite")
    expect(told).to_contain_text("Error:")
    expect(admin.page.locator("#check")).to_have_attribute("aria-live", "polite")
    expect(admin.page.get_by_role("progressbar")).to_have_count(0)
    admin.page.get_by_role("button", name="Restart").first.click()
    expect(admin.page.locator("#clusters")).to_contain_text("Restarted")


def test_the_restart_button_names_its_cluster_and_keeps_the_focus(admin: Visitor, yard: Yard) -> None:
    SourcesPage(admin)
    yard.engine.hold_starts.set()
    button = admin.page.get_by_role("button", name="Restart").first
    button.press("Enter")
    expect(admin.page.get_by_role("progressbar")).to_be_visible()
    label = admin.page.get_by_role("progressbar").get_attribute("id")
    assert admin.page.locator(f"label[for={label}]").count() == 1
    assert admin.page.evaluate("document.activeElement !== document.body"), "the focus is not lost"


def choose_theme(visitor: Visitor, words: str) -> None:
    visitor.page.get_by_role("banner").get_by_role("button").first.click()
    visitor.page.get_by_role("button", name=words, exact=True).click()


def background(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
