"""Who wins, as one table: the places an installer can read a setting from, weakest first.

A row is a place. Its number is its rank, and nothing else in the program decides which of two places is stronger. The
order inside pip is measured; the order between what Databricks puts in and what pip reads is partly documented,
partly a modelling choice, and each row says which. The one pair whose order nobody documents, cluster variables
against the workspace default, is a switch (`CLUSTER_ABOVE_DEFAULT`), so that a probe of a real workspace changes one
row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Literal

from wheelyard.core.rules.runtimes import Confidence

__all__ = [
    "CLUSTER_ABOVE_DEFAULT",
    "PIP_RANKS",
    "UV_RANKS",
    "LayerKind",
    "Order",
    "Rank",
    "Realm",
    "Switch",
    "rank_numbers",
    "rank_of",
    "ranks_of",
]


class LayerKind(StrEnum):
    """One kind of place a setting comes from. The value is its name in JSON and in texts.

    Where every explanation compares places, a module names those it needs once, at its top: up to Python 3.11 each
    `LayerKind.X` is a call.
    """

    PUBLIC_INDEX = "public-index"
    XDG_FILE = "xdg-file"
    GLOBAL_FILE = "global-file"
    WORKSPACE_DEFAULT = "workspace-default"
    LEGACY_USER_FILE = "legacy-user-file"
    USER_FILE = "user-file"
    SITE_FILE = "site-file"
    CONFIG_FILE = "config-file"
    CLUSTER_VARIABLES = "cluster-variables"
    ENVIRONMENT = "environment"
    LIBRARY_REPO = "library-repo"
    COMMAND_LINE = "command-line"
    REQUIREMENTS = "requirements"
    UV_SYSTEM_FILE = "uv-system-file"
    UV_USER_FILE = "uv-user-file"
    UV_PROJECT_FILE = "uv-project-file"
    UV_CONFIG_FILE = "uv-config-file"


Realm = Literal["files", "variables", "command line", "requirements"]
"""How a place merges with the others: files and variables replace, the other two have rules of their own."""

Order = Literal["cluster-above-default", "default-above-cluster"]


@dataclass(frozen=True, slots=True)
class Rank:
    """One row: a place, what it is called, and how sure we are that it stands here."""

    kind: LayerKind
    title: str
    realm: Realm
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Switch:
    """An order nobody documents. Change `chosen` when a probe of a real workspace has answered."""

    id: str
    question: str
    chosen: Order
    source: str
    confidence: Confidence


CLUSTER_ABOVE_DEFAULT = Switch(
    "cluster-above-default",
    "Do `DATABRICKS_PIP_*` variables of a cluster win over the workspace default?",
    "cluster-above-default",
    "not documented; facts/delivery.md 0.4, to be probed by 14.1",
    "inferred",
)

_PIP = "facts/packaging.md A1; facts/delivery.md 0.1"
_MODEL = "facts/delivery.md 0.4"

PIP_RANKS: tuple[Rank, ...] = (
    Rank(LayerKind.PUBLIC_INDEX, "public index", "files", "facts/delivery.md 0.2-9", "measured"),
    Rank(LayerKind.XDG_FILE, "global file in `$XDG_CONFIG_DIRS`", "files", _PIP, "measured"),
    Rank(LayerKind.GLOBAL_FILE, "`/etc/pip.conf`", "files", _PIP, "measured"),
    Rank(LayerKind.WORKSPACE_DEFAULT, "workspace default", "files", _MODEL, "inferred"),
    Rank(LayerKind.LEGACY_USER_FILE, "user file `~/.pip/pip.conf`", "files", _PIP, "measured"),
    Rank(LayerKind.USER_FILE, "user file `~/.config/pip/pip.conf`", "files", _PIP, "measured"),
    Rank(LayerKind.SITE_FILE, "site file `<prefix>/pip.conf`", "files", _PIP, "measured"),
    Rank(LayerKind.CONFIG_FILE, "file named by `PIP_CONFIG_FILE`", "files", _PIP, "measured"),
    Rank(LayerKind.CLUSTER_VARIABLES, "cluster variables `DATABRICKS_PIP_*`", "variables", _MODEL, "inferred"),
    Rank(LayerKind.ENVIRONMENT, "environment variables `PIP_*`", "variables", _PIP, "measured"),
    Rank(LayerKind.LIBRARY_REPO, "library's `pypi.repo`", "command line", "facts/delivery.md 6.4", "documented"),
    Rank(LayerKind.COMMAND_LINE, "command line", "command line", _PIP, "measured"),
    Rank(
        LayerKind.REQUIREMENTS,
        "requirements and constraints files",
        "requirements",
        "facts/packaging.md A4",
        "measured",
    ),
)
"""pip's places, weakest first."""

_UV = "facts/packaging.md B1"

UV_RANKS: tuple[Rank, ...] = (
    Rank(LayerKind.PUBLIC_INDEX, "public index", "files", _UV, "measured"),
    Rank(LayerKind.REQUIREMENTS, "requirements and constraints files", "requirements", _UV, "measured"),
    Rank(LayerKind.UV_SYSTEM_FILE, "system `uv.toml`", "files", _UV, "measured"),
    Rank(LayerKind.UV_USER_FILE, "user `uv.toml`", "files", _UV, "measured"),
    Rank(LayerKind.UV_PROJECT_FILE, "project `uv.toml` or `pyproject.toml`", "files", _UV, "measured"),
    Rank(LayerKind.UV_CONFIG_FILE, "file named by `UV_CONFIG_FILE`", "files", _UV, "measured"),
    Rank(LayerKind.ENVIRONMENT, "environment variables `UV_*`", "variables", _UV, "measured"),
    Rank(LayerKind.COMMAND_LINE, "command line", "command line", _UV, "measured"),
)
"""uv's places, weakest first.

`UV_DEFAULT_INDEX` and `--default-index` stand above the older `--index-url`: see `pip/uv.py`.
"""


@cache
def ranks_of(order: Order = CLUSTER_ABOVE_DEFAULT.chosen) -> tuple[LayerKind, ...]:
    """Pip's places, weakest first, with the switch set to `order`.

    Switched, the cluster variables stand directly below the workspace default; every other row stays.

    >>> ranks_of("default-above-cluster")[2:5]
    (<LayerKind.GLOBAL_FILE: 'global-file'>, <LayerKind.CLUSTER_VARIABLES: 'cluster-variables'>, \
<LayerKind.WORKSPACE_DEFAULT: 'workspace-default'>)
    """
    kinds = [row.kind for row in PIP_RANKS]
    if order == "default-above-cluster":
        kinds.remove(LayerKind.CLUSTER_VARIABLES)
        kinds.insert(kinds.index(LayerKind.WORKSPACE_DEFAULT), LayerKind.CLUSTER_VARIABLES)
    return tuple(kinds)


def rank_of(kind: LayerKind, order: Order = CLUSTER_ABOVE_DEFAULT.chosen) -> int:
    """The rank of a place; a place pip does not know (`uv.toml`) stands above all, in uv's own order."""
    return rank_numbers(order)[kind]


@cache
def rank_numbers(order: Order) -> Mapping[LayerKind, int]:
    """The rank of every place."""
    of_pip = ranks_of(order)
    uv_only = (row.kind for row in UV_RANKS if row.kind not in of_pip)
    return MappingProxyType({kind: number for number, kind in enumerate((*of_pip, *uv_only))})
