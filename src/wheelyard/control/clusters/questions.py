"""What people ask about clusters on the settings pages: nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.access import ATTACH
from wheelyard.control.clusters.explaining import explained, required_version
from wheelyard.control.clusters.lifecycle import ClusterLife
from wheelyard.control.clusters.old_defaults import DefaultsNow, OldDefault, changed_keys, old_default_of
from wheelyard.control.clusters.progress import Progress, progress_of
from wheelyard.control.clusters.states import ClusterState
from wheelyard.control.clusters.store import Cluster
from wheelyard.core.errors import NotFound
from wheelyard.core.explanation import Explanation
from wheelyard.core.pip.installer import Installer

__all__ = ["ClusterQuestions"]

_NO_FILES: Mapping[str, str] = MappingProxyType({})
_HAS_A_DEFAULT = frozenset({ClusterState.PENDING, ClusterState.RUNNING, ClusterState.RESTARTING})


class ClusterQuestions(ClusterLife):
    """The part of the clusters service that answers pages; it has no endpoints."""

    def with_old_default(self, caller: Caller) -> tuple[OldDefault, ...]:
        """The clusters that are up, or on their way up, with another workspace default than a start would take now.

        Of those the caller may attach to; sorted by name. A cluster that restarts is among them until it has taken the
        new default, and one whose owner could not start it any more, if it took a default. The default is read once for
        each owner, with that owner's READ.
        """
        now = self._defaults_now(caller)
        found = []
        for cluster in self.records.live():
            if cluster.state not in _HAS_A_DEFAULT or cluster.removed or not self.access.sees(caller, cluster):
                continue
            changed = self._changed(cluster, now)
            if changed:
                may_restart = self.access.may_restart(caller, cluster)
                found.append(old_default_of(cluster, changed, may_restart=may_restart))
        return tuple(sorted(found, key=lambda old: (old.name.casefold(), old.cluster_id)))

    def explain_cluster(
        self,
        caller: Caller,
        cluster_id: str,
        words: Sequence[str] = (),
        requirements: Mapping[str, str] = _NO_FILES,
        *,
        installer: Installer | None = None,
    ) -> Explanation:
        """Which index wins on a cluster, with the secrets and the default that a start by its owner would take now.

        What the owner cannot read is named in the warning `not-readable`, where a start would fail. Whoever may attach
        to the cluster gets the answer, READ on its secrets or not: URLs come without their user-info, other values of
        secret references not at all.

        Args:
            caller: needs CAN_ATTACH_TO.
            cluster_id: in any state.
            words: the installer's own command line without the program, as in `install six --index-url URL`.
            requirements: text of the requirements files that it names, by path.
            installer: another one than the pip of the runtime.

        Raises:
            NotFound: there is no such cluster.
            PermissionDenied: the caller may not attach to it.
        """
        cluster = self.require(caller, cluster_id, ATTACH)
        view = self.preparer.views.cluster(cluster, self._owner(cluster, caller)).view
        return explained(view, words, requirements, installer)

    def explain_serverless(
        self,
        caller: Caller,
        environment_version: str = "",
        words: Sequence[str] = (),
        requirements: Mapping[str, str] = _NO_FILES,
        *,
        dependencies: Sequence[str] = (),
        installer: Installer | None = None,
    ) -> Explanation:
        """Which index wins on serverless compute that runs as the caller, for whom the workspace default is read.

        Args:
            caller: whose READ counts.
            environment_version: the newest one for an empty text.
            words: as in `explain_cluster`.
            requirements: as in `explain_cluster`.
            dependencies: requirement lines of the environment.
            installer: another one than the pip of the environment version.

        Raises:
            InvalidParameter: there is no such environment version.
        """
        version = required_version(environment_version)
        view = self.preparer.views.serverless("serverless", version, tuple(dependencies), caller).view
        return explained(view, words, requirements, installer)

    def progress(self, caller: Caller, cluster_id: str) -> Progress:
        """How far the start or restart of a cluster has come; made to be asked again and again.

        Raises:
            NotFound: there is no such cluster.
            PermissionDenied: the caller may not attach to it.
        """
        step = self._supervisor.step(cluster_id)  # before the state: the thread forgets it when the cluster runs
        cluster = self.require(caller, cluster_id, ATTACH)
        runs = cluster.state is ClusterState.RUNNING
        is_old = runs and bool(self._changed(cluster, self._defaults_now(caller)))
        line = self.logs.last_line(cluster_id, "startup") if self.access.may_manage(caller, cluster) else ""
        return progress_of(cluster, step, has_old_default=is_old, last_line=line)

    def _defaults_now(self, caller: Caller) -> DefaultsNow:
        return DefaultsNow(self.preparer.views, lambda cluster: self._owner(cluster, caller))

    def _owner(self, cluster: Cluster, caller: Caller) -> Caller | None:
        """The owner, in whose name something is looked up for `caller`; None when they are gone."""
        try:
            return self.directory.caller(cluster.owner_id).with_request(caller.request)
        except NotFound:
            return None

    def _changed(self, cluster: Cluster, now: DefaultsNow) -> tuple[str, ...]:
        """The keys of the default in which a live cluster lags behind; none before it has taken one."""
        prepared = self._supervisor.prepared(cluster.cluster_id)
        return () if prepared is None else changed_keys(prepared.view.workspace_default, now.of(cluster))
