"""Every form in which a secret value can show up in text, as byte patterns.

A value is printed plain, percent-encoded, quoted for JSON, Python or a shell, or inside base64, where the three
possible alignments give three different texts. Each form becomes one or more patterns of bounded length, so that a
stream never has to hold back more than `LONGEST_PATTERN` bytes: a long form is cut into pieces, a text of several lines
into its lines.

A URL with credentials is not one pattern: its password (or token) is, so that the masked URL still says which host it
is. Its encoded forms are hidden whole.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote_from_bytes, unquote_to_bytes

from wheelyard.core.url_masking import user_infos

__all__ = ["LONGEST_PATTERN", "SHORTEST_SECRET", "patterns"]

SHORTEST_SECRET = 4
"""Shorter values are not searched for: they occur by chance in any text and masking them would destroy it."""
LONGEST_PATTERN = 128
_ENOUGH_FOR_A_LINE = 16
_ALL_FORMS_UP_TO = 4096
_WRAPPED_AT = (64, 76)

_UNESCAPED = (
    "",  # most libraries' strictest choice
    "/",  # urllib.parse.quote
    "!'()*",  # encodeURIComponent
    "!$&'()*+,;=",  # RFC 3986 user-info, as httpx writes it
    "!$&'()*+,;=:",  # the same with the colon, as urllib3 writes it
    "!$&'()*+,%",  # the WHATWG user-info set, as browsers and uv write it
    ":/?#[]@!$&'()*+,;=",  # encodeURI and "quote what is left"
)
"""Who escapes what: the characters each family of libraries leaves as they are."""

_PEM_BOUNDARY = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]+-----")
_ESCAPE = re.compile(rb"%[0-9A-F]{2}")


def patterns(value: bytes) -> frozenset[bytes]:
    """Every pattern that gives `value` away. White space around it does not count; below four bytes there is none.

    >>> sorted(patterns(b"a+bc"))[-4:]
    [b'a%2Bbc', b'a%2bbc', b'a+bc', b'hK2Jj']
    >>> patterns(b"abc")
    frozenset()
    """
    value = value.strip()
    credentials = user_infos(value)
    found: set[bytes] = set()
    if credentials and _only_urls(value):
        for form in _encoded_forms(value):
            found.update(_cut(form))
    else:
        found.update(_patterns_of_text(value))
    for user_info in credentials:
        for secret in _secrets_in(user_info):
            found.update(_patterns_of_text(secret))
        for spelling in {user_info, unquote_to_bytes(user_info)}:
            found.update(_cut_all(_base64_forms(spelling)))
    return frozenset(pattern for pattern in found if len(pattern) >= SHORTEST_SECRET)


def _only_urls(value: bytes) -> bool:
    return all(b"://" in word for word in value.split())


def _secrets_in(user_info: bytes) -> set[bytes]:
    """The part of a URL's user-info that must not be seen, as written and decoded."""
    user, colon, password = user_info.partition(b":")
    secret = password or user
    if colon and len(unquote_to_bytes(secret)) < SHORTEST_SECRET:
        secret = user_info
    return {secret, unquote_to_bytes(secret)}


def _patterns_of_text(value: bytes) -> Iterator[bytes]:
    if len(value) < SHORTEST_SECRET:
        return
    for piece in _pieces(value):
        yield from _cut(piece)
        for form in _written_forms(piece):
            yield from _cut(form)
    for form in _packed_forms(value):
        yield from _cut(form)


def _encoded_forms(value: bytes) -> Iterator[bytes]:
    yield from _written_forms(value) - {value}
    yield from _packed_forms(value)


def _pieces(value: bytes) -> Iterator[bytes]:
    """A text of several lines as its lines, short ones joined with their neighbours.

    The lines that frame PEM are the same in everybody's text and stay readable.
    """
    if b"\n" not in value:
        yield value
        return
    if len(value) <= LONGEST_PATTERN:
        yield value
    for group in _line_groups(value):
        yield from {end.join(group).strip() for end in (b"\n", b"\r\n")}


def _line_groups(value: bytes) -> list[list[bytes]]:
    groups: list[list[bytes]] = []
    group: list[bytes] = []
    for line in value.splitlines():
        if _PEM_BOUNDARY.fullmatch(line.strip()):
            continue
        group.append(line)
        if len(b"".join(group).strip()) >= _ENOUGH_FOR_A_LINE:
            groups.append(group)
            group = []
    if group and groups:
        groups.append([*groups[-1], *group])
    return groups or [group or [value]]


def _written_forms(value: bytes) -> set[bytes]:
    """Percent-encoded by everybody's rules, in both cases, and quoted for JSON, Python, HTML and a shell."""
    forms: set[bytes] = set()
    for unescaped in _UNESCAPED:
        escaped = quote_from_bytes(value, safe=unescaped).encode()
        forms |= {escaped, escaped.replace(b"%20", b"+")}
    forms |= {_ESCAPE.sub(lambda found: found[0].lower(), form) for form in forms}
    forms.add(repr(value)[2:-1].encode())
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return forms
    forms |= {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}
    forms |= {repr(text)[1:-1].encode(), shlex.quote(text).strip("'").encode(), html.escape(text).encode()}
    return forms


def _packed_forms(value: bytes) -> Iterator[bytes]:
    yield from _base64_forms(value)
    if len(value) <= _ALL_FORMS_UP_TO:
        for basic in (value + b":", b":" + value):
            yield from _base64_whole(basic)
        yield value.hex().encode()
        yield value.hex().upper().encode()


def _base64_forms(value: bytes) -> Iterator[bytes]:
    yield from _base64_whole(value)
    for offset in range(3):
        inner = _base64_inside(value, offset)
        yield inner
        yield _url_safe(inner)


def _base64_whole(value: bytes) -> Iterator[bytes]:
    """As encoded alone: with and without padding, in both alphabets, in one line or wrapped."""
    for text in {base64.b64encode(value), base64.urlsafe_b64encode(value)}:
        yield text
        yield text.rstrip(b"=")
        for width in _WRAPPED_AT:
            if len(text) > width:
                rows = (text[start : start + width] for start in range(0, len(text), width))
                yield from (row for row in rows if len(row) >= _ENOUGH_FOR_A_LINE)


def _base64_inside(value: bytes, offset: int) -> bytes:
    """The characters that depend on `value` alone when it stands `offset` bytes after a multiple of three.

    >>> _base64_inside(b"secret-token", 1) in base64.b64encode(b"x:y:secret-token, and more")
    True
    """
    text = base64.b64encode(bytes(offset) + value)
    return text[-(-offset * 8 // 6) : (offset + len(value)) * 8 // 6]


def _url_safe(text: bytes) -> bytes:
    return text.translate(bytes.maketrans(b"+/", b"-_"))


def _cut_all(forms: Iterator[bytes]) -> Iterator[bytes]:
    for form in forms:
        yield from _cut(form)


def _cut(form: bytes) -> Iterator[bytes]:
    """Equal pieces no longer than `LONGEST_PATTERN`; the text is masked piece after piece, without gaps."""
    count = -(-len(form) // LONGEST_PATTERN) or 1
    for number in range(count):
        yield form[len(form) * number // count : len(form) * (number + 1) // count]
