"""What a person typed: the fields and files of one form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

__all__ = ["NO_FORM", "Form", "UploadedFile"]


class UploadedFile(msgspec.Struct, frozen=True):
    """A file that was chosen."""

    name: str
    content: bytes


class _Packed(msgspec.Struct, frozen=True):
    fields: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, UploadedFile], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """Fields in the order of the page. It may hold secrets, so it has no printed form."""

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, UploadedFile], ...] = ()

    def __repr__(self) -> str:
        return f"Form({len(self.fields)} fields, {len(self.files)} files)"

    def __bool__(self) -> bool:
        return bool(self.fields or self.files)

    def text(self, name: str) -> str:
        """The first field of this name, lines ended by a line feed; empty when there is none."""
        return next(iter(self.texts(name)), "")

    def texts(self, name: str) -> list[str]:
        """Every field of this name."""
        return [value.replace("\r\n", "\n") for field, value in self.fields if field == name]

    def file(self, name: str) -> UploadedFile | None:
        """The chosen file of this name; a file field that was left alone counts as absent."""
        return next((file for field, file in self.files if field == name and (file.name or file.content)), None)

    def names(self) -> Iterator[str]:
        """Names of the fields, as often as they occur."""
        return (name for name, _ in self.fields)

    def without(self, names: Iterable[str]) -> Form:
        """The form without these fields."""
        dropped = frozenset(names)
        return Form(tuple(field for field in self.fields if field[0] not in dropped), self.files)

    def packed(self) -> bytes:
        """As bytes, to be sealed; `unpacked` reads them."""
        return msgspec.msgpack.encode(_Packed(self.fields, self.files))

    @classmethod
    def unpacked(cls, content: bytes) -> Form:
        """What `packed` wrote."""
        packed = msgspec.msgpack.decode(content, type=_Packed)
        return cls(packed.fields, packed.files)


NO_FORM = Form()
