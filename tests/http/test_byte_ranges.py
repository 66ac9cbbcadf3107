"""Range arithmetic, held against slicing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.http.byte_ranges import WHOLE, ByteRange, wanted_range

ETAG = b'"tag"'
sizes = st.integers(0, 1000)
numbers = st.integers(0, 1200)


def taken(size: int, part: ByteRange) -> list[int]:
    return list(range(size))[part.start : part.start + part.length]


@given(sizes, numbers, numbers)
def test_first_and_last(size: int, first: int, last: int) -> None:
    part = wanted_range(f"bytes={first}-{last}".encode(), b"", ETAG, size)
    if last < first:
        assert part is WHOLE
    else:
        assert part is not None
        assert taken(size, part) == list(range(size))[first : last + 1]
        assert (part.length == 0) == (first >= size)


@given(sizes, numbers)
def test_from_and_last_bytes(size: int, number: int) -> None:
    onwards = wanted_range(f"bytes={number}-".encode(), b"", ETAG, size)
    suffix = wanted_range(f"bytes=-{number}".encode(), b"", ETAG, size)
    assert onwards is not None
    assert suffix is not None
    assert taken(size, onwards) == list(range(size))[number:]
    assert taken(size, suffix) == (list(range(size))[-number:] if number else [])
    assert suffix.start + suffix.length == size


@pytest.mark.parametrize(
    "header", [b"", b"bytes=", b"bytes=-", b"bytes=a-b", b"bytes=0-1,3-4", b"items=0-1", b"bytes=0-1x", b"0-1", b"\xff"]
)
def test_what_cannot_be_read_means_the_whole(header: bytes) -> None:
    assert wanted_range(header, b"", ETAG, 10) is WHOLE


@given(st.binary(max_size=40), sizes)
def test_any_header_gives_bytes_of_the_file_or_the_whole(header: bytes, size: int) -> None:
    part = wanted_range(b"bytes=" + header, b"", ETAG, size)
    assert part is WHOLE or 0 <= part.length <= size


def test_if_range() -> None:
    assert wanted_range(b"bytes=0-1", ETAG, ETAG, 10) == ByteRange(0, 2)
    assert wanted_range(b"bytes=0-1", b'"other"', ETAG, 10) is WHOLE
    assert wanted_range(b"bytes=0-1", b"Fri, 20 Nov 2026 18:46:59 GMT", ETAG, 10) is WHOLE
    assert wanted_range(b"bytes=0-1", b'W/"tag"', ETAG, 10) is WHOLE
