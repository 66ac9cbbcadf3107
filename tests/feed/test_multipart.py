"""Forms in any pieces, held against the well-known parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from wheelyard.feed.multipart import Malformed, MultipartReader

BOUNDARY = b"x-y"


@dataclass
class Part:
    disposition: bytes
    content: bytearray = field(default_factory=bytearray)
    is_finished: bool = False

    def write(self, data: bytes) -> None:
        assert data
        assert not self.is_finished
        self.content += data

    def finish(self) -> None:
        assert not self.is_finished
        self.is_finished = True


Parts = list[tuple[bytes, bytes]]


def ours(pieces: list[bytes]) -> tuple[bool, Parts] | None:
    """Whether the form was complete, and its finished parts; None for a malformed one."""
    parts: list[Part] = []

    def begin(disposition: bytes) -> Part:
        parts.append(Part(disposition))
        return parts[-1]

    try:
        reader = MultipartReader(BOUNDARY, begin)
        for piece in pieces:
            reader.write(piece)
    except Malformed:
        return None
    return reader.is_complete, [(part.disposition, bytes(part.content)) for part in parts if part.is_finished]


def theirs(pieces: list[bytes]) -> tuple[bool, Parts] | None:
    parts: Parts = []
    names, values, contents = bytearray(), bytearray(), bytearray()
    headers: dict[bytes, bytes] = {}
    ends: list[bool] = []

    def end_header() -> None:
        headers[bytes(names).lower()] = bytes(values)
        names.clear()
        values.clear()

    def end_part() -> None:
        parts.append((headers.get(b"content-disposition", b""), bytes(contents)))
        headers.clear()
        contents.clear()

    parser = MultipartParser(
        BOUNDARY,
        {
            "on_header_field": lambda data, start, end: names.extend(data[start:end]),
            "on_header_value": lambda data, start, end: values.extend(data[start:end]),
            "on_header_end": end_header,
            "on_part_data": lambda data, start, end: contents.extend(data[start:end]),
            "on_part_end": end_part,
            "on_end": lambda: ends.append(True),
        },
    )
    try:
        for piece in pieces:
            parser.write(piece)
    except FormParserError:
        return None
    return bool(ends), parts


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in pieces that end at these places."""
    edges = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    return [body[start:end] for start, end in pairwise(edges)]


NEAR_MISSES = [b"\r\n", b"\r", b"\n", b"--", b"-", b"\r\n--", b"\r\n--x-", b"\r\n--x-yz", b"--x-y", b"\r\n--x-y-", b"q"]
CONTENT = st.lists(st.sampled_from(NEAR_MISSES) | st.binary(max_size=5), max_size=8).map(b"".join)
HEADS = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="a"\r\n\r\n',
        b'content-disposition: form-data; name="b"; filename="c.whl"\r\nContent-Type: x/y\r\n\r\n',
        b"X-Y: z\r\n\r\n",
        b"\r\n",
    ]
)
PLACES = st.lists(st.integers(0, 400), max_size=12)


def form(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"--x-y\r\n" + head + content + b"\r\n" for head, content in parts) + b"--x-y--\r\n"


@given(parts=st.lists(st.tuples(HEADS, CONTENT), min_size=1, max_size=4), places=PLACES)
@example(parts=[(b"\r\n", b"\r\n--x-yz")], places=[12, 13, 14])
def test_a_forms_parts_are_the_same_however_it_is_cut(parts: list[tuple[bytes, bytes]], places: list[int]) -> None:
    body = form(parts)
    whole = ours([body])
    assert whole == ours(cut(body, places))
    if BOUNDARY not in b"".join(content for _, content in parts):
        assert whole == theirs([body])


@given(
    body=st.lists(
        st.sampled_from([b"--x-y", b"\r\n", b"--", b"\r\n\r\n", b"a: b", b"a", b"\r", b"\n", b":"]), max_size=14
    ).map(lambda pieces: b"--x-y" + b"".join(pieces)),
    places=PLACES,
)
def test_bytes_that_are_no_form_are_no_form_however_they_are_cut(body: bytes, places: list[int]) -> None:
    """What one of the two takes as complete, the other does too, and finds the same in it."""
    whole, known = ours([body]), theirs([body])
    assert (whole is None) == (ours(cut(body, places)) is None)
    if (whole and whole[0]) or (known and known[0]):
        assert whole == known


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"y" * 9000 + b"\r\n\r\n",
        b"X: y\r\n" * 17 + b"\r\n",
        b"no colon\r\n\r\n",
        b": y\r\n\r\n",
        b"a b: y\r\n\r\n",
    ],
)
def test_heads_that_are_none_or_too_large(head: bytes) -> None:
    assert ours([form([(head, b"")])]) is None
    assert ours(cut(form([(head, b"")]), list(range(0, 9000, 7)))) is None


@pytest.mark.parametrize("boundary", [b"", b"x" * 257])
def test_boundaries_that_are_none(boundary: bytes) -> None:
    with pytest.raises(Malformed):
        MultipartReader(boundary, lambda _: Part(b""))


def test_a_head_that_never_ends_is_not_kept() -> None:
    assert ours([b"--x-y\r\n", *[b"X" * 1000] * 9]) is None
