"""A notebook run as one HTML page: sources and outputs, escaped, without script. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["notebook_html"]


def notebook_html(name: str, cells: Sequence[Mapping[str, Any]]) -> str:
    """The page; images stand in it as data URLs."""
    body = "\n".join(_cell(cell) for cell in cells)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(name)}</title></head>\n'
        f"<body>\n<h1>{escape(name)}</h1>\n{body}\n</body>\n</html>\n"
    )


def _cell(cell: Mapping[str, Any]) -> str:
    outputs = "".join(_output(piece) for piece in cell.get("outputs", ()))
    error = f"<pre>{escape(str(cell['error']))}</pre>" if cell.get("error") else ""
    return f"<section>\n<pre><code>{escape(str(cell.get('source', '')))}</code></pre>\n{outputs}{error}\n</section>"


def _output(piece: Mapping[str, Any]) -> str:
    data = piece.get("data") or {}
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="output" src="data:{kind};base64,{escape(str(data[kind]).strip())}">'
    text = str(piece.get("text") or data.get("text/plain", ""))
    return f"<pre>{escape(text)}</pre>" if text else ""
