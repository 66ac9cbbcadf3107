"""The rows that say when the workspace default applies."""

from __future__ import annotations

from typing import get_args

import pytest

from wheelyard.core.delivery import METHODS
from wheelyard.core.rules.defaults import APPLIES, SWITCHES, Applies, PackageRepositorySwitches
from wheelyard.core.rules.runtimes import Confidence


@pytest.mark.parametrize("row", APPLIES, ids=lambda row: row.id)
def test_every_row_says_what_to_do_and_who_says_so(row: Applies) -> None:
    assert all((row.workload, row.takes_effect, row.what_to_do, row.source))
    assert row.confidence in get_args(Confidence)
    assert not row.takes_effect[0].isupper()  # completes "takes effect …"
    assert row.what_to_do[0].isupper()
    for text in (row.workload, row.takes_effect, row.what_to_do):
        assert not text.endswith(".")


def test_ids_and_workloads_are_unique() -> None:
    assert len({row.id for row in APPLIES}) == len({row.workload for row in APPLIES}) == len(APPLIES)


def test_what_is_covered_comes_first() -> None:
    covered = [row.is_covered for row in APPLIES]
    assert covered == sorted(covered, reverse=True)


def test_each_switch_of_clusters_has_a_row_and_is_no_surer_there() -> None:
    for switch in SWITCHES:
        rows = [row for row in APPLIES if row.setting == switch.setting]
        assert rows, switch.setting
        assert hasattr(PackageRepositorySwitches(), switch.setting)
        if switch.confidence == "inferred":
            assert {row.confidence for row in rows} == {"inferred"}


def test_the_rows_say_no_more_than_the_delivery_method() -> None:
    (method,) = [method for method in METHODS if method.name == "workspace-default"]
    for word in ("serverless", "classic", "pipeline"):
        assert word in method.takes_effect
        assert any(row.id.startswith(word) for row in APPLIES if row.is_covered)
