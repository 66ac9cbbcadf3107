from __future__ import annotations

import os
import string

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.sign_in.values import COOKIE, LINK, Prefix, new_value, public_id_of
from wheelyard.control.tokens.value import new_value as new_token
from wheelyard.control.tokens.value import public_id_of as token_id_of
from wheelyard.core.redaction import Secret

KINDS: list[Prefix] = [LINK, COOKIE]
kinds = st.sampled_from(KINDS)
ALPHABET = string.ascii_letters + string.digits + string.punctuation + " \n\0é\ud800"


@given(kind=kinds, random=st.randoms(use_true_random=False))
def test_a_value_is_recognised(kind: Prefix, random: object) -> None:
    value = new_value(kind, random.randbytes)  # type: ignore[attr-defined] # random.Random
    assert public_id_of(kind, value) == value.reveal()[4:20]
    assert len(value.reveal()) == 79


@given(kind=kinds, place=st.integers(0, 78), other=st.sampled_from(ALPHABET))
def test_one_altered_character_makes_it_nothing(kind: Prefix, place: int, other: str) -> None:
    text = new_value(kind, os.urandom).reveal()
    altered = text[:place] + other + text[place + 1 :]
    assert altered == text or public_id_of(kind, Secret(altered)) is None


@given(kind=kinds, text=st.text(alphabet=ALPHABET, max_size=100))
def test_other_text_is_nothing(kind: Prefix, text: str) -> None:
    assert public_id_of(kind, Secret(text)) is None


def test_no_kind_passes_for_another() -> None:
    link, cookie, token = new_value(LINK, os.urandom), new_value(COOKIE, os.urandom), new_token(os.urandom)
    assert public_id_of(COOKIE, link) is public_id_of(LINK, cookie) is None
    assert public_id_of(COOKIE, token) is public_id_of(LINK, token) is None
    assert token_id_of(link) is token_id_of(cookie) is None
    renamed = Secret(COOKIE + link.reveal()[4:])
    assert public_id_of(COOKIE, renamed) is None, "the prefix is part of what is checked"
