from __future__ import annotations

import os
import threading
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.compute.log_stream import LastLines, redacted_lines
from wheelyard.core.redaction import Redactor, Secret

HIDDEN = "very-hidden-value"


def lines_of(*writes: bytes) -> list[str]:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as end:
            end.writelines(writes)

    thread = threading.Thread(target=write)
    thread.start()
    found = list(redacted_lines(os.fdopen(reader, "rb", buffering=0), Redactor((Secret(HIDDEN),))))
    thread.join()
    return found


def test_lines_without_their_ends() -> None:
    assert lines_of(b"one\r\ntwo\n\nlast") == ["one", "two", "", "last"]
    assert lines_of() == []


@given(st.lists(st.integers(0, len(HIDDEN)), max_size=4))
def test_a_secret_is_found_however_it_is_cut(cuts: list[int]) -> None:
    text = f"x {HIDDEN} y\n".encode()
    places = [0, *sorted(2 + cut for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert lines_of(*pieces) == ["x [REDACTED] y"]


def test_urls_lose_their_user_info() -> None:
    assert lines_of(b"see https://user:unknown@index.example/simple\n") == [
        "see https://user:****@index.example/simple"
    ]


def test_a_line_without_end_is_delivered_in_pieces() -> None:
    found = lines_of(b"a" * 200_000)
    assert len(found) > 1
    assert "".join(found) == "a" * 200_000


def test_broken_bytes_are_replaced() -> None:
    assert lines_of(b"\xff\xfe ok\n") == ["\ufffd\ufffd ok"]


def test_the_last_lines_are_remembered() -> None:
    passed: list[str] = []
    last = LastLines(passed.append, count=2)
    for number in range(4):
        last(str(number))
    assert last.lines == ("2", "3")
    assert passed == ["0", "1", "2", "3"]
