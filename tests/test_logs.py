"""Everything that is logged goes one way, and says of exceptions their kind and place only."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from wheelyard.core.redaction import Secret
from wheelyard.logs import configure_logging, hide_in_logs

SECRET = "not-to-be-seen-0123456789"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, hook = structlog.get_config(), threading.excepthook
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    structlog.configure(**before)
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)


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
