"""The workspace default as the client reads and writes it; `core.stored_default` checks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from wheelyard.client import defaults
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from tests.conftest import Workspace

URL = Secret("https://build:s3cret-token@pkgs.example.com/simple/")
GOOD_ACL = {"admins": "MANAGE", "users": "READ"}


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
