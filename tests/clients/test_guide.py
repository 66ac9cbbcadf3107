"""The program in the guide does what the guide says."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from databricks.sdk import WorkspaceClient

if TYPE_CHECKING:
    from tests.conftest import Workspace

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "default-package-repositories.md"
SCOPE = "databricks-package-management"
URL = "https://build:token@pkgs.example.com/team-a/simple/"


def test_the_program_of_the_guide(workspace: Workspace, client: WorkspaceClient) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 # that is the point
    try:
        for _ in range(2):
            names["set_default"](client, URL)
        _name, token = workspace.user()
        stored = workspace.client(token).secrets.get_secret(SCOPE, "pip-index-url").value
        assert base64.b64decode(stored or "").decode() == URL
    finally:
        client.secrets.delete_scope(SCOPE)
