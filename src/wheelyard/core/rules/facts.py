"""What lint rows look at: all that is known about one compute and one command; None is what nobody has looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from wheelyard.core.compute import ComputeView
from wheelyard.core.pip.answer import EffectiveOptions
from wheelyard.core.pip.layer import Layer

__all__ = ["Facts", "InitScript", "LibrarySpec", "Store", "access_mode_of"]

Store = Literal["workspace", "volumes", "dbfs", "cloud", ""]

_MODES = {
    "user_isolation": "standard",
    "data_security_mode_standard": "standard",
    "shared": "standard",
    "single_user": "dedicated",
    "data_security_mode_dedicated": "dedicated",
    "none": "no isolation",
    "no_isolation": "no isolation",
    "data_security_mode_auto": "auto",
}


def access_mode_of(text: str | None) -> str:
    """One word for an access mode in any of its spellings; empty when it is absent, which means Custom.

    >>> access_mode_of("USER_ISOLATION"), access_mode_of("NONE"), access_mode_of(None)
    ('standard', 'no isolation', '')

    Source: facts/delivery.md 10.
    """
    folded = (text or "").strip().lower()
    return _MODES.get(folded, folded)


@dataclass(frozen=True, slots=True)
class InitScript:
    """One init script of a compute: global or cluster-scoped, and where it lies."""

    path: str
    scope: Literal["global", "cluster"] = "cluster"
    store: Store = ""


@dataclass(frozen=True, slots=True)
class LibrarySpec:
    """One library: what kind of spec, and where its file lies."""

    kind: Literal["pypi", "whl", "requirements", "egg", "jar", "maven", "cran"]
    text: str
    store: Store = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a row may ask.

    Args:
        options: the effective answer; None when only the compute is looked at.
        command: the command-line layer, if there is a command.
        texts: where users write URLs, by place ("dependencies", "pypi.repo", "notebook", "bundle_yaml", "policy").
        stored: values of the reserved scope exactly as stored, by key.
        switch_on: the workspace switch for compute created this way.
        allowlist: prefixes of allowed init scripts; None when nobody could read it.
        scope_acl: permissions on the reserved scope by principal.
        run_as_reads_scope: whether the run-as identity has READ there.
        bundle_has_public_roots: whether the CA bundle in force holds public roots as well.
    """

    compute: ComputeView
    options: EffectiveOptions | None = None
    layers: tuple[Layer, ...] = ()
    command: Layer | None = None
    init_scripts: tuple[InitScript, ...] = ()
    libraries: tuple[LibrarySpec, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    stored: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    switch_on: bool | None = None
    allowlist: tuple[str, ...] | None = None
    scope_acl: Mapping[str, str] | None = None
    run_as_reads_scope: bool | None = None
    bundle_has_public_roots: bool | None = None

    @property
    def access_mode(self) -> str:
        return access_mode_of(self.compute.access_mode)
