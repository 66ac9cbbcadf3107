"""Which index wins: the page draws what `wheelyard explain` prints, for a cluster, serverless and a pasted command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.pages.watched_browser import Visitor
from tests.pages.yard import EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, PAGE, Yard, fresh_token

MINE = "https://mine.example.com/simple/"
HIDDEN = "https://a:hidden-8c1f@mine.example.com/"
WINS = f"{PAGE}/which-index-wins"


@pytest.fixture
def cluster(yard: Yard) -> Iterator[str]:
    yard.store(
        {
            INDEX_URL_KEY: f"https://build:{fresh_token()}@pkgs.example.com/simple/",
            EXTRA_INDEX_URLS_KEY: f"https://build:{fresh_token()}@pkgs.example.com/extra/",
        }
    )
    yield yard.cluster(
        "etl-nightly",
        spark_env_vars={"DATABRICKS_PIP_INDEX_URL": f"https://me:{fresh_token()}@cluster.example.com/simple/"},
    )
    yard.without_clusters()


COMMANDS: dict[str, tuple[str, ...]] = {
    "": (),
    "%pip install six": ("install", "six"),
    f"%pip install six --index-url {MINE}": ("install", "six", "--index-url", MINE),
    "python -m pip install --no-index six": ("install", "--no-index", "six"),
    f"!pip3 install six --extra-index-url={HIDDEN}": ("install", "six", f"--extra-index-url={HIDDEN}"),
}
"""Pasted commands, and the words that `wheelyard explain` takes for them."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("on", ["serverless", "cluster"])
def test_the_page_draws_what_the_command_prints(
    admin: Visitor, wheelyard: Callable[..., str], cluster: str, on: str, command: str
) -> None:
    target = ("--serverless",) if on == "serverless" else ("--cluster", cluster)
    printed = json.loads(wheelyard("explain", *target, "--output", "json", "--", *COMMANDS[command]))
    shown = explained(admin, "serverless" if on == "serverless" else cluster, command)
    assert shown == as_drawn(printed)
    assert "hidden-8c1f" not in "".join(admin.received)
    for layer, rung in zip(printed["layers"], admin.page.locator(".rung").all(), strict=True):
        assert ("wins" in (rung.get_attribute("class") or "").split()) == layer["wins"]


def test_uv_is_asked_as_uv(admin: Visitor, wheelyard: Callable[..., str], cluster: str) -> None:
    printed = json.loads(
        wheelyard(
            "explain", "--cluster", cluster, "--installer", "uv", "--output", "json", "--", "pip", "install", "six"
        )
    )
    assert explained(admin, cluster, "uv pip install six") == as_drawn(printed)


def test_without_any_layer_it_is_the_public_index(admin: Visitor, yard: Yard) -> None:
    yard.store()
    shown = explained(admin, "serverless", "")
    assert shown["layers"] == []
    expect(admin.page.locator("#answer")).to_contain_text("the public index")
    expect(admin.page.get_by_text("No layer sets anything")).to_be_visible()


@pytest.mark.parametrize(
    ("command", "words"),
    [("pip install 'six", "a quotation mark is not closed"), ("x" * 20_001, "longer than 20,000 characters")],
    ids=["open quotation", "much too long"],
)
def test_a_command_that_cannot_be_read(admin: Visitor, command: str, words: str) -> None:
    admin.go(WINS)
    admin.page.get_by_label("Command").evaluate("(area, text) => { area.value = text; }", command)
    admin.page.get_by_role("button", name="Explain").press("Enter")
    expect(admin.page.locator("#answer .message.error")).to_contain_text(words)
    expect(admin.page.get_by_label("Command")).to_have_value(command)


def test_a_cluster_that_is_gone(admin: Visitor, yard: Yard, cluster: str) -> None:
    admin.go(WINS)
    admin.page.get_by_label("On", exact=True).select_option(cluster)
    yard.without_clusters()
    admin.page.get_by_role("button", name="Explain").press("Enter")
    expect(admin.page.locator("#answer .message.error")).to_contain_text(cluster)


def explained(visitor: Visitor, compute: str, command: str) -> dict[str, Any]:
    """Ask the page, and read its answer as a person does."""
    visitor.go(WINS)
    visitor.page.get_by_label("On", exact=True).select_option(compute)
    visitor.page.get_by_label("Command").fill(command)
    with visitor.page.expect_response(lambda answer: answer.request.method == "POST"):
        visitor.page.get_by_role("button", name="Explain").press("Enter")
    expect(visitor.page.locator("#ask button[aria-disabled]")).to_have_count(0)
    rungs = visitor.page.locator(".rung")
    return {
        "title": visitor.texts("#answer-title")[0],
        "layers": [
            {
                "wins": rung.locator(".badge").inner_text() == "wins",
                "origin": rung.locator(".origin strong").inner_text(),
                "option": rung.locator(".origin .muted").inner_text(),
                "value": rung.locator(".value").inner_text().replace("`", ""),
                "why": " ".join(rung.locator(".why").all_inner_texts()) or "wins",
            }
            for rung in rungs.all()
        ],
        "warnings": len(visitor.texts("#answer .message")),
        "index": visitor.page.locator("#answer dl dd .mono").first.inner_text(),
    }


def as_drawn(printed: dict[str, Any]) -> dict[str, Any]:
    """What the page should say for `explain --output json`; code is set as code there, without its marks."""
    index = printed["index_url"] or "none is asked"
    return {
        "title": f"{printed['compute']}, {printed['installer']}",
        "layers": [
            {
                "wins": layer["wins"],
                "origin": layer["origin"].replace("`", ""),
                "option": layer["option"],
                "value": layer["value"].replace("`", ""),
                "why": layer["why"].replace("`", "") or "wins",
            }
            for layer in printed["layers"]
        ],
        "warnings": len(printed["warnings"]),
        "index": "the public index" if index == "public index" else index,
    }
