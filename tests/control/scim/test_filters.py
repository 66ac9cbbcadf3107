from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.scim import wire
from wheelyard.control.scim.filters import And, Comparison, Not, Or, matches, parse_filter
from wheelyard.core.errors import InvalidParameter


def test_and_binds_closer_than_or() -> None:
    one, two, three = (Comparison(name, "eq", "1") for name in "abc")
    assert parse_filter("a eq 1 or b eq 1 and c eq 1") == Or(one, And(two, three))
    assert parse_filter("(a eq 1 or b eq 1) and c eq 1") == And(Or(one, two), three)
    assert parse_filter("NOT (a EQ 1)") == Not(one)


def test_quoted_words_are_values() -> None:
    assert parse_filter('displayName eq "a \\"b\\" and (c)"') == Comparison("displayName", "eq", 'a "b" and (c)')


def test_present() -> None:
    assert matches(parse_filter("externalId pr"), wire.Resource(externalId="x"))
    assert not matches(parse_filter("externalId pr"), wire.Resource())


def test_absent_attribute_is_unequal() -> None:
    assert matches(parse_filter("displayName ne x"), wire.Resource())
    assert not matches(parse_filter("displayName eq x"), wire.Resource())
    assert not matches(parse_filter("no.such.attribute eq x"), wire.Resource())


def test_multi_valued_attributes_match_by_any_value() -> None:
    group = wire.Resource(members=(wire.Reference(value="1", display="Ana"), wire.Reference(value="2")))
    assert matches(parse_filter("members eq 2"), group)
    assert matches(parse_filter('members.display sw "an"'), group)
    assert not matches(parse_filter("members.value ne 2"), group)


@pytest.mark.parametrize("text", ["(" * 50 + "a eq 1" + ")" * 50, "not " * 50 + "a eq 1", "a eq " + "x" * 5000])
def test_monsters_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_filter(text)
    assert refused.value.reference == "invalid-filter"


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        tree = parse_filter(text)
    except InvalidParameter:
        return
    matches(tree, wire.Resource(userName="ana@example.com"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_quoting_carries_any_value(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_filter(f'a eq "{quoted}"') == Comparison("a", "eq", value)
