"""The tables themselves: no gaps, no overlaps, a source for everything, and a reference page that is current."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from packaging.version import Version

from wheelyard.core.rules.defaults import DEFAULT_WITHOUT_READ, SWITCHES, PackageRepositorySwitches
from wheelyard.core.rules.deliveries import REACHES
from wheelyard.core.rules.installers import BEHAVIOURS, EPOCHS, behaviour, epoch_of
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, PIP_RANKS, UV_RANKS, LayerKind, rank_of, ranks_of

REPOSITORY = Path(__file__).parents[3]
VERSIONS = [
    "9.0",
    "22.3.1",
    "23.2.1",
    "24.0",
    "24.1",
    "24.2",
    "25.0",
    "25.1.1",
    "25.2",
    "25.3",
    "26.0",
    "26.1",
    "26.2",
    "26.3",
    "27.0b1",
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("subject", sorted({row.subject for row in BEHAVIOURS}))
def test_one_row_for_each_subject_and_version(subject: str, version: str) -> None:
    assert behaviour(subject, "pip", Version(version))


def test_a_subject_nobody_wrote_down_is_an_error() -> None:
    with pytest.raises(KeyError, match="no row says"):
        behaviour("colour", "pip", Version("26.3"))


@pytest.mark.parametrize(
    ("version", "epoch"),
    [
        ("23.2.1", "pip-before-24.2"),
        ("24.2", "pip-24.2"),
        ("25.1.1", "pip-24.2"),
        ("25.2", "pip-25.2"),
        ("25.3", "pip-25.2"),
        ("26.0", "pip-26.0"),
        ("26.1.2", "pip-26.0"),
        ("26.2b1", "pip-26.2"),
        ("26.3", "pip-26.2"),
    ],
)
def test_epochs(version: str, epoch: str) -> None:
    assert epoch_of("pip", Version(version)).id == epoch


def test_uv_has_one_epoch() -> None:
    assert epoch_of("uv", Version("0.13.8")).id == "uv"
    assert len({row.id for row in EPOCHS}) == len(EPOCHS)


def test_every_row_names_its_source() -> None:
    assert all(row.source for row in (*PIP_RANKS, *UV_RANKS))
    assert all(row.source for row in BEHAVIOURS)
    assert all(row.source for row in REACHES)
    assert all(row.source for row in SWITCHES)
    assert DEFAULT_WITHOUT_READ.source
    assert CLUSTER_ABOVE_DEFAULT.source
    assert CLUSTER_ABOVE_DEFAULT.confidence == "inferred"


def test_the_switch_moves_one_row() -> None:
    usual, switched = ranks_of("cluster-above-default"), ranks_of("default-above-cluster")
    without = [kind for kind in usual if kind is not LayerKind.CLUSTER_VARIABLES]
    assert [kind for kind in switched if kind is not LayerKind.CLUSTER_VARIABLES] == without
    default, cluster = LayerKind.WORKSPACE_DEFAULT, LayerKind.CLUSTER_VARIABLES
    assert rank_of(cluster, "cluster-above-default") > rank_of(default, "cluster-above-default")
    assert rank_of(cluster, "default-above-cluster") < rank_of(default, "default-above-cluster")


def test_each_way_to_create_a_cluster_has_its_switch() -> None:
    assert PackageRepositorySwitches().let_in("UI")
    assert PackageRepositorySwitches().let_in("API")
    off = PackageRepositorySwitches(pkg_repo_ui_cluster=False)
    assert (off.let_in("UI"), off.let_in("API")) == (False, True)
    assert off.setting_for("UI") == "pkg_repo_ui_cluster"


def test_every_kind_has_a_rank() -> None:
    assert len({rank_of(kind) for kind in LayerKind if kind in ranks_of()}) == len(PIP_RANKS)
    assert {row.kind for row in (*PIP_RANKS, *UV_RANKS)} == set(LayerKind)


def test_the_reference_page_is_current() -> None:
    script = REPOSITORY / "scripts" / "reference_rules.py"
    spec = importlib.util.spec_from_file_location("reference_rules", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = REPOSITORY / "docs" / "reference" / "rules.md"
    assert page.read_text() == module.page(), "run `python scripts/reference_rules.py`"
