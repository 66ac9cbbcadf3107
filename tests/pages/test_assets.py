"""Templates, style sheet and scripts as files: what the policy forbids stands in none, and every colour can be read."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from importlib.resources import files
from itertools import product

import pytest
from tests.pages.plain_browser import SignInSite, served

from wheelyard.pages.assets import ASSETS, asset_path

TEMPLATES = {
    entry.name: entry.read_text()
    for entry in files("wheelyard.pages").joinpath("templates").iterdir()
    if entry.is_file()
}
STYLE = files("wheelyard.pages").joinpath("static", "style.css").read_text()
SCRIPT = files("wheelyard.pages").joinpath("static", "pages.js").read_text()


# -- what the content security policy would stop


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_template_holds_script_or_style(name: str) -> None:
    text = re.sub(r"{#.*?#}", "", TEMPLATES[name], flags=re.DOTALL)
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"hx-on|hx-vals\s*=\s*[\"']js:|hx-headers\s*=\s*[\"']js:|javascript:", text)
    assert "<style" not in text
    assert all(" src=" in opening for opening in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_only_our_own_pictures_are_not_escaped(name: str) -> None:
    kept = [line for line in TEMPLATES[name].splitlines() if re.search(r"\|\s*safe\b", line)]
    assert name == "_icons.html" or not kept
    assert "autoescape" not in TEMPLATES[name]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_form_that_posts_holds_its_token(name: str) -> None:
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", TEMPLATES[name], flags=re.DOTALL):
        assert "csrf_input()" in form or "kept()" in form, form[:120]


def test_nothing_comes_from_elsewhere() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    for text in (*TEMPLATES.values(), SCRIPT):
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text)
    assert not re.search(r"\b(?:eval|Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b(?!\")", SCRIPT)


def test_htmx_is_told_to_keep_to_the_policy() -> None:
    found = re.search(r"<meta name=\"htmx-config\" content='([^']*)'>", TEMPLATES["base.html"])
    assert found
    told = json.loads(found[1])
    assert told["includeIndicatorStyles"] is False
    assert told["allowEval"] is False
    assert told["allowScriptTags"] is False
    assert told["selfRequestsOnly"] is True
    assert told["historyCacheSize"] == 0
    swaps = [rule for rule in told["responseHandling"] if re.fullmatch(rule["code"], "422")]
    assert swaps[0]["swap"] is True


def test_every_icon_that_is_named_is_drawn() -> None:
    drawn = set(re.findall(r'^  "([a-z]+)":', TEMPLATES["_icons.html"], flags=re.MULTILINE))
    named = {name for text in TEMPLATES.values() for name in re.findall(r"icon\(\"([a-z]+)\"\)", text)}
    assert named <= drawn


# -- how they are served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignInSite]:
    with served(SignInSite(tmp_path_factory.mktemp("site"))) as site:
        yield site


def test_a_page_names_its_assets_and_they_are_there(site: SignInSite) -> None:
    html = site.browser().get("/sign-in").html
    for name, media_type in (
        ("style.css", "text/css; charset=utf-8"),
        ("pages.js", "text/javascript; charset=utf-8"),
        ("htmx.min.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ):
        path = asset_path(name)
        assert f'"{path}"' in html
        with urllib.request.urlopen(site.url + path, timeout=30) as answer:
            assert answer.headers["content-type"] == media_type
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.read() == ASSETS[name].content


def test_a_page_leaves_with_its_policy(site: SignInSite) -> None:
    for path in ("/sign-in", "/sign-in/link", "/"):
        headers = site.browser().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


# -- colours


def _colours() -> dict[str, tuple[str, str]]:
    return {
        name: (light, dark) for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)
    }


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


_GROUNDS = ("paper", "card", "sunk", "accent-soft", "good-soft", "warn-soft", "bad-soft")
_READ = [
    *product(("ink", "soft"), _GROUNDS),
    *product(("accent", "accent-strong", "good", "warn", "bad"), ("paper", "card", "sunk")),
    ("accent-strong", "accent-soft"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
    ("bad", "bad-soft"),
    ("bad-strong", "bad-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-bad", "bad"),
    ("on-bad", "bad-strong"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), _READ)
def test_text_can_be_read(text: str, ground: str, theme: int) -> None:
    colours = _colours()
    assert _contrast(colours[text][theme], colours[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), [*product(("edge", "accent", "bad"), ("card", "paper", "sunk"))])
def test_what_can_be_filled_in_can_be_seen(line: str, ground: str, theme: int) -> None:
    colours = _colours()
    assert _contrast(colours[line][theme], colours[ground][theme]) >= 3
