"""Everything that is logged goes one way, and says of exceptions their kind and place only."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.names import ScopeName
from wheelyard.core.redaction import Redactor, Secret
from wheelyard.logs import configure_logging, hide_in_logs

SECRET = "not-to-be-seen-0123456789"


@contextmanager
def configured() -> Iterator[io.StringIO]:
    before, hook = structlog.get_config(), threading.excepthook
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    try:
        yield stream
    finally:
        structlog.configure(**before)
        root.handlers[:], threading.excepthook = handlers, hook
        root.setLevel(level)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with configured() as stream:
        yield stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    raise ValueError(f"a value: {SECRET}")


@pytest.mark.parametrize("name", ["wheelyard.control.jobs", "uvicorn.error", "sqlalchemy.pool"])
def test_an_exception_of_anybody_is_logged_without_its_text(stream: io.StringIO, name: str) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger(name).exception("%s was given up", "it")
    [event] = events(stream)
    assert (event["event"], event["logger"], event["level"]) == ("it was given up", name, "error")
    assert event["cause"].startswith("builtins.ValueError at ")
    assert SECRET not in stream.getvalue()


def test_what_is_hidden_and_every_url_is_masked_in_the_standard_log_too(stream: io.StringIO) -> None:
    hide_in_logs(Secret(SECRET))
    logging.getLogger("wheelyard.feed").warning("saw %s at https://u:%s@h.example/", SECRET, "another-one")
    assert events(stream)[0]["event"] == "saw [REDACTED] at https://u:****@h.example/"


@pytest.mark.parametrize(
    "value",
    [
        Path(SECRET),
        {"in": (SECRET, [SECRET.encode()])},
        SECRET.encode(),
        ValueError(SECRET),
        Secret(SECRET),
        type("Odd", (str,), {})(SECRET),
        {Path(SECRET): 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_any_kind_is_looked_at_as_it_is_shown(stream: io.StringIO, value: object) -> None:
    hide_in_logs(Secret(SECRET))
    structlog.get_logger("wheelyard").info("said", value=value)
    assert len(events(stream)) == 1
    assert SECRET not in stream.getvalue()
    assert base64.b64encode(SECRET.encode()).decode() not in stream.getvalue()


def test_a_parsed_name_is_shown_as_the_text_it_is(stream: io.StringIO) -> None:
    structlog.get_logger("wheelyard").info("said", scope=ScopeName("team-a"))
    assert events(stream)[0]["scope"] == "team-a"


def test_half_a_character_is_logged(stream: io.StringIO) -> None:
    structlog.get_logger("wheelyard").info("said \ud800", value="\udfff")
    assert events(stream)[0]["value"] == "\udfff"


def test_a_thread_that_dies_is_logged_the_same_way(stream: io.StringIO) -> None:
    thread = threading.Thread(target=fail, name="doomed")
    thread.start()
    thread.join()
    [event] = events(stream)
    assert event["event"] == "thread doomed died"
    assert SECRET not in stream.getvalue()


def test_libraries_do_not_chatter(stream: io.StringIO) -> None:
    logging.getLogger("httpx").info("GET https://token@h.example")
    logging.getLogger("wheelyard.feed").info("heard")
    assert [event["event"] for event in events(stream)] == ["heard"]


def test_a_record_that_cannot_be_formatted_is_logged_as_it_is(stream: io.StringIO) -> None:
    [passing] = [one for one in logging.getLogger().handlers if type(one).__module__ == "wheelyard.logs"]
    passing.handle(logging.LogRecord("wheelyard", logging.WARNING, __file__, 1, "%d files", ("three",), None))
    assert events(stream)[0]["event"] == "%d files"


@given(st.lists(st.sampled_from([SECRET, "a", "\n", "://", "u:pw@", "host/", "****", "it's", " "]), max_size=12))
def test_a_line_is_redacted_as_its_texts_are_one_by_one(pieces: list[str]) -> None:
    """Looking at all texts of a line in one pass lets nothing through."""
    cut = len(pieces) // 2
    texts = {"event": "".join(pieces[:cut]), "more": "".join(pieces[cut:])}
    hide_in_logs(Secret(SECRET))
    with configured() as stream:
        structlog.get_logger().info(**texts)
    seen = events(stream)[0]
    assert {name: seen[name] for name in texts} == Redactor([Secret(SECRET)]).redact_json(texts)
