"""`jobs/update` and `jobs/reset`: how new settings meet the old ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from wheelyard.control.jobs.wire import Document

__all__ = ["replaced", "updated"]

KEYS: Mapping[str, str] = MappingProxyType(
    {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}
)
"""Arrays that are merged, and the field that tells their entries apart. Source: databricks-sdk-py `JobsAPI.update`."""


def updated(old: Mapping[str, Any], new: Mapping[str, Any], remove: Sequence[str]) -> Document:
    """Top-level fields are replaced, keyed arrays merged entry by entry; then `remove` is taken away.

    >>> updated({"tasks": [{"task_key": "a"}], "name": "n"}, {"tasks": [{"task_key": "b"}]}, ["name"])
    {'tasks': [{'task_key': 'a'}, {'task_key': 'b'}]}
    """
    answer = {**old, **new}
    for field, key in KEYS.items():
        if field in old and field in new:
            answer[field] = _merged(old[field], new[field], key)
    for path in remove:
        _remove(answer, path)
    return answer


def replaced(old: Mapping[str, Any], new: Mapping[str, Any]) -> Document:
    """`reset`: everything is new, but a missing `run_as` keeps the old one. Source: facts/workspace-api.md 10.1."""
    kept = {"run_as": old["run_as"]} if "run_as" in old else {}
    return {**kept, **new}


def _merged(old: Sequence[Document], new: Sequence[Document], key: str) -> list[Document]:
    changed = {entry.get(key): entry for entry in new}
    kept = [changed.pop(entry.get(key), entry) for entry in old]
    return kept + [entry for entry in new if entry.get(key) in changed]


def _remove(settings: Document, path: str) -> None:
    """`schedule`, or one entry of a keyed array as `tasks/task_1`."""
    field, _, entry = path.partition("/")
    if not entry:
        settings.pop(field, None)
    elif field in KEYS and isinstance(settings.get(field), list):
        settings[field] = [known for known in settings[field] if known.get(KEYS[field]) != entry]
