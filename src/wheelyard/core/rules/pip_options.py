"""pip's command line as a table: which options take a value, which commands know them, in which versions.

Only so can `pip install -r a.txt --index-url URL` be read as pip reads it: abbreviations, `-iURL`, `--opt=value` and
unknown options included. What an option *means* is not here; `core/pip/options.py` lists the few that decide where
pip looks.

Source: read from pip 23.2.1, 24.0, 24.1, 24.2, 25.0, 25.1, 25.2, 25.3, 26.0, 26.1, 26.2 and 26.3 (measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version

__all__ = [
    "INDEX_COMMANDS",
    "MAIN_PROGRAM",
    "PIP_OPTIONS",
    "REQUIREMENTS_OPTIONS",
    "PipOption",
    "Takes",
    "options_of",
    "requirements_options_of",
    "takes_of",
]

INDEX_COMMANDS = ("install", "download", "wheel", "index", "list", "lock")
"""The commands that look at an index."""

MAIN_PROGRAM = "pip itself"
"""pip reads its settings twice: once for the options before a command, and then for the command."""

GENERAL_OPTIONS = frozenset(
    {
        "debug",
        "isolated",
        "require-virtualenv",
        "python",
        "verbose",
        "version",
        "quiet",
        "log",
        "no-input",
        "keyring-provider",
        "proxy",
        "no-proxy-env",
        "retries",
        "timeout",
        "exists-action",
        "trusted-host",
        "cert",
        "client-cert",
        "cache-dir",
        "no-cache-dir",
        "disable-pip-version-check",
        "no-color",
        "no-python-version-warning",
        "use-feature",
        "use-deprecated",
        "resume-retries",
    }
)
"""The options that may stand before a command, by first long name."""

Takes = Literal["flag", "count", "plain", "int", "float", "value"]

_RESOLVING = "download install lock wheel"
_TARGETING = "download index install"


@dataclass(frozen=True, slots=True)
class PipOption:
    """One option: its spellings, what follows it, the commands that know it (none: all), the versions that have it.

    A `flag` and a `count` read from a file or variable must be a boolean word (or number), `int` and `float` a number;
    `plain` takes no value on the command line and any from elsewhere.
    """

    names: str
    takes: Takes
    commands: str = ""
    versions: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(self.names.split())

    @property
    def long_names(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("--") for name in self.spellings if name.startswith("--"))

    def known_to(self, command: str, version: Version) -> bool:
        general = (MAIN_PROGRAM,) if self.long_names[0] in GENERAL_OPTIONS else ()
        commands = (*(self.commands.split() or INDEX_COMMANDS), *general)
        return command in commands and SpecifierSet(self.versions).contains(version.base_version)


PIP_OPTIONS: tuple[PipOption, ...] = (
    PipOption("--abi", "value", _TARGETING),
    PipOption("--all-releases", "value", versions=">=26.0"),
    PipOption("--break-system-packages", "flag", "install"),
    PipOption("--build-constraint", "value", _RESOLVING, ">=25.3"),
    PipOption("--build-option", "value", "wheel", "<25.3"),
    PipOption("--cache-dir", "value"),
    PipOption("--cert", "value"),
    PipOption("--check-build-dependencies", "flag", _RESOLVING),
    PipOption("--client-cert", "value"),
    PipOption("--compile", "flag", "install"),
    PipOption("-C --config-settings", "value", "install lock wheel"),
    PipOption("-c --constraint", "value", _RESOLVING),
    PipOption("--debug", "flag"),
    PipOption("-d --dest --destination-dir --destination-directory", "value", "download"),
    PipOption("--disable-pip-version-check", "flag"),
    PipOption("--dry-run", "flag", "install"),
    PipOption("-e --editable", "value", "install list lock wheel"),
    PipOption("--exclude", "value", "list"),
    PipOption("--exclude-editable", "flag", "list"),
    PipOption("--exists-action", "value"),
    PipOption("--extra-index-url", "value"),
    PipOption("-f --find-links", "value"),
    PipOption("--force-reinstall", "flag", "install"),
    PipOption("--format", "value", "list"),
    PipOption("--global-option", "value", "download install wheel", "<25.3"),
    PipOption("--group", "value", _RESOLVING, ">=25.1"),
    PipOption("-h --help", "plain"),
    PipOption("-I --ignore-installed", "flag", "install"),
    PipOption("--ignore-requires-python", "flag", "download index install lock wheel"),
    PipOption("--implementation", "value", _TARGETING),
    PipOption("--include-editable", "flag", "list"),
    PipOption("-i --index-url --pypi-url", "value"),
    PipOption("--isolated", "flag"),
    PipOption("--json", "flag", "index", ">=25.1"),
    PipOption("--keyring-provider", "value"),
    PipOption("-l --local", "flag", "list"),
    PipOption("--log --log-file --local-log", "value"),
    PipOption("--no-binary", "value"),
    PipOption("--no-build-isolation", "flag", _RESOLVING),
    PipOption("--no-cache-dir", "plain"),
    PipOption("--no-clean", "flag", _RESOLVING),
    PipOption("--no-color", "flag"),
    PipOption("--no-compile", "flag", "install"),
    PipOption("--no-deps --no-dependencies", "flag", _RESOLVING),
    PipOption("--no-index", "flag"),
    PipOption("--no-input", "flag"),
    PipOption("--no-proxy-env", "flag", versions=">=26.2"),
    PipOption("--no-python-version-warning", "flag"),
    PipOption("--no-require-hashes", "flag", _RESOLVING, ">=26.2"),
    PipOption("--no-use-pep517", "plain", _RESOLVING, "<25.3"),
    PipOption("--no-user", "flag", "install"),
    PipOption("--no-verify", "flag", "wheel"),
    PipOption("--no-warn-conflicts", "flag", "install"),
    PipOption("--no-warn-script-location", "flag", "install"),
    PipOption("--not-required", "flag", "list"),
    PipOption("--only-binary", "value"),
    PipOption("--only-deps --only-dependencies", "flag", _RESOLVING, ">=26.2"),
    PipOption("--only-final", "value", versions=">=26.0"),
    PipOption("-o --outdated", "flag", "list"),
    PipOption("-o --output", "value", "lock", ">=25.1"),
    PipOption("--path", "value", "list"),
    PipOption("--platform", "value", _TARGETING),
    PipOption("--pre", "flag"),
    PipOption("--prefer-binary", "flag"),
    PipOption("--prefix", "value", "install"),
    PipOption("--progress-bar", "value", _RESOLVING),
    PipOption("--proxy", "value"),
    PipOption("--python", "value"),
    PipOption("--python-version", "value", _TARGETING),
    PipOption("-q --quiet", "count"),
    PipOption("--refresh-package", "value", versions=">=26.2"),
    PipOption("--report", "value", "install"),
    PipOption("--require-hashes", "flag", _RESOLVING),
    PipOption("--require-virtualenv --require-venv", "flag"),
    PipOption("-r --requirement", "value", _RESOLVING),
    PipOption("--requirements-from-script", "value", _RESOLVING, ">=26.0"),
    PipOption("--resume-retries", "int", versions=">=25.1"),
    PipOption("--retries", "int"),
    PipOption("--root", "value", "install"),
    PipOption("--root-user-action", "value", "install"),
    PipOption("--src --source --source-dir --source-directory", "value", _RESOLVING),
    PipOption("-t --target", "value", "install"),
    PipOption("--timeout --default-timeout", "float"),
    PipOption("--trusted-host", "value"),
    PipOption("-U --upgrade", "flag", "install"),
    PipOption("--upgrade-strategy", "value", "install"),
    PipOption("--uploaded-prior-to", "value", versions=">=26.0"),
    PipOption("-u --uptodate", "flag", "list"),
    PipOption("--use-deprecated", "value"),
    PipOption("--use-feature", "value"),
    PipOption("--use-pep517", "flag", _RESOLVING),
    PipOption("--user", "flag", "install list"),
    PipOption("-v --verbose", "count"),
    PipOption("-V --version", "flag", versions="<26.3"),
    PipOption("-w --wheel-dir", "value", "wheel"),
)

REQUIREMENTS_OPTIONS: tuple[PipOption, ...] = (
    PipOption("-i --index-url --pypi-url", "value"),
    PipOption("--extra-index-url", "value"),
    PipOption("--no-index", "flag"),
    PipOption("-c --constraint", "value"),
    PipOption("-r --requirement", "value"),
    PipOption("-e --editable", "value"),
    PipOption("-f --find-links", "value"),
    PipOption("--no-binary", "value"),
    PipOption("--only-binary", "value"),
    PipOption("--prefer-binary", "flag"),
    PipOption("--require-hashes", "flag"),
    PipOption("--no-require-hashes", "flag", versions=">=26.2"),
    PipOption("--pre", "flag"),
    PipOption("--all-releases", "value", versions=">=26.0"),
    PipOption("--only-final", "value", versions=">=26.0"),
    PipOption("--trusted-host", "value"),
    PipOption("--use-feature", "value"),
    PipOption("--global-option", "value", versions="<25.3"),
    PipOption("--hash", "value"),
    PipOption("-C --config-settings", "value"),
)
"""What a line of a requirements or constraints file may hold. Source: facts/packaging.md A4; versions measured."""


@lru_cache(maxsize=128)
def options_of(command: str, version: Version) -> tuple[PipOption, ...]:
    """The options one command of one pip knows."""
    return tuple(option for option in PIP_OPTIONS if option.known_to(command, version))


@lru_cache(maxsize=64)
def requirements_options_of(version: Version) -> tuple[PipOption, ...]:
    """The options one pip knows on a line of a requirements file."""
    return tuple(option for option in REQUIREMENTS_OPTIONS if option.known_to("install", version))


@lru_cache(maxsize=128)
def takes_of(command: str, version: Version) -> Mapping[str, Takes]:
    """What each long name, aliases included, takes with one command of one pip."""
    rows = reversed(options_of(command, version))  # the first row that knows a name speaks for it
    return MappingProxyType({name: row.takes for row in rows for name in row.long_names})
