"""uv.toml, and the `[tool.uv]` table of pyproject.toml, as layers."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from wheelyard.core.pip.layer import Layer, LayerKind, Refusal, Setting
from wheelyard.core.redaction import Secret

__all__ = ["parse_uv_toml"]

_FOLLOWED = ("index-url", "extra-index-url", "find-links", "no-index", "index-strategy", "allow-insecure-host")


def parse_uv_toml(
    text: str, origin: str, kind: LayerKind, *, in_pyproject: bool = False, position: int = 0
) -> Layer | None:
    r"""Read one uv settings file; None for a pyproject.toml without `[tool.uv]`. `${NAME}` is not expanded.

    >>> text = '[[index]]\nname = "ours"\nurl = "https://h/simple"\ndefault = true'
    >>> layer = parse_uv_toml(text, "uv.toml", LayerKind.UV_USER_FILE)
    >>> [(setting.name, setting.text.reveal()) for setting in layer.settings]
    [('default-index', 'ours=https://h/simple')]

    Source: facts/packaging.md B1.
    """
    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if in_pyproject:
            return None
        return Layer(
            kind, origin, position=position, refusal=Refusal(2, f"Failed to parse `{origin}`: {_place(error)}", origin)
        )
    if in_pyproject:
        table = table.get("tool", {}).get("uv")
        if table is None:
            return None
    settings = (*_settings(table, "global", origin), *_settings(table.get("pip", {}), "pip", origin))
    return Layer(kind, origin, settings, position)


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Where it went wrong without what stands there, which may be a credential."""
    _, _, place = str(error).rpartition("(")
    return f"TOML cannot be read ({place}" if place.endswith(")") else "TOML cannot be read"


def _settings(table: Mapping[str, Any], section: str, origin: str) -> Iterator[Setting]:
    where = origin if section == "global" else f"{origin} [{section}]"
    for index in table.get("index", ()):
        if isinstance(index, dict) and isinstance(index.get("url"), str):
            name = "default-index" if index.get("default") else "explicit-index" if index.get("explicit") else "index"
            text = f"{index['name']}={index['url']}" if index.get("name") else index["url"]
            yield Setting(name, Secret(text), section, f"{where} [[index]]")
    for name in _FOLLOWED:
        value = table.get(name)
        if value is not None:
            for text in value if isinstance(value, list) else [value]:
                yield Setting(name, Secret(_text(text)), section, f"{where} {name}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
