"""Bodies of API 1.2: camelCase everywhere."""

from __future__ import annotations

import msgspec

from wheelyard.control.operation import Empty

__all__ = ["Empty"]


class CreateContext(msgspec.Struct, rename="camel"):
    cluster_id: str
    language: str


class OnContext(msgspec.Struct, rename="camel"):
    cluster_id: str
    context_id: str


class Execute(msgspec.Struct, rename="camel"):
    cluster_id: str
    context_id: str
    language: str
    command: str


class OnCommand(msgspec.Struct, rename="camel"):
    cluster_id: str
    context_id: str
    command_id: str


class Created(msgspec.Struct):
    id: str


class ContextState(msgspec.Struct):
    id: str
    status: str


class Results(msgspec.Struct, rename="camel", omit_defaults=True):
    """`data` is text.

    `cause` and `summary` belong to an error; `file_name` and `file_names` to images, as data URLs.
    """

    result_type: str
    data: str | None = None
    cause: str | None = None
    summary: str | None = None
    file_name: str | None = None
    file_names: list[str] | None = None
    truncated: bool = False

    @property
    def size(self) -> int:
        """Characters of its texts."""
        texts = (self.data, self.cause, self.summary, self.file_name, *(self.file_names or ()))
        return sum(len(text) for text in texts if text)


class CommandState(msgspec.Struct, omit_defaults=True):
    id: str
    status: str
    results: Results | None = None
