"""Compute as observed or as specified: everything that decides which index its installers ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.secret_refs import SecretReference

__all__ = ["ComputeView"]


@dataclass(frozen=True, slots=True)
class ComputeView:
    """One cluster, serverless environment, or this machine.

    Args:
        runtime_version: as in "15.4" or "15.4.x-scala2.12"; None where there is none.
        access_mode: `standard`, `dedicated`, `no isolation` or as the API spells it; None when absent.
        created_through: decides which workspace switch lets the default in; jobs, bundles and Terraform count as API.
        variables: environment variables with secret references resolved; what could not be resolved is absent here and
            named in `unreadable`.
        references: the variables whose value is a secret reference.
        workspace_default: None when the reserved scope is missing or could not be read (then named in `unreadable`).
        library_repo: the `repo` of the library being installed.
        dependencies: requirement lines of a serverless environment.
        unreadable: names of things that decide and could not be read.
        files: text of files the installer will find, by path: what `PIP_CONFIG_FILE` names, `/etc/pip.conf` of an
            init script.
        uv_form: compute hands the package sources to uv in uv's own variables. An embedded workspace does; for a
            Databricks host nobody documents it, so the client says False there.
    """

    name: str
    kind: Literal["classic", "serverless", "local"]
    installer: Installer
    runtime_version: str | None = None
    access_mode: str | None = None
    created_through: Literal["UI", "API"] = "API"
    variables: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))
    references: Mapping[str, SecretReference] = field(default_factory=lambda: MappingProxyType({}))
    workspace_default: PackageSources | None = None
    library_repo: SafeUrl | None = None
    dependencies: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    files: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))
    uv_form: bool = True
