"""Who may call what: every operation row, called by an anonymous caller, a user without grants, a member of a group
that holds a middle level, a service principal that holds the level below ownership or the highest one, and an admin.

The answers are recorded in `operations.txt`, which is read like code when it changes. To write it anew, after reading
the difference: WHEELYARD_RECORD=1.
"""

from __future__ import annotations

import base64
import difflib
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from wheelyard.control.operation import Operation
from wheelyard.embedded import ROOMS

RECORDED = Path(__file__).with_name("operations.txt")
CALLERS = ("anonymous", "user", "group member", "service principal", "admin")
GROUP = "operators"
SCIM = "/api/2.0/preview/scim/v2"
Swept = Any
Known = Any
Things = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What a row is called with: the things that are made first, and the body or query; `{name}` stands for a thing."""

    make: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


AUTHORIZE = {
    "response_type": "code",
    "client_id": "databricks-cli",
    "redirect_uri": "http://localhost:8020",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}

CASES: dict[str, Case] = {
    # probes
    "GET /.well-known/databricks-config": Case(),
    "POST /telemetry-ext": Case(body={"protoLogs": ["{}"]}),
    # scim
    f"GET {SCIM}/Me": Case(),
    f"GET {SCIM}/Users": Case(),
    f"POST {SCIM}/Users": Case("name", {"userName": "{name}@example.com"}),
    f"GET {SCIM}/Users/{{id}}": Case("person"),
    f"PUT {SCIM}/Users/{{id}}": Case("person", {"displayName": "new"}),
    f"PATCH {SCIM}/Users/{{id}}": Case("person", {"Operations": [{"op": "replace", "path": "active", "value": True}]}),
    f"DELETE {SCIM}/Users/{{id}}": Case("person"),
    f"GET {SCIM}/Groups": Case(),
    f"POST {SCIM}/Groups": Case("name", {"displayName": "{name}"}),
    f"GET {SCIM}/Groups/{{id}}": Case("group"),
    f"PUT {SCIM}/Groups/{{id}}": Case("group", {"displayName": "{name}"}),
    f"PATCH {SCIM}/Groups/{{id}}": Case("group", {"Operations": [{"op": "remove", "path": "members"}]}),
    f"DELETE {SCIM}/Groups/{{id}}": Case("group"),
    f"GET {SCIM}/ServicePrincipals": Case(),
    f"POST {SCIM}/ServicePrincipals": Case("name", {"displayName": "{name}"}),
    f"GET {SCIM}/ServicePrincipals/{{id}}": Case("machine"),
    f"PUT {SCIM}/ServicePrincipals/{{id}}": Case("machine", {"displayName": "new"}),
    f"PATCH {SCIM}/ServicePrincipals/{{id}}": Case(
        "machine", {"Operations": [{"op": "replace", "path": "active", "value": True}]}
    ),
    f"DELETE {SCIM}/ServicePrincipals/{{id}}": Case("machine"),
    # tokens
    "POST /api/2.0/token/create": Case(body={"lifetime_seconds": 60}),
    "GET /api/2.0/token/list": Case(),
    "POST /api/2.0/token/delete": Case("own_token", {"token_id": "{token_id}"}),
    "GET /api/2.0/token-management/tokens": Case(),
    "GET /api/2.0/token-management/tokens/{token_id}": Case("own_token"),
    "DELETE /api/2.0/token-management/tokens/{token_id}": Case("own_token"),
    "POST /api/2.0/token-management/on-behalf-of/tokens": Case("machine", {"application_id": "{application_id}"}),
    # oauth
    "GET /oidc/.well-known/oauth-authorization-server": Case(),
    "GET /oidc/v1/authorize": Case(body=AUTHORIZE),
    "POST /oidc/v1/authorize": Case(body={**AUTHORIZE, "token": "dapi-wrong"}),
    "POST /oidc/v1/token": Case(
        "client_secret",
        {"grant_type": "client_credentials", "client_id": "{application_id}", "client_secret": "{secret}"},
    ),
    "GET /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets": Case("machine"),
    "POST /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets": Case("machine"),
    "DELETE /api/2.0/accounts/servicePrincipals/{service_principal_id}/credentials/secrets/{secret_id}": Case(
        "client_secret"
    ),
    # sign_in
    "POST /api/2.0/wheelyard/sign-in-links": Case(body={"user_name": "admin@wheelyard.example"}),
    # permissions
    "GET /api/2.0/permissions/{object_type}/{object_id}": Case("cluster"),
    "PUT /api/2.0/permissions/{object_type}/{object_id}": Case("cluster", {"access_control_list": []}),
    "PATCH /api/2.0/permissions/{object_type}/{object_id}": Case("cluster", {"access_control_list": []}),
    "GET /api/2.0/permissions/{object_type}/{object_id}/permissionLevels": Case("cluster"),
    # secrets
    "POST /api/2.0/secrets/scopes/create": Case("name", {"scope": "{name}"}),
    "GET /api/2.0/secrets/scopes/list": Case(),
    "POST /api/2.0/secrets/scopes/delete": Case("scope", {"scope": "{scope}"}),
    "POST /api/2.0/secrets/put": Case("scope", {"scope": "{scope}", "key": "new", "string_value": "x"}),
    "GET /api/2.0/secrets/get": Case("scope", {"scope": "{scope}", "key": "key"}),
    "GET /api/2.0/secrets/list": Case("scope", {"scope": "{scope}"}),
    "POST /api/2.0/secrets/delete": Case("scope", {"scope": "{scope}", "key": "key"}),
    "POST /api/2.0/secrets/acls/put": Case("scope", {"scope": "{scope}", "principal": "users", "permission": "READ"}),
    "GET /api/2.0/secrets/acls/get": Case("scope", {"scope": "{scope}", "principal": GROUP}),
    "GET /api/2.0/secrets/acls/list": Case("scope", {"scope": "{scope}"}),
    "POST /api/2.0/secrets/acls/delete": Case("scope", {"scope": "{scope}", "principal": GROUP}),
    # workspace
    "GET /api/2.0/workspace/get-status": Case("notebook", {"path": "{notebook_path}"}),
    "GET /api/2.0/workspace/list": Case("notebook", {"path": "{directory_path}"}),
    "POST /api/2.0/workspace/mkdirs": Case("notebook", {"path": "{directory_path}/new"}),
    "POST /api/2.0/workspace/delete": Case("notebook", {"path": "{notebook_path}"}),
    "GET /api/2.0/workspace/export": Case("notebook", {"path": "{notebook_path}"}),
    "POST /api/2.0/workspace/import": Case(
        "notebook",
        {"path": "{directory_path}/second", "content": "MQ==", "format": "SOURCE", "language": "PYTHON"},
    ),
    "POST /api/2.0/workspace-files/import-file/{path...}": Case("import_path"),
    "GET /api/2.0/workspace-files/{path...}": Case("file_path"),
    # feeds
    "POST /api/2.0/wheelyard/feeds": Case("name", {"name": "{name}"}),
    "GET /api/2.0/wheelyard/feeds": Case(),
    "GET /api/2.0/wheelyard/feeds/{feed_id}": Case("feed"),
    "DELETE /api/2.0/wheelyard/feeds/{feed_id}": Case("feed"),
    "GET /api/2.0/wheelyard/feeds/{feed_id}/permissions": Case("feed"),
    "PUT /api/2.0/wheelyard/feeds/{feed_id}/permissions": Case("feed", {"principal": "users", "role": "READER"}),
    "DELETE /api/2.0/wheelyard/feeds/{feed_id}/permissions": Case("feed", {"principal": GROUP}),
    "POST /api/2.0/wheelyard/feeds/{feed_id}/tokens": Case("feed", {"scope": "read"}),
    "GET /api/2.0/wheelyard/feeds/{feed_id}/tokens": Case("feed"),
    "DELETE /api/2.0/wheelyard/feeds/{feed_id}/tokens/{token_id}": Case("feed_token"),
    "GET /api/2.0/wheelyard/feeds/{feed_id}/packages": Case("feed"),
    "GET /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}": Case("feed"),
    "POST /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}/yank": Case("feed"),
    "POST /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}/unyank": Case("feed"),
    "DELETE /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}": Case("feed"),
    # clusters
    "POST /api/2.1/clusters/create": Case(
        "name", {"cluster_name": "{name}", "spark_version": "15.4.x-scala2.12", "num_workers": 0}
    ),
    "POST /api/2.1/clusters/edit": Case(
        "cluster",
        {"cluster_id": "{cluster_id}", "spark_version": "15.4.x-scala2.12", "num_workers": 0, "cluster_name": "new"},
    ),
    "POST /api/2.1/clusters/update": Case(
        "cluster",
        {"cluster_id": "{cluster_id}", "update_mask": "cluster_name", "cluster": {"cluster_name": "new"}},
    ),
    "POST /api/2.1/clusters/resize": Case("cluster", {"cluster_id": "{cluster_id}", "num_workers": 0}),
    "GET /api/2.1/clusters/list": Case(),
    "GET /api/2.1/clusters/list-node-types": Case(),
    "GET /api/2.1/clusters/spark-versions": Case(),
    "GET /api/2.1/clusters/list-zones": Case(),
    "POST /api/2.1/clusters/change-owner": Case(
        "cluster", {"cluster_id": "{cluster_id}", "owner_username": "admin@wheelyard.example"}
    ),
    **{
        f"{method} /api/2.1/clusters/{verb}": Case("cluster", {"cluster_id": "{cluster_id}"})
        for method, verb in (
            ("GET", "get"),
            ("POST", "start"),
            ("POST", "restart"),
            ("POST", "delete"),
            ("POST", "permanent-delete"),
            ("POST", "events"),
            ("POST", "pin"),
            ("POST", "unpin"),
        )
    },
    "GET /api/2.0/wheelyard/clusters/{cluster_id}/logs/{name}": Case("cluster", {}),
    # libraries
    "POST /api/2.0/libraries/install": Case(
        "cluster", {"cluster_id": "{cluster_id}", "libraries": [{"pypi": {"package": "left-pad"}}]}
    ),
    "POST /api/2.0/libraries/uninstall": Case(
        "cluster", {"cluster_id": "{cluster_id}", "libraries": [{"pypi": {"package": "left-pad"}}]}
    ),
    "GET /api/2.0/libraries/cluster-status": Case("cluster", {"cluster_id": "{cluster_id}"}),
    "GET /api/2.0/libraries/all-cluster-statuses": Case(),
    # command execution
    "POST /api/1.2/contexts/create": Case("cluster", {"clusterId": "{cluster_id}", "language": "python"}),
    "GET /api/1.2/contexts/status": Case("context", {"clusterId": "{cluster_id}", "contextId": "{context_id}"}),
    "POST /api/1.2/contexts/destroy": Case("context", {"clusterId": "{cluster_id}", "contextId": "{context_id}"}),
    "POST /api/1.2/commands/execute": Case(
        "context",
        {"clusterId": "{cluster_id}", "contextId": "{context_id}", "language": "python", "command": "1"},
    ),
    "GET /api/1.2/commands/status": Case(
        "command", {"clusterId": "{cluster_id}", "contextId": "{context_id}", "commandId": "{command_id}"}
    ),
    "POST /api/1.2/commands/cancel": Case(
        "command", {"clusterId": "{cluster_id}", "contextId": "{context_id}", "commandId": "{command_id}"}
    ),
    # jobs
    "POST /api/2.2/jobs/create": Case("name", {"name": "{name}"}),
    "GET /api/2.2/jobs/get": Case("job", {"job_id": "{job_id}"}),
    "GET /api/2.2/jobs/list": Case(),
    "POST /api/2.2/jobs/update": Case("job", {"job_id": "{job_id}", "new_settings": {"name": "new"}}),
    "POST /api/2.2/jobs/reset": Case("job", {"job_id": "{job_id}", "new_settings": {"name": "new"}}),
    "POST /api/2.2/jobs/delete": Case("job", {"job_id": "{job_id}"}),
    "POST /api/2.2/jobs/run-now": Case("job", {"job_id": "{job_id}"}),
    "POST /api/2.2/jobs/runs/submit": Case(
        "notebook",
        {"tasks": [{"task_key": "only", "notebook_task": {"notebook_path": "{notebook_path}"}}]},
    ),
    "GET /api/2.2/jobs/runs/get": Case("run", {"run_id": "{run_id}"}),
    "GET /api/2.2/jobs/runs/list": Case(),
    "GET /api/2.2/jobs/runs/get-output": Case("run", {"run_id": "{run_id}"}),
    "GET /api/2.2/jobs/runs/export": Case("run", {"run_id": "{run_id}"}),
    "POST /api/2.2/jobs/runs/cancel": Case("run", {"run_id": "{run_id}"}),
    "POST /api/2.2/jobs/runs/cancel-all": Case("job", {"job_id": "{job_id}"}),
    "POST /api/2.2/jobs/runs/delete": Case("run", {"run_id": "{run_id}"}),
    "GET /api/2.0/wheelyard/runs/{run_id}/logs": Case("run"),
}


class Makers:
    """Makes the things a case needs, as the admin, and gives the grants the columns stand for."""

    def __init__(self, swept: Swept, people: dict[str, Known]) -> None:
        self.swept = swept
        self.machine_name = people["service principal"].name
        self.made = swept.made

    def things(self, kind: str, caller: Known | None) -> Things:
        if not kind:
            return {}
        number = next(self.swept.counter)
        if kind == "own_token":
            owner = caller.token if caller else self.swept.admin_token
            made = self.swept.call("POST", "/api/2.0/token/create", {}, token=owner).json
            return {"token_id": made["token_info"]["token_id"]}
        make: Callable[[str], Things] = getattr(self, kind)
        return make(f"{kind.replace('_', '-')}-{number}")

    def name(self, name: str) -> Things:
        return {"name": name}

    def person(self, name: str) -> Things:
        return {"id": self.swept.user(f"{name}@example.com").principal_id}

    def group(self, name: str) -> Things:
        return {"id": self.made("POST", f"{SCIM}/Groups", {"displayName": name})["id"], "name": name}

    def machine(self, name: str) -> Things:
        made = self.swept.service_principal(name)
        return {"id": made.principal_id, "service_principal_id": made.principal_id, "application_id": made.name}

    def client_secret(self, name: str) -> Things:
        things = self.machine(name)
        path = f"/api/2.0/accounts/servicePrincipals/{things['id']}/credentials/secrets"
        made = self.made("POST", path, {})
        return {**things, "secret_id": made["id"], "secret": made["secret"]}

    def scope(self, name: str) -> Things:
        base = "/api/2.0/secrets"
        self.made("POST", f"{base}/scopes/create", {"scope": name})
        self.made("POST", f"{base}/put", {"scope": name, "key": "key", "string_value": "value"})
        for principal, permission in ((GROUP, "WRITE"), (self.machine_name, "MANAGE")):
            self.made("POST", f"{base}/acls/put", {"scope": name, "principal": principal, "permission": permission})
        return {"scope": name}

    def _grant(self, object_type: str, object_id: str, group_level: str, machine_level: str) -> None:
        entries = [
            {"group_name": GROUP, "permission_level": group_level},
            {"service_principal_name": self.machine_name, "permission_level": machine_level},
        ]
        self.made("PATCH", f"/api/2.0/permissions/{object_type}/{object_id}", {"access_control_list": entries})

    def notebook(self, name: str) -> Things:
        directory = f"/Users/admin@wheelyard.example/{name}"
        path = f"{directory}/notebook"
        self.made("POST", "/api/2.0/workspace/mkdirs", {"path": directory})
        body = {"path": path, "content": "MQ==", "format": "SOURCE", "language": "PYTHON"}
        self.made("POST", "/api/2.0/workspace/import", body)
        status = self.made("GET", f"/api/2.0/workspace/get-status?path={quote(directory)}")
        self._grant("directories", status["object_id"], "CAN_EDIT", "CAN_MANAGE")
        return {"directory_path": directory, "notebook_path": path}

    def import_path(self, name: str) -> Things:
        return {"path": f"{self.notebook(name)['directory_path']}/file.txt".removeprefix("/")}

    def file_path(self, name: str) -> Things:
        path = f"{self.notebook(name)['directory_path']}/file.txt"
        content = base64.b64encode(b"text").decode()
        self.made("POST", "/api/2.0/workspace/import", {"path": path, "content": content, "format": "AUTO"})
        return {"path": path.removeprefix("/")}

    def feed(self, name: str) -> Things:
        feed_id = self.made("POST", "/api/2.0/wheelyard/feeds", {"name": name})["feed_id"]
        for principal, role in ((GROUP, "CONTRIBUTOR"), (self.machine_name, "OWNER")):
            self.made("PUT", f"/api/2.0/wheelyard/feeds/{feed_id}/permissions", {"principal": principal, "role": role})
        return {"feed_id": feed_id, "feed": name, "package": "left-pad", "version": "1.0"}

    def feed_token(self, name: str) -> Things:
        things = self.feed(name)
        made = self.made("POST", f"/api/2.0/wheelyard/feeds/{things['feed_id']}/tokens", {"scope": "read"})
        return {**things, "token_id": made["token_info"]["token_id"]}

    def cluster(self, name: str) -> Things:
        body = {"cluster_name": name, "spark_version": "15.4.x-scala2.12", "num_workers": 0}
        cluster_id = self.made("POST", "/api/2.1/clusters/create", body)["cluster_id"]
        self._grant("clusters", cluster_id, "CAN_RESTART", "CAN_MANAGE")
        while self._state(cluster_id) == "PENDING":
            time.sleep(0.005)
        return {"cluster_id": cluster_id, "object_type": "clusters", "object_id": cluster_id, "name": "startup"}

    def context(self, name: str) -> Things:
        things = self.cluster(name)
        body = {"clusterId": things["cluster_id"], "language": "python"}
        return {**things, "context_id": self.made("POST", "/api/1.2/contexts/create", body)["id"]}

    def command(self, name: str) -> Things:
        things = self.context(name)
        ids = {"clusterId": things["cluster_id"], "contextId": things["context_id"]}
        body = {**ids, "language": "python", "command": "1"}
        return {**things, "command_id": self.made("POST", "/api/1.2/commands/execute", body)["id"]}

    def _state(self, cluster_id: str) -> str:
        return str(self.made("GET", f"/api/2.1/clusters/get?cluster_id={cluster_id}")["state"])

    def job(self, name: str) -> Things:
        path = self.notebook(name)["notebook_path"]
        tasks = [{"task_key": "only", "notebook_task": {"notebook_path": path}}]
        job_id = str(self.made("POST", "/api/2.2/jobs/create", {"name": name, "tasks": tasks})["job_id"])
        self._grant("jobs", job_id, "CAN_MANAGE_RUN", "CAN_MANAGE")
        return {"job_id": job_id}

    def run(self, name: str) -> Things:
        things = self.job(name)
        run = self.made("POST", "/api/2.2/jobs/run-now", {"job_id": things["job_id"]})
        while self._life_cycle(run["run_id"]) not in {"TERMINATED", "INTERNAL_ERROR", "SKIPPED"}:
            time.sleep(0.01)
        return {**things, "run_id": str(run["run_id"])}

    def _life_cycle(self, run_id: int) -> str:
        return str(self.made("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}")["state"]["life_cycle_state"])


@dataclass(frozen=True)
class Outcome:
    status: int
    text: str


@pytest.fixture(scope="module")
def people(swept: Swept) -> dict[str, Known | None]:
    known = {
        "user": swept.user("user@example.com"),
        "group member": swept.user("member@example.com"),
        "service principal": swept.service_principal("pipeline"),
    }
    member = {"value": known["group member"].principal_id}
    entitlements = [{"value": "allow-cluster-create"}]
    swept.made("POST", f"{SCIM}/Groups", {"displayName": GROUP, "members": [member], "entitlements": entitlements})
    return {"anonymous": None, **known, "admin": None}


@pytest.fixture(scope="module")
def outcomes(swept: Swept, people: dict[str, Known | None]) -> dict[str, dict[str, Outcome]]:
    """What every row answers every caller."""
    makers = Makers(swept, {label: known for label, known in people.items() if known})
    return {
        _key(row): {label: _outcome(swept, makers, row, label, people[label]) for label in CALLERS}
        for room in ROOMS
        for row in room.operations
        if _key(row) in CASES
    }


def _key(row: Operation[Any, Any, Any]) -> str:
    return f"{row.method} {row.path}"


def _outcome(swept: Swept, makers: Makers, row: Operation[Any, Any, Any], label: str, caller: Known | None) -> Outcome:
    case = CASES[_key(row)]
    things = makers.things(case.make, caller)
    token = {"anonymous": "", "admin": None}.get(label, caller.token if caller else None)
    path = re.sub(r"\{(\w+)(\.\.\.)?\}", lambda found: quote(things[found[1]], safe=""), row.path)
    body = _filled(case.body, things)
    if row.method in {"GET", "DELETE"}:
        answer = swept.call(row.method, f"{path}?{urlencode(body, doseq=True)}", token=token)
    elif row.raw:
        answer = swept.call(row.method, path, b"text", token=token)
    elif row.envelope == "oauth":
        answer = swept.call(row.method, path, urlencode(body).encode(), token=token, form=True)
    else:
        answer = swept.call(row.method, path, body, token=token)
    assert answer.status < 500, (_key(row), label, answer)
    text = _text(answer.json) if answer.status in {401, 403, 404} else ""
    for name, value in {**things, "caller": caller.name if caller else "admin@wheelyard.example"}.items():
        text = text.replace(value, f"<{name}>")
    return Outcome(answer.status, text)


def _filled(value: Any, things: Things) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, things) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, things) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\{(\w+)\}", lambda found: things[found[1]], value)


def _text(body: Any) -> str:
    return str(body.get("message") or body.get("detail") or body.get("error_description") or body.get("error") or "")


def _cell(outcome: Outcome, admin: Outcome) -> str:
    """Whether the caller got past the door: 404 counts as a refusal only where the admin finds something."""
    if outcome.status in {401, 403} or (outcome.status == 404 and admin.status != 404):
        return str(outcome.status)
    return "yes"


def _table(outcomes: dict[str, dict[str, Outcome]]) -> str:
    rows = {_key(row): row for room in ROOMS for row in room.operations if _key(row) in outcomes}
    width = max(map(len, rows))
    needs_width = max(len(row.needs.label) for row in rows.values())
    head = "  ".join(f"{label:<{max(len(label), 4)}}" for label in CALLERS)
    lines = [f"{'operation':<{width}}  {'needs':<{needs_width}}  {head}".rstrip()]
    for key, row in rows.items():
        cells = "  ".join(
            f"{_cell(outcomes[key][label], outcomes[key]['admin']):<{max(len(label), 4)}}" for label in CALLERS
        )
        lines.append(f"{key:<{width}}  {row.needs.label:<{needs_width}}  {cells}".rstrip())
    lines += ["", "What those who are refused are told", ""]
    for key in rows:
        told = {
            f"{_cell(outcome, outcomes[key]['admin'])} {outcome.text}": None
            for outcome in outcomes[key].values()
            if _cell(outcome, outcomes[key]["admin"]) in {"403", "404"}
        }
        lines += [f"{key}", *(f"    {text}" for text in told)] if told else []
    return "\n".join(lines) + "\n"


def test_every_row_has_a_case() -> None:
    rows = {_key(row) for room in ROOMS for row in room.operations}
    assert rows - set(CASES) == set()
    assert set(CASES) - rows == set(), "cases whose row is gone"


def test_the_matrix_is_the_recorded_one(outcomes: dict[str, dict[str, Outcome]]) -> None:
    now = _table(outcomes)
    if os.environ.get("WHEELYARD_RECORD"):
        RECORDED.write_text(now)
    recorded = RECORDED.read_text()
    difference = "\n".join(
        difflib.unified_diff(recorded.splitlines(), now.splitlines(), "recorded", "now", lineterm="")
    )
    assert now == recorded, f"read the difference, then record it with WHEELYARD_RECORD=1\n{difference}"


WITHOUT_SUCCESS = (
    # the page is told a wrong token, and shows itself again
    "POST /oidc/v1/authorize",
    # no package was uploaded
    "/packages/{package}",
    # the cluster runs: it cannot be started or given away; and it has no workers that could be more or fewer
    "clusters/start",
    "clusters/change-owner",
    "clusters/resize",
)


def test_admins_may_do_everything(outcomes: dict[str, dict[str, Outcome]]) -> None:
    failed = {key: found["admin"] for key, found in outcomes.items() if found["admin"].status >= 300}
    assert {key: outcome for key, outcome in failed.items() if not any(map(key.count, WITHOUT_SUCCESS))} == {}


def test_every_refusal_has_a_text(outcomes: dict[str, dict[str, Outcome]]) -> None:
    silent = [
        (key, label)
        for key, found in outcomes.items()
        for label, outcome in found.items()
        if outcome.status in {401, 403} and len(outcome.text) < 10
    ]
    assert silent == []


def test_strangers_get_in_only_where_the_row_says_so(outcomes: dict[str, dict[str, Outcome]]) -> None:
    open_to_anyone = {_key(row) for room in ROOMS for row in room.operations if row.needs.label == "anyone"}
    assert {key for key, found in outcomes.items() if found["anonymous"].status != 401} == open_to_anyone
