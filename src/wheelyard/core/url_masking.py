"""The second net: the user-info of any URL in any text is masked, whoever put it there.

Written as pip writes it: `https://user:****@host/…`, `https://****@host/…` for a token alone, `https://:****@host/…`.
Unlike pip, a URL that a raw `/`, `?` or `#` in its password broke is masked too, and so is a token with an empty
password.

Whether a URL is finished is judged on at most `LONGEST_RUN` bytes after `://`, in a whole text and in a stream alike,
so both give the same result and a stream holds back a bounded piece.

Source: facts/packaging.md A5 (pip's forms, and the malformed URLs pip prints in clear).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["LONGEST_RUN", "UrlMasker", "mask_url_bytes", "mask_urls", "mask_user_info", "split_url", "user_infos"]

LONGEST_RUN = 4096
_SEPARATOR = b"://"
_RUN = re.compile(rb"[^\s\"'<>`]{0,%d}" % LONGEST_RUN)
_AUTHORITY = re.compile(rb"[^\s\"'<>`/?#]{0,%d}" % LONGEST_RUN)
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(rb"(\[[^\]]*\]|[^:]*)(:[0-9]{0,5})?")

_Span = tuple[int, int]


def mask_urls(text: str) -> str:
    """Mask the user-info of every URL in a text.

    >>> mask_urls("Looking in indexes: https://bob:s3cret@pkgs.example.com/simple/, https://tok@pkgs.example.com")
    'Looking in indexes: https://bob:****@pkgs.example.com/simple/, https://****@pkgs.example.com'
    >>> mask_urls("https://bob:pa/ss@pkgs.example.com/simple/")
    'https://bob:****@pkgs.example.com/simple/'
    """
    if "@" not in text or "://" not in text:
        return text
    return mask_url_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def mask_url_bytes(data: bytes) -> bytes:
    """The same on bytes."""
    masked, _held_from = _mask(data, final=True)
    return masked


def user_infos(data: bytes) -> tuple[bytes, ...]:
    """The user-info of every URL in the text, as written.

    >>> user_infos(b"https://bob:s3cret@one.example https://two.example/@x")
    (b'bob:s3cret',)
    """
    spans = (span for _start, span in _urls(data, final=True) if span)
    return tuple(data[start:end] for start, end in spans if start < end)


def split_url(text: str) -> tuple[str, str, str]:
    """One URL, however malformed, as what stands before its user-info, the user-info, and the rest from the `@` on.

    Here, unlike in a text, no quotation mark and no white space can end it.

    >>> split_url("https://bob:it's/ss@pkgs.example.com/simple/")
    ('https://', "bob:it's/ss", '@pkgs.example.com/simple/')
    """
    start = text.find("://") + 3 if "://" in text else 0
    if "@" not in text:
        return text[:start], "", text[start:]
    mark = _END_OF_AUTHORITY.search(text, start)
    end = mark.start() if mark else len(text)
    at = text.rfind("@", start, end)
    if at < 0 and not _HOST_AND_PORT.fullmatch(text[start:end].encode("utf-8", "surrogatepass")):
        at = text.rfind("@", start)
    at = max(at, start)
    return text[:start], text[start:at], text[at:]


def mask_user_info(user_info: bytes) -> bytes:
    """`user:****` for a password, `****` for a token."""
    user, colon, password = user_info.partition(b":")
    if colon and (password or not user):
        return user + b":****"
    return b"****"


class UrlMasker:
    """Masks a stream. Holds back a URL whose user-info may not have ended yet, and nothing else."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        masked, held_from = _mask(data, final=False)
        self._held = data[held_from:]
        return masked

    def flush(self) -> bytes:
        masked, self._held = mask_url_bytes(self._held), b""
        return masked


def _mask(data: bytes, *, final: bool) -> tuple[bytes, int]:
    """The masked text, and where the part begins that cannot be judged yet."""
    end = len(data) if final else len(data) - _begun_separator(data)
    parts: list[bytes] = []
    done = 0
    for start, span in _urls(data, final=final):
        if span is None:
            end = start
            break
        if span[0] < span[1]:
            parts += (data[done : span[0]], mask_user_info(data[slice(*span)]))
            done = span[1]
    parts.append(data[done:end])
    return b"".join(parts), end


def _begun_separator(data: bytes) -> int:
    return next((length for length in (2, 1) if data.endswith(_SEPARATOR[:length])), 0)


def _urls(data: bytes, *, final: bool) -> Iterator[tuple[int, _Span | None]]:
    """Each `://` with the span of the user-info behind it, maybe empty; None, and no more, where it is unfinished."""
    position = data.find(_SEPARATOR)
    if b"@" not in data:
        position = -1 if final else _last_run(data)
    while position >= 0:
        span = _user_info(data, position + len(_SEPARATOR), final=final)
        yield position, span
        if span is None:
            return
        position = data.find(_SEPARATOR, max(span[1], position + len(_SEPARATOR)))


def _last_run(data: bytes) -> int:
    """Where the first `://` that may be unfinished stands, in a text without `@`; -1 without one."""
    return data.find(_SEPARATOR, max(0, len(data) - LONGEST_RUN - len(_SEPARATOR)))


def _user_info(data: bytes, start: int, *, final: bool) -> _Span | None:
    authority = _AUTHORITY.match(data, start)
    assert authority is not None
    open_ended = not final and len(data) - start < LONGEST_RUN
    if open_ended and authority.end() == len(data):
        return None
    at = data.rfind(b"@", start, authority.end())
    if at >= 0:
        return start, at
    if _HOST_AND_PORT.fullmatch(authority[0]):
        return start, start
    run = _RUN.match(data, start)
    assert run is not None
    if open_ended and run.end() == len(data):
        return None
    at = data.rfind(b"@", authority.end(), run.end())
    return (start, at) if at >= 0 else (start, start)
