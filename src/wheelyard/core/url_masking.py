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

__all__ = ["LONGEST_RUN", "UrlMasker", "mask_url_bytes", "mask_urls", "mask_user_info", "split_url", "user_infos"]

LONGEST_RUN = 4096
_SEPARATOR = b"://"


def _host_and_port(but_not: bytes = b"") -> bytes:
    return rb"(?:\[[^]%b]*\]|[^:%b]*)(?::[0-9]{0,5})?" % (but_not, but_not)


_ENDS_A_RUN = rb" \t\n\r\x0b\x0c\"'<>`"  # white space spelled out: with `\s` a set is searched one by one
_ENDS_AN_AUTHORITY = _ENDS_A_RUN + rb"/?#"
_PARTS = {
    b"authority": rb"[^%b]{0,%d}" % (_ENDS_AN_AUTHORITY, LONGEST_RUN - 1),
    b"run": rb"[^%b]{0,%d}" % (_ENDS_A_RUN, LONGEST_RUN - 1),
    b"host": _host_and_port(but_not=_ENDS_AN_AUTHORITY) + rb"(?=[/?#])",
}
_URL = re.compile(rb"://(?:%(authority)b@|(?!%(host)b)%(run)b@)" % _PARTS)
"""`://`, user-info and `@`: the last `@` of the authority; or, where a raw `/`, `?` or `#` has broken that, so that it
is no host and port, the last of all.
"""
_USER_INFO = slice(len(_SEPARATOR), -1)
_OPEN_URL = re.compile(rb"://(?:(%(authority)b\Z)|%(authority)b@|(?=%(host)b)|(%(run)b\Z)|%(run)b@)" % _PARTS)
"""The same URLs in a text that may go on: a group where the text ends too early to judge."""
_CLOSED_PART = re.compile(rb"(?s:.*)[%b]" % _ENDS_A_RUN)
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(_host_and_port())


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
    if b"@" not in data or _SEPARATOR not in data:
        return data
    return _URL.sub(_masked, data)


def user_infos(data: bytes) -> tuple[bytes, ...]:
    """The user-info of every URL in the text, as written.

    >>> user_infos(b"https://bob:s3cret@one.example https://two.example/@x")
    (b'bob:s3cret',)
    """
    found = (url[0][_USER_INFO] for url in _URL.finditer(data))
    return tuple(user_info for user_info in found if user_info)


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
        end = _judged_to(data)
        self._held = data[end:]
        return mask_url_bytes(data[:end])

    def flush(self) -> bytes:
        masked, self._held = mask_url_bytes(self._held), b""
        return masked


def _masked(url: re.Match[bytes]) -> bytes:
    user_info = url[0][_USER_INFO]
    return b"://%b@" % mask_user_info(user_info) if user_info else url[0]


def _judged_to(data: bytes) -> int:
    """Where the part begins that cannot be judged yet; a URL does not reach beyond white space or a quotation mark."""
    closed = _CLOSED_PART.match(data)
    for url in _OPEN_URL.finditer(data, closed.end() if closed else 0):
        if url.lastindex:
            return url.start()
    return len(data) - _begun_separator(data)


def _begun_separator(data: bytes) -> int:
    return next((length for length in (2, 1) if data.endswith(_SEPARATOR[:length])), 0)
