"""The rules about the stored default, and the recipe of its ACL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.package_sources import KEYS, problems_of
from wheelyard.core.permissions import LEVELS
from wheelyard.core.redaction import Secret
from wheelyard.core.stored_default import ACL, CHECKS, StoredDefault, check, missing_acl

URL = Secret("https://build:s3cret-token@pkgs.example.com/simple/")
GOOD_ACL = {"admins": "MANAGE", "users": "READ"}
STORED = {"pip-index-url": URL}
AT = {"pip-index-url": 1}

EXAMPLES: list[tuple[StoredDefault, list[str]]] = [
    (StoredDefault(exists=False), ["default-scope-missing"]),
    (StoredDefault(True, STORED, AT, GOOD_ACL), []),
    (StoredDefault(True, STORED, AT, None), []),
    (StoredDefault(True, {}, {}, GOOD_ACL), ["default-index-missing"]),
    (StoredDefault(True, STORED, AT | {"pip_index": 1}, GOOD_ACL), ["default-key-unknown"]),
    (StoredDefault(True, STORED, {"PIP-Index-URL": 1}, GOOD_ACL), []),
    (StoredDefault(True, STORED, {}, {"admins": "MANAGE"}), ["default-users-cannot-read"]),
    (StoredDefault(True, STORED, {}, GOOD_ACL | {"users": "WRITE"}), ["default-users-can-write"]),
    (StoredDefault(True, STORED, {}, GOOD_ACL | {"users": "MANAGE"}), ["default-users-can-write"]),
    (StoredDefault(True, STORED, {}, {"users": "READ"}), ["default-admins-cannot-manage"]),
    (StoredDefault(True, {}, {}, None, {"scope": "no READ"}), ["default-unreadable"]),
    (
        StoredDefault(True, {"pip-extra-index-urls": URL}, {}, {}),
        ["extras-asked-equally", "default-index-missing", "default-users-cannot-read", "default-admins-cannot-manage"],
    ),
]


@pytest.mark.parametrize(("stored", "broken"), EXAMPLES)
def test_checks(stored: StoredDefault, broken: list[str]) -> None:
    assert [finding.rule_id for finding in check(stored)] == broken


def test_values_are_checked_too() -> None:
    stored = StoredDefault(True, {"pip-index-url": Secret(URL.reveal() + "\n")}, {}, GOOD_ACL)
    (finding,) = check(stored)
    assert (finding.rule_id, finding.where, finding.level) == ("secret-has-trailing-newline", "pip-index-url", "error")
    assert "s3cret-token" not in finding.text
    (problem,) = problems_of("pip-index-url", URL.reveal() + "\n")
    assert (finding.why, finding.source, finding.confidence) == (problem.why, problem.source, problem.confidence)


def test_every_row_is_unique_sourced_and_has_an_example() -> None:
    assert len({row.rule_id for row in CHECKS}) == len(CHECKS)
    assert all(row.source for row in CHECKS)
    shown = {rule_id for _stored, rule_ids in EXAMPLES for rule_id in rule_ids}
    assert {row.rule_id for row in CHECKS} <= shown


PERMISSIONS = st.sampled_from([*LEVELS["scope"], "CAN_READ"])


@given(held=st.dictionaries(st.sampled_from(["admins", "users", "ana@example.com"]), PERMISSIONS))
def test_what_is_missing_makes_the_recipe_whole_and_takes_nothing_away(held: dict[str, str]) -> None:
    repaired = held | dict(missing_acl(held))
    assert missing_acl(repaired) == ()
    findings = {finding.rule_id for finding in check(StoredDefault(True, STORED, {}, repaired))}
    assert findings <= {"default-users-can-write"}
    order = ["CAN_READ", *LEVELS["scope"]]
    assert all(order.index(repaired[who]) >= order.index(level) for who, level in held.items())


@given(values=st.dictionaries(st.sampled_from(KEYS), st.text().map(Secret)), acl=st.none() | st.just(dict(ACL)))
def test_whatever_is_stored_can_be_checked(values: dict[str, Secret[str]], acl: dict[str, str] | None) -> None:
    check(StoredDefault(True, values, dict.fromkeys(values, 1), acl))
