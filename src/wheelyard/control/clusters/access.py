"""Who may do what with a cluster."""

from __future__ import annotations

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import Permissions
from wheelyard.control.clusters.spec import filled
from wheelyard.control.clusters.store import Cluster
from wheelyard.core.errors import PermissionDenied

__all__ = ["ATTACH", "MANAGE", "RESTART", "ClusterAccess"]

ATTACH, RESTART, MANAGE = "CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"
_ENTITLEMENT = "allow-cluster-create"


class ClusterAccess:
    """Permissions on clusters, and the rule of dedicated access mode."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    def require(self, caller: Caller, cluster: Cluster, level: str) -> None:
        self._permissions.require(caller, "cluster", cluster.cluster_id, level)

    def sees(self, caller: Caller, cluster: Cluster) -> bool:
        return self._permissions.holds(caller, "cluster", cluster.cluster_id, ATTACH)

    def may_restart(self, caller: Caller, cluster: Cluster) -> bool:
        return self._permissions.holds(caller, "cluster", cluster.cluster_id, RESTART)

    def may_manage(self, caller: Caller, cluster: Cluster) -> bool:
        return self._permissions.holds(caller, "cluster", cluster.cluster_id, MANAGE)

    def require_create(self, caller: Caller) -> None:
        """Admins, and whoever has the entitlement."""
        if not caller.is_admin and _ENTITLEMENT not in caller.entitlements:
            raise PermissionDenied(
                f"{caller.name} is not authorized to create clusters. Please contact your administrator.",
                reference="cluster-create-denied",
                unchanged="no cluster was created",
                hint=f"an admin grants the entitlement `{_ENTITLEMENT}`",
            )

    def require_code(self, caller: Caller, cluster: Cluster) -> None:
        """Running code needs CAN_ATTACH_TO, and on dedicated compute to be the principal it is assigned to.

        Source: facts/delivery.md 10; a group may be assigned too.
        """
        self.require(caller, cluster, ATTACH)
        spec = filled(cluster.spec, cluster.creator_name, for_job=cluster.source == "JOB")
        assigned = spec.get("single_user_name")
        if spec.get("data_security_mode") == "SINGLE_USER" and assigned not in caller.principals:
            raise PermissionDenied(
                f"Single-user check failed: user '{caller.name}' attempted to run a command on single-user cluster "
                f"{cluster.cluster_id}, but the single user of this cluster is '{assigned}'",
                reference="single-user-check",
                hint="use a cluster in standard access mode, or one that is assigned to you",
            )
