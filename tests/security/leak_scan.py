"""Finds secrets in files. Written apart from the product's redactor on purpose: it must not share its blind spots."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

import ahocorasick_rs

__all__ = ["Exemption", "Finding", "scan"]

_CHUNK = 16 * 1024 * 1024


@dataclass(frozen=True)
class Exemption:
    """Files that hold a secret because that is what they are for."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """Where a secret was found. It is named by a fingerprint, so that a report can be shown."""

    path: str
    offset: int
    form: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.path}: secret {self.fingerprint}, {self.form}, at byte {self.offset}"


def scan(paths: Iterable[Path], secrets: Iterable[bytes], exemptions: Sequence[Exemption] = ()) -> list[Finding]:
    """Look for every form of every secret in files and, recursively, folders. One finding a file, secret and form."""
    forms = _forms(secrets)
    if not forms:
        return []
    needles = sorted(forms)
    automaton = ahocorasick_rs.BytesAhoCorasick(needles)
    found: dict[tuple[str, str, str], Finding] = {}
    for path in _files(paths):
        if any(fnmatch.fnmatch(str(path), exemption.pattern) for exemption in exemptions):
            continue
        for offset, needle in _matches(path, automaton, needles):
            form, fingerprint = forms[needle]
            found.setdefault((str(path), form, fingerprint), Finding(str(path), offset, form, fingerprint))
    return list(found.values())


def _forms(secrets: Iterable[bytes]) -> Mapping[bytes, tuple[str, str]]:
    forms: dict[bytes, tuple[str, str]] = {}
    for secret in secrets:
        fingerprint = hashlib.sha256(secret).hexdigest()[:8]
        for form, text in _written(secret):
            if len(text) >= 8:
                forms.setdefault(text, (form, fingerprint))
    return forms


def _written(secret: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", secret
    yield "hex", binascii.hexlify(secret)
    yield "hex", binascii.hexlify(secret).upper()
    yield "reversed", secret[::-1]
    yield "UTF-16", secret.decode("latin-1").encode("utf-16-le")
    percent = quote_from_bytes(secret, safe="")
    yield "percent-encoded", percent.encode()
    yield "percent-encoded", percent.lower().encode() if percent.lower() != secret.decode("latin-1").lower() else secret
    yield "percent-encoded throughout", "".join(f"%{byte:02X}" for byte in secret).encode()
    yield "JSON", json.dumps(secret.decode("utf-8", "replace"))[1:-1].encode()
    yield "repr", repr(secret)[2:-1].encode()
    for shift in range(3):
        inside = base64.b64encode(bytes(shift) + secret)[shift + (shift > 0) : (shift + len(secret)) * 4 // 3]
        yield f"base64, shifted by {shift}", inside
        yield f"base64, shifted by {shift}", inside.translate(bytes.maketrans(b"+/", b"-_"))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (found for found in sorted(path.rglob("*")) if found.is_file() and not found.is_symlink())
        elif path.is_file():
            yield path


def _matches(
    path: Path, automaton: ahocorasick_rs.BytesAhoCorasick, needles: Sequence[bytes]
) -> Iterator[tuple[int, bytes]]:
    longest = max(map(len, needles))
    kept, position = b"", 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                data = kept + chunk
                for number, start, _end in automaton.find_matches_as_indexes(data, overlapping=True):
                    yield position - len(kept) + start, needles[number]
                kept = data[-longest:]
                position += len(chunk)
    except OSError:
        return  # gone in the meantime, or no file one can read
