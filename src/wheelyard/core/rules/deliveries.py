"""From which runtime on, and on which compute, a delivery method is looked at: rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from packaging.specifiers import SpecifierSet

from wheelyard.core.rules.runtimes import Confidence

__all__ = ["REACHES", "ComputeKind", "Reach", "why_not_reached"]

ComputeKind = Literal["classic", "serverless", "local"]


@dataclass(frozen=True, slots=True)
class Reach:
    """One row: what has to be true of compute for a delivery method to have any effect there.

    Args:
        kinds: of compute it works on.
        runtimes: range of runtime versions, for classic compute.
        otherwise: what to say where it has none.
    """

    id: str
    method: str
    kinds: tuple[ComputeKind, ...]
    runtimes: str
    otherwise: str
    source: str
    confidence: Confidence


REACHES: tuple[Reach, ...] = (
    Reach(
        "dbr-pip-env",
        "cluster-environment",
        ("classic",),
        ">=15.1",
        "`DATABRICKS_PIP_*` is read from runtime 15.1 on",
        "Databricks Runtime 15.1 release notes, facts/delivery.md 2.1",
        "documented",
    ),
    Reach(
        "dbr-pip-env-serverless",
        "cluster-environment",
        ("classic",),
        "",
        "serverless compute has no cluster environment",
        "Configure the serverless environment, facts/delivery.md 2.4",
        "documented",
    ),
    Reach(
        "pip-env-serverless",
        "pip-environment",
        ("classic", "local"),
        "",
        "serverless compute has no cluster environment",
        "Configure the serverless environment, facts/delivery.md 13",
        "documented",
    ),
    Reach(
        "serverless-dependencies",
        "serverless-dependencies",
        ("serverless",),
        "",
        "only serverless compute has dependencies",
        "Configure the serverless environment, facts/delivery.md 7.2",
        "documented",
    ),
)


@lru_cache(maxsize=256)
def why_not_reached(method: str, kind: ComputeKind, runtime_version: str | None) -> str:
    """Why a method has no effect on this compute; empty when it has, and for an unknown runtime.

    >>> why_not_reached("cluster-environment", "classic", "14.3.x-scala2.12")
    '`DATABRICKS_PIP_*` is read from runtime 15.1 on, and this compute runs 14.3'
    >>> why_not_reached("cluster-environment", "classic", "15.4")
    ''
    """
    number = runtime_number(runtime_version)
    for row in REACHES:
        if row.method != method:
            continue
        if kind not in row.kinds and not row.runtimes:
            return row.otherwise
        if kind in row.kinds and row.runtimes and number and not SpecifierSet(row.runtimes).contains(number):
            return f"{row.otherwise}, and this compute runs {number}"
    return ""


@lru_cache(maxsize=256)
def runtime_number(runtime_version: str | None) -> str:
    """`15.4` of `15.4.x-photon-scala2.12`; empty when there is none.

    >>> runtime_number("15.4.x-photon-scala2.12"), runtime_number("custom:tuned"), runtime_number(None)
    ('15.4', '', '')
    """
    found = re.match(r"(\d+)\.(\d+)", runtime_version or "")
    return found.group(0) if found else ""
