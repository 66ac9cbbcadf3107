"""Reading a query: the quick way reads what the standard library reads."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.operation import SIGNED_IN, Operation
from wheelyard.http.decode import Decoder, Payload


class _Names(msgspec.Struct):
    a: list[str] = []
    b: str = ""


_DECODER = Decoder(Operation("GET", "/api/2.0/names", _Names, _Names, lambda *_: _Names(), needs=SIGNED_IN))


@given(st.lists(st.sampled_from(["a", "b", "c", "=", "&", "+", "%61", "%25", "é", " "]), max_size=12).map("".join))
def test_a_query_means_what_the_standard_library_says(query: str) -> None:
    pairs = parse_qsl(query, keep_blank_values=True)
    body = _DECODER.decode(Payload(query), {})
    assert body.a == [value for name, value in pairs if name == "a"]
    assert body.b == next((value for name, value in reversed(pairs) if name == "b"), "")
