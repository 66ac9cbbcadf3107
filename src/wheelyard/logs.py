"""Logging of the server: structured events, redacted before they are rendered."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from wheelyard.core.redaction import Redactor

__all__ = ["configure_logging", "hide_in_logs"]

_REDACTOR = Redactor()


def hide_in_logs(*secrets: Any) -> None:
    """No log line shows these values from now on."""
    _REDACTOR.add(*secrets)


def configure_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """One line an event on the stream: readable on a terminal, JSON otherwise."""
    terminal = stream.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def _redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    redacted: MutableMapping[str, Any] = _REDACTOR.redact_json(dict(event))
    return redacted
