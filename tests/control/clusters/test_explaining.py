"""The workspace's own answer to "which index wins": the one that the CLI gives, and the one that a launch acts on."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.control.clusters.settings_rooms import SettingsRooms, Somebody
from tests.control.instant_engine import InstantEngine

from wheelyard.cli import main
from wheelyard.core.errors import InvalidParameter, NotFound, PermissionDenied
from wheelyard.core.pip.installer import Installer

DEFAULT = {"pip-index-url": "https://build:d3fault-t0ken@pkgs.example.com/simple/"}
FULL_DEFAULT = {
    **DEFAULT,
    "pip-extra-index-urls": "https://x:extra-t0ken@more.example.com/simple https://plain.example.com/simple",
    "pip-cert": "-----BEGIN CERTIFICATE-----\nMAMBAf8=\n-----END CERTIFICATE-----",
}
OWN = "https://ana:own-t0ken-1234@own.example.com/simple/"
OTHER = "https://other.example.com/simple"
NEEDS = "/Workspace/Shared/needs.txt"

Cli = Callable[..., dict[str, Any]]


@pytest.fixture
def cli(settings_rooms: SettingsRooms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`wheelyard explain --output json` as somebody."""

    def explain(somebody: Somebody, *arguments: str) -> dict[str, Any]:
        monkeypatch.setenv("DATABRICKS_HOST", settings_rooms.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", somebody.token)
        capsys.readouterr()
        code = main(["explain", "--output", "json", *arguments])
        out, err = capsys.readouterr()
        assert code in {0, 1}, err
        answer: dict[str, Any] = json.loads(out)
        return answer

    return explain


@dataclass(frozen=True)
class Case:
    """Settings, and a command. `{url}` and `{plain}` in a variable are references to secrets."""

    default: Mapping[str, str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    requirements: str = ""
    runtime: str = "15.4.x-scala2.12"
    installer: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "no default": Case(),
    "an empty default": Case(default={}),
    "a default": Case(default=DEFAULT),
    "a whole default": Case(default=FULL_DEFAULT, spec={"data_security_mode": "USER_ISOLATION"}),
    "cluster variables": Case(
        default=FULL_DEFAULT,
        variables={"DATABRICKS_PIP_INDEX_URL": "{url}", "DATABRICKS_PIP_EXTRA_INDEX_URL": "{plain}", "MODE": "x"},
    ),
    "pip's own variables": Case(
        default=DEFAULT, variables={"PIP_INDEX_URL": "{url}", "PIP_CONFIG_FILE": "/Workspace/Shared/pip.conf"}
    ),
    "variables before 15.1": Case(
        default=DEFAULT, variables={"DATABRICKS_PIP_INDEX_URL": "{url}"}, runtime="14.3.x-scala2.12"
    ),
    "a command with an index": Case(default=FULL_DEFAULT, words=("install", "six", "--index-url", OTHER)),
    "a command that is refused": Case(default=DEFAULT, words=("install", "--no-such-option")),
    "uv": Case(default=FULL_DEFAULT, installer="uv"),
    "uv with a command": Case(
        default=DEFAULT, words=("pip", "install", "six", "--index-url", OTHER), installer="uv==0.13.8"
    ),
    "requirements in the command": Case(
        default=FULL_DEFAULT,
        words=("install", "-r", NEEDS),
        requirements=f"--index-url {OWN}\nsix\n",
        runtime="16.4.x-scala2.12",
    ),
    "requirements nobody has": Case(default=DEFAULT, words=("install", "-r", "/Workspace/Shared/none.txt")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_workspace_answers_as_the_cli_does(settings_rooms: SettingsRooms, cli: Cli, name: str) -> None:
    case, rooms = CASES[name], settings_rooms
    if case.default is not None:
        rooms.set_default(case.default)
    references = {"url": rooms.secret("own", "url", OWN), "plain": rooms.secret("own", "plain", OTHER)}
    variables = {key: text.format(**references) for key, text in case.variables.items()}
    cluster_id = rooms.cluster(spark_version=case.runtime, spark_env_vars=variables, **case.spec)
    if case.requirements:
        _import(rooms, NEEDS, case.requirements)
    installer = Installer.parse(case.installer) if case.installer else None
    told = ["--installer", case.installer] if case.installer else []
    theirs = cli(rooms.admin, "--cluster", cluster_id, *told, "--", *case.words)
    files = {NEEDS: case.requirements} if case.requirements else {}
    ours = rooms.clusters.explain_cluster(rooms.caller(), cluster_id, case.words, files, installer=installer)
    assert ours.to_json() == theirs
    assert "t0ken" not in json.dumps(theirs) + repr(ours)
    assert not [index for index in ours.options.indexes if "t0ken" in index.value.reveal()]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.variables])
def test_serverless_is_answered_as_the_cli_does(settings_rooms: SettingsRooms, cli: Cli, name: str) -> None:
    case, rooms = CASES[name], settings_rooms
    if case.default is not None:
        rooms.set_default(case.default)
    if case.requirements:
        _import(rooms, NEEDS, case.requirements)
    somebody = rooms.user()
    installer = Installer.parse(case.installer) if case.installer else None
    told = ["--installer", case.installer] if case.installer else []
    told += ["--environment-version", "3", "--dependency", "six", "--dependency", f"--extra-index-url {OTHER}"]
    theirs = cli(somebody, "--serverless", *told, "--", *case.words)
    ours = rooms.clusters.explain_serverless(
        rooms.caller(somebody),
        "3",
        case.words,
        {NEEDS: case.requirements} if case.requirements else {},
        dependencies=("six", f"--extra-index-url {OTHER}"),
        installer=installer,
    )
    assert ours.to_json() == theirs
    newest = rooms.clusters.explain_serverless(rooms.caller(somebody))
    assert newest.to_json() == cli(somebody, "--serverless")


@pytest.mark.parametrize("without", ["the secret", "the scope", "READ", "READ on the default"])
def test_what_the_owner_cannot_read_is_named_as_the_cli_names_it(
    settings_rooms: SettingsRooms, cli: Cli, without: str
) -> None:
    rooms, owner = settings_rooms, settings_rooms.creator()
    rooms.set_default(DEFAULT, readers=() if without == "READ on the default" else ("users",))
    rooms.secret("theirs", "url", OWN, owner if without in {"the secret", "READ on the default"} else None)
    place = {"the secret": "theirs/none", "the scope": "none/url"}.get(without, "theirs/url")
    variables = {"PLAIN": "1", "DATABRICKS_PIP_INDEX_URL": f"{{{{secrets/{place}}}}}"}
    cluster_id = rooms.cluster(owner, running=False, spark_env_vars=variables)
    assert rooms.state(cluster_id) == ("RUNNING" if without == "READ on the default" else "TERMINATED")
    theirs = cli(owner, "--cluster", cluster_id)
    assert [warning["id"] for warning in theirs["warnings"]].count("not-readable") == 1
    for somebody in (owner, rooms.admin):  # whoever asks: the owner's READ decides
        assert rooms.clusters.explain_cluster(rooms.caller(somebody), cluster_id).to_json() == theirs


def test_a_default_nobody_gave_read_on_is_named_for_serverless_too(settings_rooms: SettingsRooms, cli: Cli) -> None:
    rooms, somebody = settings_rooms, settings_rooms.user()
    rooms.set_default(DEFAULT, readers=())
    ours = rooms.clusters.explain_serverless(rooms.caller(somebody)).to_json()
    assert ours == cli(somebody, "--serverless")
    assert "databricks-package-management" in json.dumps(ours["warnings"])


def test_an_owner_that_is_gone_can_read_nothing(settings_rooms: SettingsRooms) -> None:
    rooms, owner = settings_rooms, settings_rooms.creator()
    rooms.set_default(DEFAULT)
    reference = rooms.secret("theirs", "url", OWN, owner)
    cluster_id = rooms.cluster(owner, spark_env_vars={"PIP_INDEX_URL": reference})
    rooms.admin.client.users.delete(owner.principal_id)
    answer = rooms.clusters.explain_cluster(rooms.caller(), cluster_id).to_json()
    (unread,) = [warning["text"] for warning in answer["warnings"] if warning["id"] == "not-readable"]
    assert unread.count("the owner of the cluster does not exist any more") == 2
    assert answer["index_url"] == "public index"


def test_a_secret_that_is_no_text_is_named(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.admin.client.secrets.create_scope("bytes")
    for key, value in {"noise": b"\xff\xfe", "zero": b"a\0b"}.items():
        rooms.admin.client.secrets.put_secret("bytes", key, bytes_value=base64.b64encode(value).decode())
    variables = {"A": "{{secrets/bytes/noise}}", "B": "{{secrets/bytes/zero}}"}
    cluster_id = rooms.cluster(running=False, spark_env_vars=variables)
    text = json.dumps(rooms.clusters.explain_cluster(rooms.caller(), cluster_id).to_json()["warnings"])
    assert "A (the value is no UTF-8 text)" in text
    assert "B (the value holds a zero byte)" in text


def test_a_launch_asks_what_the_answer_names(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    rooms.set_default(FULL_DEFAULT)
    reference = rooms.secret("own", "url", OWN)
    cluster_id = rooms.cluster(spark_env_vars={"DATABRICKS_PIP_INDEX_URL": reference})
    answer = rooms.clusters.explain_cluster(rooms.caller(), cluster_id)
    assert [str(index.value) for index in answer.options.indexes] == [
        "https://ana:****@own.example.com/simple/",
        "https://x:****@more.example.com/simple",
        "https://plain.example.com/simple",
    ]
    log = rooms.clusters.logs.read(cluster_id, "startup")
    for index in answer.options.indexes:
        assert f"index: {index.value} (from {index.origin})" in log
    assert answer.options.index is not None
    given = rooms.engine.running[cluster_id].pip
    assert OWN in [value.reveal() for value in given.variables.values()]


def test_the_switch_keeps_the_default_out_of_the_answer(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default(DEFAULT)
    cluster_id = rooms.cluster()
    rooms.switches = type(rooms.switches)(pkg_repo_api_cluster=False)
    assert rooms.clusters.explain_cluster(rooms.caller(), cluster_id).options.asks_public_index


def test_who_may_only_attach_learns_no_secret(settings_rooms: SettingsRooms) -> None:
    rooms, guest = settings_rooms, settings_rooms.user()
    variables = {
        "DATABRICKS_PIP_INDEX_URL": rooms.secret("own", "url", OWN),
        "PIP_TRUSTED_HOST": rooms.secret("own", "host", "hidden-host.example.com"),
        "FEED_TOKEN": rooms.secret("own", "token", "h1dden-t0ken-value"),
        "WEB_HOOK": rooms.secret("own", "hook", "https://hooks.example.com/services/h1dden/path"),
    }
    cluster_id = rooms.cluster(spark_env_vars=variables)
    rooms.share(cluster_id, guest, "CAN_ATTACH_TO")
    trick = "--index-url https://x.example.com/${FEED_TOKEN}/simple\n--extra-index-url ${WEB_HOOK}\n"
    answer = rooms.clusters.explain_cluster(
        rooms.caller(guest), cluster_id, ("install", "-r", "r.txt"), {"r.txt": trick}
    )
    assert answer.options.index is not None
    assert str(answer.options.index.value) == "https://x.example.com/[REDACTED]/simple"
    assert "https://ana:****@own.example.com/simple/" in json.dumps(answer.to_json())
    for said in (json.dumps(answer.to_json()), repr(answer)):
        for secret in ("h1dden", "hidden-host", "own-t0ken"):
            assert secret not in said


def test_a_stranger_gets_no_answer(settings_rooms: SettingsRooms) -> None:
    rooms, stranger = settings_rooms, settings_rooms.user()
    cluster_id = rooms.cluster()
    with pytest.raises(PermissionDenied):
        rooms.clusters.explain_cluster(rooms.caller(stranger), cluster_id)
    with pytest.raises(NotFound):
        rooms.clusters.explain_cluster(rooms.caller(), "0101-000000-missing0")


def test_an_unknown_environment_version_is_refused_in_the_clis_words(settings_rooms: SettingsRooms) -> None:
    with pytest.raises(InvalidParameter) as refused:
        settings_rooms.clusters.explain_serverless(settings_rooms.caller(), "99")
    assert refused.value.reference == "environment-version-unknown"
    assert refused.value.what == "There is no serverless environment version `99`"


def _import(rooms: SettingsRooms, path: str, text: str) -> None:
    body = {
        "path": path.removeprefix("/Workspace"),
        "format": "AUTO",
        "overwrite": True,
        "content": base64.b64encode(text.encode()).decode(),
    }
    rooms.admin.client.workspace.mkdirs("/Shared")
    rooms.admin.client.api_client.do("POST", "/api/2.0/workspace/import", body=body)
