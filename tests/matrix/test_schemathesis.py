"""Requests drawn from `/openapi.json`, sent as an admin to the whole workspace: refused or answered, never a 5xx."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from wheelyard.embedded import ROOMS
from wheelyard.http.openapi import openapi_document

Swept = Any


def _valid(found: Any) -> Any:
    """The operation, or the error in the document."""
    return found.ok()


EXAMPLES = int(os.environ.get("WHEELYARD_EXAMPLES", "10"))
"""For each operation; the same ones at each run."""

SCHEMA = schemathesis.openapi.from_dict(openapi_document(ROOMS))
OPERATIONS = {operation.label: operation for found in SCHEMA.get_all_operations() if (operation := _valid(found))}


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_server_error(label: str, swept: Swept) -> None:
    headers = {"Authorization": f"Bearer {swept.admin_token}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy())
    def send(case: Any) -> None:
        case.call_and_validate(base_url=swept.url, headers=headers, checks=[not_a_server_error], timeout=60)

    send()


def test_the_document_describes_every_row(swept: Swept) -> None:
    document = swept.call("GET", "/openapi.json", token="").json
    described = {(method.upper(), path) for path, rows in document["paths"].items() for method in rows}
    assert described == {(row.method, row.path.replace("...}", "}")) for room in ROOMS for row in room.operations}
    ids = [row["operationId"] for rows in document["paths"].values() for row in rows.values()]
    assert len(ids) == len(set(ids))
    assert all(row["summary"] for rows in document["paths"].values() for row in rows.values())
