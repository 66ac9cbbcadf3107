"""Library objects: exactly one kind each, what is refused, and what pip is asked to do for it. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from packaging.version import Version

from wheelyard.core.errors import BadRequest, InvalidParameter
from wheelyard.core.redaction import Secret, mask_urls
from wheelyard.core.rules.runtimes import runtime_of

__all__ = ["UNSUPPORTED", "LibraryPlan", "canonical", "check", "described", "plan_of"]

_KINDS = ("pypi", "whl", "requirements", "jar", "maven", "cran", "egg")

UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "jar": "Skipped: this workspace runs Python libraries only, and a JAR has no effect here.",
        "maven": "Skipped: this workspace runs Python libraries only, and Maven coordinates have no effect here.",
        "cran": "Skipped: this workspace runs Python libraries only, and R packages have no effect here.",
        "egg": "Skipped: eggs are not installed; build a wheel instead.",
    }
)
"""Kinds that are kept and echoed, and end as SKIPPED with this message."""

_EGG_GONE = Version("14.0")
_DBFS_GONE = Version("15.0")
_REQUIREMENTS_FROM = Version("15.0")


@dataclass(frozen=True, slots=True)
class LibraryPlan:
    """What pip is asked: its requirement arguments, the library's own index, and whether workspace files are needed."""

    arguments: tuple[str, ...]
    index_url: Secret[str] | None = None
    needs_workspace: bool = False


def canonical(library: Mapping[str, Any]) -> str:
    """The text two equal library objects share."""
    return json.dumps(library, sort_keys=True, separators=(",", ":"))


def kind_of(library: Mapping[str, Any]) -> str:
    """The one kind of a library object.

    Raises:
        InvalidParameter: none, several, or an unknown one.
    """
    kinds = [name for name in _KINDS if library.get(name)]
    if len(kinds) != 1:
        raise InvalidParameter(
            f"A library must have exactly one of {', '.join(_KINDS)}; found {', '.join(kinds) or 'none'}.",
            reference="invalid-library",
            unchanged="no library was installed",
        )
    return kinds[0]


def check(library: Mapping[str, Any], spark_version: str) -> None:
    """Refuse a library that could never be installed on this runtime version.

    Raises:
        InvalidParameter: it is no library object, names nothing, or its kind does not fit the runtime.
        BadRequest: it lies on DBFS, which runtimes from 15 on refuse. Source: facts/workspace-api.md 8.
    """
    kind = kind_of(library)
    _CHECKS.get(kind, _check_path)(library[kind], kind, _number(spark_version))


def _check_pypi(value: Any, _kind: str, _runtime: Version) -> None:
    package = value.get("package") if isinstance(value, Mapping) else None
    if not isinstance(package, str) or not package.strip():
        raise InvalidParameter("Missing required field: package", reference="invalid-library")
    if package.strip().startswith("-"):
        raise InvalidParameter(
            f"Invalid package {package!r}: a requirement does not begin with '-'.",
            reference="invalid-library",
            hint="put options into a requirements file",
        )


def _check_object(value: Any, kind: str, _runtime: Version) -> None:
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"Invalid library: {kind} must be an object", reference="invalid-library")


def _check_path(value: Any, kind: str, runtime: Version) -> None:
    if not isinstance(value, str):
        raise InvalidParameter(f"Invalid library: {kind} must be a path", reference="invalid-library")
    if value.lstrip().startswith("-"):
        raise InvalidParameter(
            f"Invalid {kind} {mask_urls(value)[:200]!r}: a path does not begin with '-'.", reference="invalid-library"
        )
    if value.startswith("dbfs:/") and runtime >= _DBFS_GONE:
        raise BadRequest(
            "DBFS library installations are not supported on DBR 15 or above.",
            reference="dbfs-library",
            hint="upload the file to the workspace or to a volume",
        )


def _check_requirements(value: Any, kind: str, runtime: Version) -> None:
    _check_path(value, kind, runtime)
    if runtime < _REQUIREMENTS_FROM:
        raise InvalidParameter(
            "requirements.txt libraries are supported from DBR 15.0 on.",
            reference="requirements-too-old",
            hint="use a newer runtime version, or one pypi library for each line",
        )


def _check_egg(value: Any, kind: str, runtime: Version) -> None:
    _check_path(value, kind, runtime)
    if runtime >= _EGG_GONE:
        raise InvalidParameter(
            "Egg libraries are not supported on DBR 14.0 or above.",
            reference="egg-library",
            hint="build a wheel instead",
        )


_CHECKS: Mapping[str, Callable[[Any, str, Version], None]] = MappingProxyType(
    {
        "pypi": _check_pypi,
        "maven": _check_object,
        "cran": _check_object,
        "requirements": _check_requirements,
        "egg": _check_egg,
    }
)


def plan_of(library: Mapping[str, Any]) -> LibraryPlan | None:
    """What pip is asked for a checked library; None for a kind that pip has no part in.

    >>> plan_of({"requirements": "/Workspace/Shared/requirements.txt"}).arguments
    ('-r', '/Workspace/Shared/requirements.txt')
    """
    kind = kind_of(library)
    value = library[kind]
    if kind == "pypi":
        repo = str(value.get("repo") or "").strip()
        package = value["package"].strip()
        return LibraryPlan((package,), Secret(repo) if repo else None, needs_workspace="/Workspace/" in package)
    if kind == "whl":
        return LibraryPlan((_long_form(value),), needs_workspace=True)
    if kind == "requirements":
        return LibraryPlan(("-r", _long_form(value)), needs_workspace=True)
    return None


def described(library: Mapping[str, Any]) -> str:
    """A library in words, as job failures name it: `whl: "/Workspace/x.whl"`.

    A repo is left out, and a URL is masked: they may hold a password.

    >>> described({"pypi": {"package": "tool @ https://bob:s3cret@pkgs.example.com/tool.whl"}})
    'pypi: "tool @ https://bob:****@pkgs.example.com/tool.whl"'
    """
    kind = kind_of(library)
    value = library[kind]
    text = value.get("package") or value.get("coordinates") if isinstance(value, Mapping) else value
    return f'{kind}: "{mask_urls(str(text))}"'


def _long_form(path: str) -> str:
    return f"/Workspace{path}" if path.startswith(("/Users/", "/Shared/", "/Repos/")) else path


def _number(spark_version: str) -> Version:
    runtime = runtime_of(spark_version)
    return runtime.number if runtime else Version("0")
