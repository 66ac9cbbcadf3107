"""The workspace default as the client reads, writes and checks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from wheelyard.client import defaults
from wheelyard.client.defaults import CHECKS, StoredDefault
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from tests.conftest import Workspace

URL = Secret("https://build:s3cret-token@pkgs.example.com/simple/")
GOOD_ACL = {"admins": "MANAGE", "users": "READ"}


def rules(stored: StoredDefault) -> list[str]:
    return [finding.rule_id for finding in defaults.check(stored)]


@pytest.mark.parametrize(
    ("stored", "broken"),
    [
        (StoredDefault(exists=False), ["default-scope-missing"]),
        (StoredDefault(True, {"pip-index-url": URL}, {"pip-index-url": 1}, GOOD_ACL), []),
        (StoredDefault(True, {"pip-index-url": URL}, {"pip-index-url": 1}, None), []),
        (StoredDefault(True, {}, {}, GOOD_ACL), ["default-index-missing"]),
        (
            StoredDefault(True, {"pip-index-url": URL}, {"pip-index-url": 1, "pip_index": 1}, GOOD_ACL),
            ["default-key-unknown"],
        ),
        (StoredDefault(True, {"pip-index-url": URL}, {}, {"admins": "MANAGE"}), ["default-users-cannot-read"]),
        (StoredDefault(True, {"pip-index-url": URL}, {}, GOOD_ACL | {"users": "WRITE"}), ["default-users-can-write"]),
        (StoredDefault(True, {"pip-index-url": URL}, {}, {"users": "READ"}), ["default-admins-cannot-manage"]),
        (StoredDefault(True, {}, {}, None, {"scope": "no READ"}), ["default-unreadable"]),
    ],
)
def test_checks(stored: StoredDefault, broken: list[str]) -> None:
    assert rules(stored) == broken


def test_values_are_checked_too() -> None:
    stored = StoredDefault(True, {"pip-index-url": Secret(URL.reveal() + "\n")}, {}, GOOD_ACL)
    (finding,) = defaults.check(stored)
    assert (finding.rule_id, finding.where, finding.level) == ("secret-has-trailing-newline", "pip-index-url", "error")
    assert "s3cret-token" not in finding.text


def test_check_ids_are_unique() -> None:
    assert len({row.rule_id for row in CHECKS}) == len(CHECKS)


def test_write_read_unset(start_workspace: Callable[..., Workspace]) -> None:
    client = start_workspace().client()
    assert not defaults.read(client).exists
    with pytest.raises(InvalidParameter):
        defaults.write(client, {"pip-index-url": URL, "pip-extra-index-urls": Secret("no scheme")})
    assert not defaults.read(client).exists, "a refused value leaves nothing half-done"
    done = defaults.write(client, {"pip-index-url": URL})
    assert done[0] == "created scope databricks-package-management"
    assert done[-1] == "stored pip-index-url"
    stored = defaults.read(client)
    assert stored.sources is not None
    assert stored.acl is not None
    assert GOOD_ACL.items() <= stored.acl.items()
    assert defaults.check(stored) == ()
    assert defaults.write(client, {"pip-index-url": URL}) == ("stored pip-index-url",)
    assert defaults.unset(client, ["pip-index-url", "pip-cert"]) == ("pip-index-url",)
    assert defaults.delete_scope(client)
    assert not defaults.delete_scope(client)
