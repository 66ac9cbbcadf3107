"""Which Python and which pip a runtime version brings, and what clients are told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

__all__ = ["ENVIRONMENT_VERSIONS", "RUNTIMES", "Confidence", "EnvironmentVersion", "Runtime", "runtime_of"]

Confidence = Literal["documented", "measured", "recalled", "inferred"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime version of classic compute. `spark_versions` are the keys a cluster spec may carry for it."""

    version: str
    long_term_support: bool
    python: str
    pip: str
    spark: str
    scala: tuple[str, ...]
    source: str
    confidence: Confidence

    @property
    def number(self) -> Version:
        return Version(self.version)

    @property
    def spark_versions(self) -> tuple[str, ...]:
        return tuple(f"{self.version}.x-scala{scala}" for scala in self.scala)

    def title(self, scala: str) -> str:
        """The `name` that `spark-versions` shows; clients parse it."""
        lts = " LTS" if self.long_term_support else ""
        return f"{self.version}{lts} (includes Apache Spark {self.spark}, Scala {scala})"


@dataclass(frozen=True, slots=True)
class EnvironmentVersion:
    """One environment version of serverless compute."""

    version: str
    python: str
    pip: str
    source: str
    confidence: Confidence


_NOTES = "Databricks Runtime release notes, system environment and installed Python libraries"

RUNTIMES: tuple[Runtime, ...] = (
    Runtime("17.3", True, "3.12", "25.0.1", "4.0.0", ("2.13",), _NOTES, "recalled"),
    Runtime("16.4", True, "3.12", "24.2", "3.5.2", ("2.12", "2.13"), _NOTES, "recalled"),
    Runtime("15.4", True, "3.11", "23.2.1", "3.5.0", ("2.12",), _NOTES, "recalled"),
    Runtime("14.3", True, "3.10", "22.3.1", "3.5.0", ("2.12",), _NOTES, "recalled"),
    Runtime("13.3", True, "3.10", "22.3.1", "3.4.1", ("2.12",), _NOTES, "recalled"),
)
"""Newest first."""

_SERVERLESS = "Serverless environment versions, release notes; the pip version is that of the runtime of the same time"

ENVIRONMENT_VERSIONS: tuple[EnvironmentVersion, ...] = (
    EnvironmentVersion("5", "3.12", "25.3", _SERVERLESS, "inferred"),
    EnvironmentVersion("4", "3.12", "25.0.1", _SERVERLESS, "inferred"),
    EnvironmentVersion("3", "3.12", "24.2", _SERVERLESS, "inferred"),
    EnvironmentVersion("2", "3.11", "23.2.1", _SERVERLESS, "inferred"),
    EnvironmentVersion("1", "3.10", "22.3.1", _SERVERLESS, "inferred"),
)
"""Newest first."""


def runtime_of(spark_version: str) -> Runtime | None:
    """The row of a cluster spec's `spark_version`, photon, ml and gpu flavours included; None if there is none.

    >>> runtime_of("15.4.x-photon-scala2.12").pip
    '23.2.1'
    """
    major_minor = ".".join(spark_version.split(".")[:2])
    return next((row for row in RUNTIMES if row.version == major_minor), None)
