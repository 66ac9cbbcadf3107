"""Cluster specifications: what is refused, what the server adds, and what is given back.

The echo rule: a specification is stored as it was sent and given back word for word, secret references and fields this
version does not know included. What the server adds stands in the details beside it, and only in the fields of
`filled`. Nothing that a launch adds (the workspace default, resolved secrets) is ever stored here. Source:
facts/workspace-api.md 6.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from wheelyard.control.clusters.catalog import SMALLEST_NODE_TYPE
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.rules.runtimes import RUNTIMES, runtime_of
from wheelyard.core.secret_refs import references_in

__all__ = ["ACCESS_MODE_ALIASES", "Spec", "check", "default_tags", "echoed", "filled", "reference_fields"]

Spec = Mapping[str, Any]

ACCESS_MODE_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "DATA_SECURITY_MODE_STANDARD": "USER_ISOLATION",
        "DATA_SECURITY_MODE_DEDICATED": "SINGLE_USER",
        "DATA_SECURITY_MODE_AUTO": "USER_ISOLATION",
    }
)
"""Value sent to value answered at top level; under `spec` it stays as sent.

Source: facts/workspace-api.md 6.3, delivery.md 10.
"""

_KNOWN_MODES = frozenset(
    {
        *ACCESS_MODE_ALIASES,
        "USER_ISOLATION",
        "SINGLE_USER",
        "NONE",
        "LEGACY_TABLE_ACL",
        "LEGACY_PASSTHROUGH",
        "LEGACY_SINGLE_USER",
        "LEGACY_SINGLE_USER_STANDARD",
    }
)

_ONLY_WITH_KIND = ("is_single_node", "use_ml_runtime")
_NEVER_AT_TOP = ("apply_policy_default_values", "clone_from", "cluster_id")
_MOST_TAGS = 45
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE_FIELDS = ("spark_env_vars", "spark_conf")


def check(spec: Spec) -> None:
    """Refuse a specification that could never start.

    Raises:
        InvalidParameter: the runtime version is missing or unknown, a size, an access mode or the auto-termination is
            out of range, or a secret reference is misspelt; the text names the field and its value.
    """
    _check_runtime(spec)
    _check_size(spec)
    _check_autotermination(spec)
    _check_mode(spec)
    for name in _REFERENCE_FIELDS:
        references_in(_texts(spec, name))
    _check_variables(_texts(spec, "spark_env_vars"))
    if len(_texts(spec, "custom_tags")) > _MOST_TAGS:
        raise InvalidParameter(f"custom_tags holds more than {_MOST_TAGS} tags", reference="too-many-tags")


def _check_runtime(spec: Spec) -> None:
    version = spec.get("spark_version")
    if not isinstance(version, str) or not version:
        raise InvalidParameter(
            "Missing required field: spark_version",
            reference="runtime-missing",
            hint="databricks clusters spark-versions",
        )
    if runtime_of(version) is None:
        known = ", ".join(row.spark_versions[0] for row in RUNTIMES)
        raise InvalidParameter(
            f"Invalid spark version {version}. Known versions: {known}.",
            reference="unknown-runtime",
            hint="databricks clusters spark-versions",
        )


def _check_size(spec: Spec) -> None:
    workers = spec.get("num_workers", 0)
    if not isinstance(workers, int) or workers < 0:
        raise InvalidParameter(f"num_workers must be a number from 0 on, not {workers!r}", reference="invalid-size")
    autoscale = spec.get("autoscale")
    if autoscale is None:
        return
    if not isinstance(autoscale, Mapping):
        raise InvalidParameter("autoscale must be an object with min_workers and max_workers", reference="invalid-size")
    least, most = autoscale.get("min_workers", 0), autoscale.get("max_workers", 0)
    if not isinstance(least, int) or not isinstance(most, int) or not 0 <= least <= most:
        raise InvalidParameter(
            f"autoscale needs 0 <= min_workers <= max_workers, not {least!r} and {most!r}", reference="invalid-size"
        )


def _check_autotermination(spec: Spec) -> None:
    minutes = spec.get("autotermination_minutes", 0)
    if not isinstance(minutes, int) or (minutes != 0 and not 10 <= minutes <= 10_000):
        raise InvalidParameter(
            f"autotermination_minutes must be 0 or from 10 to 10000, not {minutes!r}",
            reference="invalid-autotermination",
        )


def _check_mode(spec: Spec) -> None:
    mode = spec.get("data_security_mode")
    if mode is not None and mode not in _KNOWN_MODES:
        raise InvalidParameter(
            f"Unknown data_security_mode {mode!r}",
            reference="unknown-access-mode",
            hint=f"one of {', '.join(sorted(_KNOWN_MODES))}",
        )
    for name in _ONLY_WITH_KIND:
        if spec.get(name) is not None and spec.get("kind") is None:
            raise InvalidParameter(f"{name} can only be set with kind CLASSIC_PREVIEW", reference="kind-needed")


def _check_variables(variables: Mapping[str, str]) -> None:
    """Source: facts/delivery.md 3.1, any valid variable name."""
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise InvalidParameter(
                f"spark_env_vars: {name[:100]!r} cannot be the name of an environment variable",
                reference="invalid-variable",
                hint="a name has letters, digits and underscores, and begins with no digit",
            )
        if "\0" in value:
            raise InvalidParameter(
                f"spark_env_vars: the value of {name} holds a zero byte, which no environment can",
                reference="invalid-variable",
            )


def _texts(spec: Spec, name: str) -> dict[str, str]:
    values = spec.get(name) or {}
    if not isinstance(values, Mapping) or not all(isinstance(value, str) for value in values.values()):
        raise InvalidParameter(f"{name} must map names to text", reference="invalid-map")
    return dict(values)


def reference_fields(spec: Spec) -> dict[str, str]:
    """Every variable and Spark setting whose value is a secret reference: where it stands, to the reference's text."""
    return {
        f"{name}.{key}": value
        for name in _REFERENCE_FIELDS
        for key, value in _texts(spec, name).items()
        if key in references_in({key: value})
    }


def echoed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The `spec` copy: the request as it came, without the id it was addressed with and without a registry password."""
    spec = {key: value for key, value in request.items() if key != "cluster_id" and value is not None}
    image = spec.get("docker_image")
    if isinstance(image, Mapping) and isinstance(image.get("basic_auth"), Mapping):
        login = {key: value for key, value in image["basic_auth"].items() if key != "password"}
        spec["docker_image"] = {**image, "basic_auth": login}
    return spec


def filled(spec: Spec, creator: str, *, for_job: bool) -> dict[str, Any]:
    """The specification as details show it: as sent, plus the few fields a server may fill.

    Source: facts/workspace-api.md 6.2 (echo rule) and 6.3.
    """
    answer = {key: value for key, value in spec.items() if key not in _NEVER_AT_TOP}
    if not spec.get("instance_pool_id"):
        answer.setdefault("node_type_id", SMALLEST_NODE_TYPE.node_type_id)
        answer.setdefault("driver_node_type_id", answer["node_type_id"])
    mode = spec.get("data_security_mode")
    if mode is None and for_job:
        mode = "SINGLE_USER"
    if mode is not None:
        answer["data_security_mode"] = ACCESS_MODE_ALIASES.get(mode, mode)
    if answer.get("data_security_mode") == "SINGLE_USER" and not spec.get("single_user_name"):
        answer["single_user_name"] = creator
    return answer


def default_tags(cluster_id: str, spec: Spec, creator: str) -> dict[str, str]:
    """Source: facts/workspace-api.md 6.2."""
    name = str(spec.get("cluster_name") or "")
    return {"Vendor": "Databricks", "Creator": creator, "ClusterName": name, "ClusterId": cluster_id}
