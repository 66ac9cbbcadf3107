"""Templates to bytes, and the headers that every page leaves with.

Every value is escaped by the template engine; a template that names a value nobody gave fails instead of showing
nothing. The policy lets scripts, styles and pictures come from this workspace only: no inline script, no inline style,
no frame around us, forms that post to us alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from wheelyard.core.redaction import mask_urls
from wheelyard.pages.assets import asset_path

__all__ = ["HEADERS", "render"]

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        # Not `no-referrer`: with that, browsers call the origin of our own forms `null`.
        "Referrer-Policy": "same-origin",
        "Vary": "Cookie, HX-Request",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)


def _when(milliseconds: int) -> str:
    """`20 November 2026, 21:10 UTC`."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


_CODE = re.compile(r"`([^`]+)`")


def _coded(text: str) -> Markup:
    """Text of ours, escaped, in which `backticks` mark names: those become code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 # escaped before


def _sentence(text: str) -> str:
    """A clause as a sentence: a capital letter, a full stop. A name that stands first keeps its spelling."""
    text = text.strip()
    first = text.partition(" ")[0]
    is_word = first.isalpha() and first not in {"pip", "uv"}
    return (text[:1].upper() if is_word else text[:1]) + text[1:] + ("" if text[-1:] in ".!?…" else ".")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("wheelyard.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset_path
    environment.filters.update(
        coded=_coded,
        iso=_iso,
        masked=lambda value: mask_urls(str(value)),
        plural=_plural,
        sentence=_sentence,
        when=_when,
    )
    return environment


_ENVIRONMENT = _environment()


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """The template with these values."""
    return _ENVIRONMENT.get_template(template).render(values).encode()
