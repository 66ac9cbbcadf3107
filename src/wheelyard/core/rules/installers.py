"""Where versions of an installer differ in what decides an index: one row per behaviour and range of versions.

Code asks `behaviour("empty-in-file", installer, version)` and never compares a version itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelyard.core.rules.runtimes import Confidence

__all__ = ["BEHAVIOURS", "EPOCHS", "Behaviour", "Epoch", "behaviour", "epoch_of"]

InstallerName = Literal["pip", "uv"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """A range of versions that behave alike in everything we follow."""

    id: str
    installer: InstallerName
    versions: str
    title: str


EPOCHS: tuple[Epoch, ...] = (
    Epoch("pip-before-24.2", "pip", "<24.2", "no system certificates: `cert` replaces the bundled ones"),
    Epoch("pip-24.2", "pip", ">=24.2,<25.2", "system certificates count; `cert` is added to them"),
    Epoch(
        "pip-25.2",
        "pip",
        ">=25.2,<26.0",
        "files are no longer pooled: an empty value in a stronger file clears nothing",
    ),
    Epoch("pip-26.0", "pip", ">=26.0,<26.2", "files are pooled again"),
    Epoch("pip-26.2", "pip", ">=26.2", "pages are cached as the server says; `--no-proxy-env`"),
    Epoch("uv", "uv", ">=0.8", "reads nothing of pip's"),
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row: what installers of these versions do in one respect (`subject`), as the word the code knows it by."""

    subject: str
    installer: InstallerName
    versions: str
    does: str
    text: str
    source: str
    confidence: Confidence

    @property
    def id(self) -> str:
        return f"{self.installer}-{self.subject}-{self.does}"


_A1, _A2, _A6 = "facts/packaging.md A1", "facts/packaging.md A2", "facts/packaging.md A6"
_READ = "pip's own source, read version by version"

BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour(
        "files-pool",
        "pip",
        "<25.2",
        "by-key",
        "Files are pooled key by key before they are applied: an empty value in a stronger file clears the weaker one.",
        _A2,
        "measured",
    ),
    Behaviour(
        "files-pool",
        "pip",
        ">=25.2,<26.0",
        "one-after-the-other",
        "Files are applied one after the other and empty values are skipped, so an empty value clears nothing.",
        _A2,
        "measured",
    ),
    Behaviour(
        "files-pool",
        "pip",
        ">=26.0",
        "by-key",
        "Files are pooled key by key again: an empty value in a stronger file clears the weaker one.",
        _A2,
        "measured",
    ),
    Behaviour(
        "file-named-twice",
        "pip",
        "<25.2",
        "strongest-place",
        "A file that is also named by `PIP_CONFIG_FILE` counts at its strongest place.",
        _READ,
        "measured",
    ),
    Behaviour(
        "file-named-twice",
        "pip",
        ">=25.2",
        "weakest-place",
        "A file that is also named by `PIP_CONFIG_FILE` stays at its weakest place: naming it does not lift it.",
        _READ,
        "measured",
    ),
    Behaviour(
        "two-spellings",
        "pip",
        "<26.3",
        "two-keys",
        "`index_url` and `index-url` in one section are two lines of which the last counts.",
        _READ,
        "measured",
    ),
    Behaviour(
        "two-spellings",
        "pip",
        ">=26.3",
        "one-key-twice",
        "`index_url` and `index-url` in one section are one key twice, and pip stops.",
        _READ,
        "measured",
    ),
    Behaviour(
        "system-certificates",
        "pip",
        "<24.2",
        "opt-in",
        "A bundle replaces the certificates pip brings along; the system's count only with `use-feature = truststore`.",
        _A6,
        "measured",
    ),
    Behaviour(
        "system-certificates",
        "pip",
        ">=24.2",
        "on",
        "A bundle is added to the system's certificates and pip's own, unless `use-deprecated = legacy-certs`.",
        _A6,
        "measured",
    ),
    Behaviour(
        "proxy-and-ca-variables",
        "pip",
        "<24.1",
        "variables-count",
        "`REQUESTS_CA_BUNDLE` counts whatever the proxy.",
        _READ,
        "measured",
    ),
    Behaviour(
        "proxy-and-ca-variables",
        "pip",
        ">=24.1,<26.2",
        "proxy-switches-off",
        "With `proxy` set, `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are not looked at.",
        _READ,
        "inferred",
    ),
    Behaviour(
        "proxy-and-ca-variables",
        "pip",
        ">=26.2",
        "proxy-or-flag-switches-off",
        "With `proxy` (even empty) or `no-proxy-env` set, `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are not looked at.",
        _A6,
        "measured",
    ),
    Behaviour(
        "requirements-loop",
        "pip",
        "<25.0",
        "crash",
        "A requirements file that includes itself runs into Python's recursion limit, exit code 2.",
        _READ,
        "measured",
    ),
    Behaviour(
        "requirements-loop",
        "pip",
        ">=25.0",
        "refused",
        "A requirements file that includes itself is refused, exit code 1.",
        _READ,
        "measured",
    ),
)


def behaviour(subject: str, installer: InstallerName, version: Version) -> str:
    """What this installer does in one respect, as the word in the row.

    >>> behaviour("system-certificates", "pip", Version("23.2.1"))
    'opt-in'

    Raises:
        KeyError: no row covers it; a test makes sure that rows leave no gap.
    """
    return _row_of(subject, installer, version).does


@lru_cache(maxsize=512)
def _row_of(subject: str, installer: InstallerName, version: Version) -> Behaviour:
    for row in BEHAVIOURS:
        if (row.subject, row.installer) == (subject, installer) and _within(version, row.versions):
            return row
    raise KeyError(f"no row says what {installer} {version} does about {subject}")


@lru_cache(maxsize=512)
def epoch_of(installer: InstallerName, version: Version) -> Epoch:
    """The epoch of a version; one older than any row is in the oldest, a pre-release counts as its release."""
    rows = [row for row in EPOCHS if row.installer == installer]
    return next((row for row in rows if _within(version, row.versions)), rows[0])


def _within(version: Version, versions: str) -> bool:
    return SpecifierSet(versions).contains(version.base_version, prereleases=True)
