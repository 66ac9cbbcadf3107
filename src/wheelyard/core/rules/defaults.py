"""When the workspace default reaches compute: two switches, and one question that nobody documents.

Rows; code only reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wheelyard.core.rules.runtimes import Confidence

__all__ = ["DEFAULT_WITHOUT_READ", "SWITCHES", "DefaultWithoutRead", "PackageRepositorySwitches", "SwitchRow"]


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """One workspace setting: clusters created in this way get the default only while it is on."""

    setting: str
    created_through: Literal["UI", "API"]
    source: str
    confidence: Confidence


SWITCHES: tuple[SwitchRow, ...] = (
    SwitchRow("pkg_repo_ui_cluster", "UI", "facts/delivery.md 1.3", "documented"),
    SwitchRow(
        "pkg_repo_api_cluster", "API", "facts/delivery.md 1.3; jobs, bundles and Terraform count as API", "inferred"
    ),
)


@dataclass(frozen=True, slots=True)
class PackageRepositorySwitches:
    """How the workspace has set the switches; both are on in a new workspace."""

    pkg_repo_ui_cluster: bool = True
    pkg_repo_api_cluster: bool = True

    def let_in(self, created_through: str) -> bool:
        """Whether the default reaches a classic cluster that was created in this way."""
        row = next(row for row in SWITCHES if row.created_through == created_through)
        return bool(getattr(self, row.setting))

    @staticmethod
    def setting_for(created_through: str) -> str:
        return next(row.setting for row in SWITCHES if row.created_through == created_through)


@dataclass(frozen=True, slots=True)
class DefaultWithoutRead:
    """What happens when compute's identity has no READ on the reserved scope."""

    id: str
    question: str
    chosen: Literal["ignored", "fails"]
    source: str
    confidence: Confidence


DEFAULT_WITHOUT_READ = DefaultWithoutRead(
    "default-without-read",
    "What happens to compute whose identity may not read the workspace default?",
    "ignored",
    "not documented; facts/delivery.md 1.4, to be probed by 14.7",
    "inferred",
)
"""`ignored`: compute starts, installers ask the next layer, and the start-up log says so.

`fails`: SECRET_PERMISSION_DENIED.
"""
