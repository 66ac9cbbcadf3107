"""From what is stored to what an engine is told.

What decides is read in `views.py`: secret references resolved as the cluster's owner, the workspace default with the
owner's READ. Which index wins is decided by the same functions that `explain` calls (`layers_of`,
`pip_environment`, `effective_options`); nothing here compares two sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wheelyard.compute.engine import LaunchSpec
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import SecretReader
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.views import Seen, Views
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.errors import LaunchFailed
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.environment import pip_environment
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.redaction import Redactor, SafeUrl, Secret
from wheelyard.core.rules.defaults import DEFAULT_WITHOUT_READ, DefaultWithoutRead, PackageRepositorySwitches
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, EnvironmentVersion, runtime_of

__all__ = ["Prepared", "Preparer", "environment_version"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to start, what it looks like to the rules, and what the start-up log says about it before anything runs."""

    spec: LaunchSpec
    view: ComputeView
    redactor: Redactor
    lines: tuple[str, ...]


class Preparer:
    """Builds launch specifications for classic clusters and serverless environments."""

    def __init__(
        self,
        secrets: SecretReader,
        switches: Callable[[], PackageRepositorySwitches],
        without_read: DefaultWithoutRead = DEFAULT_WITHOUT_READ,
    ) -> None:
        self.views = Views(secrets, switches, without_read)

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
        seen = self.views.cluster(cluster, owner)
        seen.check()
        return _prepared(seen, compute_id=cluster.cluster_id, python=runtime.python, runtime_version=runtime.version)

    def serverless(
        self, compute_id: str, name: str, version: EnvironmentVersion, dependencies: tuple[str, ...], caller: Caller
    ) -> Prepared:
        """Prepare a serverless environment; the default is read with the READ of the identity it runs as.

        Raises:
            LaunchFailed: the rule row says that a default without READ stops compute.
        """
        seen = self.views.serverless(name, version, dependencies, caller)
        seen.check()
        return _prepared(
            seen, compute_id=compute_id, python=version.python, runtime_version=f"client.{version.version}"
        )


def environment_version(number: str) -> EnvironmentVersion | None:
    """The row of an environment version; the newest for an empty one, None if there is none."""
    if not number:
        return ENVIRONMENT_VERSIONS[0]
    return next((row for row in ENVIRONMENT_VERSIONS if row.version == number), None)


def _prepared(seen: Seen, *, compute_id: str, python: str, runtime_version: str) -> Prepared:
    view = seen.view
    layers = layers_of(view)
    hidden = frozenset((*seen.secrets, *_default_secrets(view.workspace_default), *_urls_with_credentials(view)))
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
    lines = (*((seen.default_line,) if seen.default_line else ()), *_index_lines(view, layers))
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
