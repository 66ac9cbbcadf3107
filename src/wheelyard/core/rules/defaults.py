"""When the workspace default reaches compute: what has to happen first, two switches, and one undocumented question.

Rows; code only reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wheelyard.core.rules.runtimes import Confidence

__all__ = [
    "APPLIES",
    "DEFAULT_WITHOUT_READ",
    "SWITCHES",
    "Applies",
    "DefaultWithoutRead",
    "PackageRepositorySwitches",
    "SwitchRow",
]


@dataclass(frozen=True, slots=True)
class Applies:
    """When a change of the workspace default reaches one kind of workload.

    Args:
        workload: in the words of its users.
        takes_effect: when the change is there; completes "takes effect …".
        what_to_do: what makes it so, as an instruction.
        setting: the workspace setting that must be on; empty when there is none.
        is_covered: whether pip there gets the default at all.
    """

    id: str
    workload: str
    takes_effect: str
    what_to_do: str
    source: str
    confidence: Confidence
    setting: str = ""
    is_covered: bool = True


_PAGE = "Configure default package repositories"

APPLIES: tuple[Applies, ...] = (
    Applies(
        "serverless-notebook",
        "Serverless notebooks",
        "at the next attach",
        "Detach the notebook and attach it again",
        f"{_PAGE}, facts/delivery.md 1.2, facts/workspace-api.md 5",
        "documented",
    ),
    Applies(
        "serverless-job",
        "Serverless jobs",
        "at the next run",
        "Run the job again",
        f"{_PAGE}, facts/delivery.md 1.2, facts/workspace-api.md 5",
        "documented",
    ),
    Applies(
        "classic-ui",
        "Clusters created in the UI",
        "at the next start or restart",
        "Restart the cluster",
        f"{_PAGE}, facts/delivery.md 1.2, 1.3",
        "documented",
        setting="pkg_repo_ui_cluster",
    ),
    Applies(
        "classic-api",
        "Clusters created through the API, by a bundle or by Terraform",
        "at the next start or restart",
        "Restart the cluster",
        "facts/delivery.md 1.3; that bundles and Terraform count as API is inferred",
        "inferred",
        setting="pkg_repo_api_cluster",
    ),
    Applies(
        "job-cluster",
        "Job clusters",
        "at the next run, which starts a new cluster",
        "Run the job again; a run that has begun keeps what it started with",
        "facts/delivery.md 1.3; that jobs count as API is inferred",
        "inferred",
        setting="pkg_repo_api_cluster",
    ),
    Applies(
        "pipeline",
        "Lakeflow Spark Declarative Pipelines",
        "at the next update",
        "Start an update of the pipeline",
        f"{_PAGE}, facts/delivery.md 1.2, 1.3, facts/workspace-api.md 5",
        "documented",
        setting="pkg_repo_dlt",
    ),
    Applies(
        "base-environment",
        "Workspace base environments",
        "when the environment is refreshed, which installs its packages again",
        "Refresh the base environment",
        "databricks-sdk-py `service/environments.py`, facts/workspace-api.md 5, facts/delivery.md 7.3",
        "inferred",
    ),
    Applies(
        "app",
        "Databricks Apps",
        "not for pip: what is described for apps are npm repositories",
        "Name the index in the app's `requirements.txt` or `app.yaml`, which win in any case",
        "facts/workspace-api.md 5; facts/delivery.md 1.2, 7.5 name a preview of its own",
        "inferred",
        is_covered=False,
    ),
    Applies(
        "init-script",
        "pip inside an init script",
        "not documented; counted as not covered",
        "Name the index in the script, or give the cluster `PIP_INDEX_URL` with a secret reference",
        "looked for and not found, facts/delivery.md 1.2, 5.7",
        "inferred",
        is_covered=False,
    ),
)
"""What the settings page says under "when it applies". The workloads a change reaches come first."""


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
