"""Looking for a token everywhere it must not be, in every form it could take.

This search shares nothing with the redactor it checks: it is a plain substring search for the encodings below, and it
proves itself first on a file that does hold the token.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from wheelyard.core.redaction import Secret

__all__ = ["Leak", "command_lines", "forms_of", "search"]


@dataclass(frozen=True, slots=True)
class Leak:
    """Where a form of the token was found; the token itself is not repeated."""

    place: str
    form: str


def forms_of(token: Secret[str], user: str) -> dict[str, bytes]:
    """The token as it could be written: plain, percent-encoded, hex, reversed, base64 at each alignment, Basic."""
    plain = token.reveal().encode()
    forms = {
        "plain": plain,
        "percent-encoded": quote(token.reveal(), safe="").encode(),
        "all percent-encoded": "".join(f"%{byte:02X}" for byte in plain).encode(),
        "hex": plain.hex().encode(),
        "reversed": plain[::-1],
        "Basic": base64.b64encode(f"{user}:".encode() + plain),
    }
    for shift in range(3):
        for name, encode in (("base64", base64.b64encode), ("URL-safe base64", base64.urlsafe_b64encode)):
            whole = encode(b"\0" * shift + plain)
            first = 4 if shift else 0
            forms[f"{name}, shifted by {shift}"] = whole[first : len(whole) // 4 * 4 - 4]
    return forms


def search(forms: Mapping[str, bytes], places: Iterable[tuple[str, bytes]]) -> Iterator[Leak]:
    """Every place that holds a form."""
    for place, content in places:
        for name, needle in forms.items():
            if needle in content:
                yield Leak(place, name)


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every readable file, path relative to the folder, with its content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                yield str(path.relative_to(folder)), path.read_bytes()
            except OSError:
                continue


def command_lines() -> Iterator[tuple[str, bytes]]:
    """Arguments of every process this user may see; other users of a machine see them too."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield f"command line of process {process.name}", (process / "cmdline").read_bytes()
        except OSError:
            continue
