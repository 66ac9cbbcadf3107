"""Logging of the server: structured events, redacted before they are rendered.

Whatever libraries and threads report through Python's own logging takes the same way: there is no second one, on which
a traceback could quote what it met.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from wheelyard.core.causes import cause_of
from wheelyard.core.redaction import Redactor

__all__ = ["configure_logging", "hide_in_logs"]

_REDACTOR = Redactor()
_OURS = "wheelyard"
_PLAIN = frozenset({str, int, float, bool, type(None)})


def hide_in_logs(*secrets: Any) -> None:
    """No log line shows these values from now on."""
    _REDACTOR.add(*secrets)


def configure_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """One line an event on the stream: readable on a terminal, JSON otherwise.

    Args:
        level: least severe lines of ours; of libraries only warnings are logged, and worse.
        stream: where lines go.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    terminal = stream.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(_as_json)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _Stamper(),
            _cause,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _take_over_standard_logging(least)


class _Stamper:
    """When it happened, in UTC as ISO 8601. The text of a second is made once."""

    def __init__(self) -> None:
        self._made = (0, "")

    def __call__(self, _logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        second, rest = divmod(time.time_ns(), 1_000_000_000)
        made = self._made
        if made[0] != second:
            made = self._made = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        event["timestamp"] = f"{made[1]}.{rest // 1000:06d}Z"
        return event


def _as_json(event: dict[str, Any], **_options: object) -> str:
    try:
        return msgspec.json.encode(event).decode()
    except UnicodeEncodeError:  # half a character, which UTF-8 cannot say
        return json.dumps(event)


class _Passing(logging.Handler):
    """Passes what is logged the standard way on to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        more = {"exc_info": record.exc_info} if record.exc_info and record.exc_info[1] else {}
        structlog.get_logger().log(record.levelno, text, logger=record.name, **more)


def _take_over_standard_logging(least: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Passing)]:
        root.removeHandler(handler)
    root.addHandler(_Passing())
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(least)
    threading.excepthook = _thread_died


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is not None and not isinstance(died.exc_value, SystemExit):
        name = died.thread.name if died.thread else "unknown"
        logging.getLogger(_OURS).error("thread %s died", name, exc_info=died.exc_value)


def _cause(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Exceptions as their kind and place: their text may quote a value."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["cause"] = cause_of(error)
    return event


def _shown(value: object) -> str:
    return str(value) if isinstance(value, str) else repr(value)


def _redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Look at all texts in one pass; only where that finds something, at each by itself. Names of fields are ours.

    Whatever is no text becomes the text that is rendered before anybody looks, so that nothing is hidden in a value.

    A line break between two of them is in no name, no scheme and no user-info, so a URL in one ends there; a secret of
    several lines that two of them happen to make is hidden needlessly.
    """
    if set(map(type, event.values())) <= _PLAIN:
        together = "\n".join([value for value in event.values() if type(value) is str])
        if _REDACTOR.redact(together) == together:
            return event
    shown = msgspec.to_builtins(dict(event), enc_hook=_shown, str_keys=True)
    redacted: MutableMapping[str, Any] = _REDACTOR.redact_json(shown)
    return redacted
