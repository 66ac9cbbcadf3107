"""How a cell's end becomes the results of a command. Pure."""

from __future__ import annotations

from wheelyard.compute.engine import CellResult, Output
from wheelyard.control.command_execution.wire import Results

__all__ = ["LONGEST_TEXT", "broken", "results_of"]

LONGEST_TEXT = 5 * 1024 * 1024
"""Characters of text a command answers; the rest is cut off and `truncated` says so."""

_IMAGES = ("image/png", "image/jpeg")


def results_of(cell: CellResult) -> Results:
    """An error with its traceback, images as data URLs, or text.

    Source: databricks-sdk-py `compute.Results`; facts/workspace-api.md 9.
    """
    if cell.status == "error":
        return Results("error", cause=cell.traceback or cell.text, summary=f"{cell.error_name}: {cell.error_value}")
    text = cell.text if cell.exit_value is None else f"{cell.text}Notebook exited: {cell.exit_value}"
    images = [url for piece in cell.outputs for url in _image_urls(piece)]
    kept, truncated = text[:LONGEST_TEXT], len(text) > LONGEST_TEXT
    if len(images) == 1:
        return Results("image", data=kept or None, file_name=images[0], truncated=truncated)
    if images:
        return Results("images", data=kept or None, file_names=images, truncated=truncated)
    return Results("text", data=kept, truncated=truncated)


def broken(text: str) -> Results:
    """The results of a command that could not be run at all."""
    return Results("error", cause=text, summary=text.partition("\n")[0])


def _image_urls(piece: Output) -> list[str]:
    return [f"data:{kind};base64,{str(piece.data[kind]).strip()}" for kind in _IMAGES if kind in piece.data]
