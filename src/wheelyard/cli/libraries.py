"""`wheelyard libraries`: the official CLI's grammar for libraries on clusters."""

from __future__ import annotations

from typing import Any

from wheelyard.cli.grammar import Call, Field, Listing, family

__all__ = ["command"]

_LIBRARIES = "/api/2.0/libraries"


def library_name(library: dict[str, Any]) -> str:
    """A library in the words of its spec: requirement, path or coordinates.

    >>> library_name({"pypi": {"package": "six==1.16.0"}})
    'pypi six==1.16.0'
    """
    for kind, spec in library.items():
        words = spec if isinstance(spec, str) else spec.get("package") or spec.get("coordinates") or ""
        repo = spec.get("repo") if isinstance(spec, dict) else None
        return f"{kind} {words}" + (f" from {repo}" if repo else "")
    return ""


_STATUS = Listing(
    "library_statuses",
    (
        ("Library", lambda item: library_name(item.get("library") or {})),
        ("Status", "status"),
        ("Message", lambda item: "\n".join(item.get("messages") or ())),
    ),
    empty="no libraries on this cluster",
)
_CLUSTER = Field("cluster_id", "id of the cluster")

command = family(
    "libraries",
    "Libraries of clusters, in the grammar of `databricks libraries`.",
    (
        Call(
            "cluster-status",
            "Status of each library of a cluster.",
            "GET",
            f"{_LIBRARIES}/cluster-status",
            (_CLUSTER,),
            show=_STATUS,
        ),
        Call(
            "all-cluster-statuses",
            "Status of the libraries of all clusters.",
            "GET",
            f"{_LIBRARIES}/all-cluster-statuses",
            show=Listing(
                "statuses",
                (
                    ("Cluster", "cluster_id"),
                    (
                        "Libraries",
                        lambda item: "\n".join(
                            f"{library_name(one.get('library') or {})} {one.get('status', '')}"
                            for one in item.get("library_statuses") or ()
                        ),
                    ),
                ),
                empty="no cluster has libraries",
            ),
        ),
        Call(
            "install",
            "Install libraries on a cluster; returns at once.",
            "POST",
            f"{_LIBRARIES}/install",
            body="must",
            text='Body: {"cluster_id": "ID", "libraries": [{"pypi": {"package": "six==1.16.0"}}]}',
        ),
        Call(
            "uninstall",
            "Remove libraries at the cluster's next restart.",
            "POST",
            f"{_LIBRARIES}/uninstall",
            body="must",
        ),
    ),
)
