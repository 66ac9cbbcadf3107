from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.errors import InvalidParameter
from wheelyard.core.secret_refs import SecretReference, parse_reference, references_in

SCOPES = st.from_regex(r"[A-Za-z0-9_.@-]{1,128}", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z0-9_.-]{1,128}", fullmatch=True)


@given(scope=SCOPES, key=KEYS)
def test_a_reference_reads_back_as_written(scope: str, key: str) -> None:
    reference = SecretReference(scope, key)
    assert parse_reference(str(reference)) == reference


@given(text=st.text())
def test_any_text_is_a_reference_plain_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidParameter:
        return
    assert reference is None or str(reference) == text


@given(scope=SCOPES, key=KEYS, around=st.tuples(st.text(max_size=5), st.text(max_size=5)).filter(any))
def test_other_text_around_a_reference_is_refused(scope: str, key: str, around: tuple[str, str]) -> None:
    with pytest.raises(InvalidParameter):
        parse_reference(f"{around[0]}{{{{secrets/{scope}/{key}}}}}{around[1]}")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("https://u:{{secrets/s/k}}@h.example/", "partial-secret-reference"),
        ("{{secrets/s/k}}\n", "partial-secret-reference"),
        ("'{{secrets/s/k}}'", "partial-secret-reference"),
        ("{{ secrets/s/k }}", "malformed-secret-reference"),
        ("{{secrets/s/k }}", "malformed-secret-reference"),
        ("{{secret/s/k}}", "malformed-secret-reference"),
        ("{{Secrets/s/k}}", "malformed-secret-reference"),
        ("{secrets/s/k}", "malformed-secret-reference"),
        ("${secrets/s/k}", "malformed-secret-reference"),
        ("{{secrets/s}}", "malformed-secret-reference"),
        ("{{secrets/s/k/x}}", "malformed-secret-reference"),
        ("{{secrets.s.k}}", "malformed-secret-reference"),
        ("{{secrets/s/k", "malformed-secret-reference"),
        ("{{secrets/s$/k}}", "invalid-scope-name"),
        ("{{secrets/s/k$}}", "invalid-secret-key"),
    ],
)
def test_near_misses_are_refused(text: str, reference: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parse_reference(text)
    assert refused.value.reference == reference


@pytest.mark.parametrize("text", ["", "plain", "{{job.id}}", "{{tasks.a.values.secrets}}", "secrets/s/k", "{}"])
def test_other_texts_are_plain(text: str) -> None:
    assert parse_reference(text) is None


def test_a_refusal_names_the_variable_and_not_the_text_around() -> None:
    with pytest.raises(InvalidParameter) as refused:
        references_in({"A": "plain", "B": "https://bob:hunter22{{secrets/s/k}}"})
    assert refused.value.what.startswith("`B`:")
    assert "hunter22" not in f"{refused.value.what}{refused.value.because}{refused.value.hint}"


def test_references_by_name() -> None:
    assert references_in({"A": "plain", "B": "{{secrets/s/k}}"}) == {"B": SecretReference("s", "k")}
