from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.package_repositories.plain import Phrase, Plain, said
from wheelyard.core.redaction import Redactor, Secret

SECRET = "hunter22-and-more"
PLAIN = Plain(Redactor([Secret(f"https://build:{SECRET}@pkgs.example.com/")]))


@given(text=st.text(max_size=300), before=st.integers(0, 5000), times=st.integers(0, 300), cut=st.integers(1, 17))
def test_what_is_shown_is_one_short_line_without_the_secret(text: str, before: int, times: int, cut: int) -> None:
    shown = PLAIN("x" * before + SECRET * times + text + SECRET)
    assert len(shown) <= 120
    assert shown == "" or shown.replace("\ufffd", "?").isprintable()
    assert "`" not in shown
    assert SECRET not in shown
    assert SECRET[:8] not in shown or SECRET[:8] in text


def test_control_characters_inside_a_secret_do_not_hide_it() -> None:
    assert PLAIN("\u200b".join(SECRET) + " and " + "\x00".join(SECRET)) == "[REDACTED] and [REDACTED]"


def test_our_own_words_are_not_redacted_and_facts_are() -> None:
    secret = Plain(Redactor([Secret("index")]))
    phrase = Phrase("the index says `{title}` and {more}", {"title": "my index", "more": Phrase("{n} x", {"n": 1200})})
    assert secret.fill(phrase) == "the index says `my [REDACTED]` and 1,200 x"


def test_several_texts_stand_in_backticks() -> None:
    assert PLAIN.fill(Phrase("{all}", {"all": ("a`b", "c")})) == "`a'b`, `c`"


def test_finished_sentences_may_hold_braces() -> None:
    assert PLAIN.fill(said("{{secrets/scope/key}} stays")) == "{{secrets/scope/key}} stays"


def test_braces_in_facts_are_no_places() -> None:
    assert PLAIN.fill(Phrase("`{title}`", {"title": "{host} {0} {title}"})) == "`{host} {0} {title}`"
