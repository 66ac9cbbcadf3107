"""From what is stored to what an engine is told.

Secret references are resolved as the cluster's owner, the workspace default is read with the owner's READ, and both go
into one `ComputeView`. Which index wins is decided by the same functions that `explain` calls (`layers_of`,
`pip_environment`, `effective_options`); nothing here compares two sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from wheelyard.compute.engine import LaunchSpec
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import SecretReader
from wheelyard.control.clusters.spec import filled
from wheelyard.control.clusters.store import Cluster
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.errors import LaunchFailed, NotFound, PermissionDenied
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.environment import pip_environment
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.redaction import Redactor, SafeUrl, Secret
from wheelyard.core.rules.defaults import DEFAULT_WITHOUT_READ, DefaultWithoutRead, PackageRepositorySwitches
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, EnvironmentVersion, runtime_of
from wheelyard.core.secret_refs import SecretReference, references_in

__all__ = ["FAILED_TO_FETCH", "Prepared", "Preparer"]

FAILED_TO_FETCH = "Failed to fetch secrets referred to in Spark Conf"
"""The live service's text for every unresolvable reference, variables included. Source: facts/workspace-api.md 6.5."""

_DEFAULT_UNREADABLE = "workspace-default"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to start, what it looks like to the rules, and what the start-up log says about it before anything runs."""

    spec: LaunchSpec
    view: ComputeView
    redactor: Redactor
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Default:
    sources: PackageSources | None
    unreadable: bool = False
    line: str = ""


class Preparer:
    """Builds launch specifications for classic clusters and serverless environments."""

    def __init__(
        self,
        secrets: SecretReader,
        switches: Callable[[], PackageRepositorySwitches],
        without_read: DefaultWithoutRead = DEFAULT_WITHOUT_READ,
    ) -> None:
        self._secrets = secrets
        self._switches = switches
        self._without_read = without_read

    def cluster(self, cluster: Cluster, owner: Caller) -> Prepared:
        """Prepare a classic cluster with the secrets and the default as they are now.

        Raises:
            LaunchFailed: a reference cannot be resolved, or the runtime version has no row any more.
        """
        runtime = runtime_of(str(cluster.spec.get("spark_version")))
        if runtime is None:
            raise LaunchFailed(
                f"Runtime version {cluster.spec.get('spark_version')} is not known here", code="INVALID_ARGUMENT"
            )
        texts = dict(cluster.spec.get("spark_env_vars") or {})
        references = references_in(texts)
        resolved = self._resolved(references, owner, "spark_env_vars")
        conf = dict(cluster.spec.get("spark_conf") or {})
        hidden = self._resolved(references_in(conf), owner, "spark_conf")
        variables = {name: resolved.get(name, Secret(text)) for name, text in texts.items()}
        default = self._default_for_cluster(cluster, owner)
        view = ComputeView(
            name=cluster.name or cluster.cluster_id,
            kind="classic",
            installer=Installer.parse(f"pip=={runtime.pip}"),
            runtime_version=str(cluster.spec["spark_version"]),
            access_mode=filled(cluster.spec, "", for_job=cluster.source == "JOB").get("data_security_mode"),
            created_through="UI" if cluster.created_through == "UI" else "API",
            variables=MappingProxyType(variables),
            references=references,
            workspace_default=default.sources,
            unreadable=(_DEFAULT_UNREADABLE,) if default.unreadable else (),
        )
        return _prepared(
            view,
            compute_id=cluster.cluster_id,
            python=runtime.python,
            runtime_version=runtime.version,
            secrets=(*resolved.values(), *hidden.values()),
            first_line=default.line,
        )

    def serverless(
        self, compute_id: str, name: str, version: EnvironmentVersion, dependencies: tuple[str, ...], caller: Caller
    ) -> Prepared:
        """Prepare a serverless environment; the default is read with the READ of the identity it runs as.

        Raises:
            LaunchFailed: the rule row says that a default without READ stops compute.
        """
        default = self._default(caller)
        view = ComputeView(
            name=name,
            kind="serverless",
            installer=Installer.parse(f"pip=={version.pip}"),
            workspace_default=default.sources,
            dependencies=dependencies,
            unreadable=(_DEFAULT_UNREADABLE,) if default.unreadable else (),
        )
        return _prepared(
            view,
            compute_id=compute_id,
            python=version.python,
            runtime_version=f"client.{version.version}",
            secrets=(),
            first_line=default.line,
        )

    def _resolved(self, references: Mapping[str, SecretReference], owner: Caller, place: str) -> dict[str, Secret[str]]:
        return {name: self._value_of(reference, owner, f"{place}.{name}") for name, reference in references.items()}

    def _value_of(self, reference: SecretReference, owner: Caller, place: str) -> Secret[str]:
        where = f"`{{{{secrets/{reference.scope}/{reference.key}}}}}` in `{place}`"
        try:
            value = self._secrets.read_value(owner, reference.scope, reference.key)
            return _text_of(value, where)
        except NotFound as error:
            raise _unresolved(
                "SECRET_RESOLUTION_ERROR", where, error.what, "databricks secrets list-secrets"
            ) from error
        except PermissionDenied as error:
            raise _unresolved(
                "SECRET_PERMISSION_DENIED",
                where,
                f"cluster owner {owner.name} has no READ on scope {reference.scope}",
                f"databricks secrets put-acl {reference.scope} {owner.name} READ",
            ) from error
        except UnicodeDecodeError as error:
            raise _unresolved("SECRET_RESOLUTION_ERROR", where, "the value is no UTF-8 text", "") from error

    def _default_for_cluster(self, cluster: Cluster, owner: Caller) -> _Default:
        switches = self._switches()
        if not switches.let_in(cluster.created_through):
            setting = switches.setting_for(cluster.created_through)
            return _Default(None, line=f"workspace default: not used, setting `{setting}` is off")
        return self._default(owner)

    def _default(self, caller: Caller) -> _Default:
        try:
            values = self._secrets.reserved_values(caller)
        except PermissionDenied as error:
            return self._default_without_read(caller, error)
        if values is None:
            return _Default(None, line="workspace default: none set")
        sources = PackageSources.from_keys({key: value.reveal() for key, value in values.items()})
        return _Default(sources, line=f"workspace default: read as {caller.name} from scope `{RESERVED_SCOPE}`")

    def _default_without_read(self, caller: Caller, error: PermissionDenied) -> _Default:
        said = f"{caller.name} has no READ on scope `{RESERVED_SCOPE}`"
        hint = f"databricks secrets put-acl {RESERVED_SCOPE} users READ"
        if self._without_read.chosen == "fails":
            raise LaunchFailed(
                f"{FAILED_TO_FETCH}: {said}", code="SECRET_PERMISSION_DENIED", hint=hint, log=error.log
            ) from error
        return _Default(None, unreadable=True, line=f"workspace default: ignored, {said}; hint: {hint}")


def _text_of(value: Secret[bytes], where: str) -> Secret[str]:
    """A secret's value as a variable or setting can hold it.

    Raises:
        UnicodeDecodeError: it is no text.
        LaunchFailed: it holds a zero byte.
    """
    text = value.reveal().decode()
    if "\0" in text:
        raise _unresolved("SECRET_RESOLUTION_ERROR", where, "the value holds a zero byte", "")
    return Secret(text)


def environment_version(number: str) -> EnvironmentVersion | None:
    """The row of an environment version; the newest for an empty one, None if there is none."""
    if not number:
        return ENVIRONMENT_VERSIONS[0]
    return next((row for row in ENVIRONMENT_VERSIONS if row.version == number), None)


def _unresolved(code: str, where: str, because: str, hint: str) -> LaunchFailed:
    return LaunchFailed(f"{FAILED_TO_FETCH}: {where} cannot be resolved: {because}", code=code, hint=hint)


def _prepared(
    view: ComputeView,
    *,
    compute_id: str,
    python: str,
    runtime_version: str,
    secrets: Iterable[Secret[str]],
    first_line: str,
) -> Prepared:
    layers = layers_of(view)
    hidden = frozenset((*secrets, *_default_secrets(view.workspace_default), *_urls_with_credentials(view)))
    spec = LaunchSpec(
        compute_id=compute_id,
        python=python,
        pip=str(view.installer.version),
        runtime_version=runtime_version,
        variables=view.variables,
        pip_environment=lambda paths: pip_environment(layers, paths, installer=view.installer),
        secrets=hidden,
        requirements=view.dependencies,
    )
    lines = (first_line, *_index_lines(view, layers)) if first_line else tuple(_index_lines(view, layers))
    return Prepared(spec, view, Redactor(hidden), lines)


def _default_secrets(sources: PackageSources | None) -> Iterable[Secret[str]]:
    """What of the default no output may show: URLs that carry credentials. A certificate is no secret."""
    if sources is None:
        return ()
    urls = (*((sources.index_url,) if sources.index_url else ()), *sources.extra_index_urls)
    return [Secret(url.reveal()) for url in urls if url.has_credentials]


def _urls_with_credentials(view: ComputeView) -> Iterable[Secret[str]]:
    texts = [value.reveal() for value in view.variables.values()]
    words = [word for text in (*texts, *view.dependencies) for word in text.split() if "://" in word]
    return [Secret(word) for word in words if SafeUrl(word).has_credentials]


def _index_lines(view: ComputeView, layers: Any) -> list[str]:
    """What the installer will ask, and where each value came from; URLs print masked."""
    options = effective_options(layers, view.installer)
    lines = [f"installer: {view.installer}"]
    lines += [f"index: {found.value} (from {found.origin})" for found in options.indexes]
    if options.certificate is not None:
        lines.append(f"certificate: {options.certificate.value} (from {options.certificate.origin})")
    return lines
