"""Every lint row has a case in which it applies and one in which it stays silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.explanation import explain
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.facts import Facts, InitScript, LibrarySpec, access_mode_of
from wheelyard.core.rules.lints import LINTS, warnings_about
from wheelyard.core.rules.ranks import LayerKind as Kind

PIP = Installer.parse("pip==26.3")
VIEW = ComputeView("etl", "classic", PIP, "15.4.x-scala2.12", "SINGLE_USER")
DEFAULT = PackageSources.from_keys({"pip-index-url": "https://wd.example/simple"})
PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"


def view(variables: Mapping[str, str] | None = None, **changes: object) -> ComputeView:
    secrets = {name: Secret(value) for name, value in (variables or {}).items()}
    return replace(VIEW, variables=secrets, **changes)  # type: ignore[arg-type]  # the cases below name fields of ComputeView


def facts(
    compute: ComputeView = VIEW, command: tuple[str, ...] = (), texts: Mapping[str, str] | None = None, **more: object
) -> Facts:
    known = Facts(compute, **more)  # type: ignore[arg-type]  # as above
    answered = explain(compute, layers_of(compute), command, texts)
    return replace(known, options=answered.options, layers=(*layers_of(compute), *known.layers))


STANDARD = view(access_mode="USER_ISOLATION")
NONE = view(access_mode="NONE")
UV = view({"PIP_INDEX_URL": "https://a.example"}, installer=Installer.parse("uv"), uv_form=False)
OLD_PIP = view({"PIP_CERT": "/ca.pem"}, installer=Installer.parse("pip==23.2.1"))
SCRIPT = InitScript("/Volumes/ops/pip.sh", store="volumes")

APPLIES: dict[str, Facts] = {
    "dbr-pip-env": facts(view({"DATABRICKS_PIP_INDEX_URL": "https://a"}, runtime_version="14.3.x-scala2.12")),
    "pip-env-serverless": facts(view({"PIP_INDEX_URL": "https://a"}, kind="serverless")),
    "global-init-standard": facts(STANDARD, init_scripts=(InitScript("g", "global"),)),
    "init-dbfs": facts(init_scripts=(InitScript("dbfs:/x", store="dbfs"),)),
    "init-volume-noiso": facts(NONE, init_scripts=(SCRIPT,)),
    "init-workspace-standard": facts(STANDARD, init_scripts=(InitScript("/w", store="workspace"),)),
    "init-allowlist": facts(STANDARD, init_scripts=(SCRIPT,), allowlist=("/Volumes/other/",)),
    "init-standard-old": facts(replace(STANDARD, runtime_version="12.2"), init_scripts=(SCRIPT,)),
    "wheel-allowlist": facts(STANDARD, libraries=(LibrarySpec("whl", "/Volumes/a.whl", "volumes"),)),
    "requirements-old": facts(view(runtime_version="14.3"), libraries=(LibrarySpec("requirements", "/r.txt"),)),
    "volume-lib-noiso": facts(NONE, libraries=(LibrarySpec("whl", "/Volumes/a.whl", "volumes"),)),
    "dbfs-lib-standard": facts(STANDARD, libraries=(LibrarySpec("whl", "dbfs:/a.whl", "dbfs"),)),
    "dbfs-lib-15": facts(libraries=(LibrarySpec("whl", "dbfs:/a.whl", "dbfs"),)),
    "pkg-repo-switch": facts(view(workspace_default=DEFAULT), switch_on=False),
    "extras-survive": facts(view({"PIP_EXTRA_INDEX_URL": "https://a"}), ("install", "-i", "https://b", "six")),
    "reqfile-resets": facts(VIEW, ("install", "-rr.txt"), {"r.txt": "-i https://b"}),
    "reqfile-loses": facts(
        view({"UV_DEFAULT_INDEX": "https://a"}, installer=Installer.parse("uv")),
        ("pip", "install", "-rr.txt"),
        {"r.txt": "-i https://b"},
    ),
    "secret-newline": facts(stored={"pip-index-url": "https://a\n"}),
    "extras-comma": facts(view({"PIP_EXTRA_INDEX_URL": "https://a,https://b"})),
    "index-quotes": facts(view({"PIP_INDEX_URL": '"https://a"'})),
    "cert-is-path": facts(stored={"pip-cert": "/etc/ssl/ca.pem"}),
    "env-cert-is-text": facts(view({"PIP_CERT": PEM})),
    "cert-replaces": facts(OLD_PIP, bundle_has_public_roots=False),
    "ca-variable-wins": facts(view({"PIP_CERT": "/a.pem", "REQUESTS_CA_BUNDLE": "/b.pem"})),
    "uv-blind": facts(UV),
    "uv-cli-loses": facts(
        view({"UV_DEFAULT_INDEX": "https://a"}, installer=Installer.parse("uv")),
        ("pip", "install", "-i", "https://b", "six"),
    ),
    "token-in-spec": facts(view(library_repo=SafeUrl("https://me:t0ken@h"))),
    "scope-users-read": facts(scope_acl={"users": "WRITE"}),
    "scope-no-read": facts(run_as_reads_scope=False),
    "env-cert-quote": facts(view({"NOTE": "it's"})),
    "mode-absent": facts(view(access_mode=None)),
    "config-file-missing": facts(layers=(Layer(Kind.CONFIG_FILE, "/no.conf", state="missing"),)),
    "config-file-not-seen": facts(view({"PIP_CONFIG_FILE": "/Workspace/pip.conf"})),
    "not-readable": facts(view(unreadable=("the reserved scope",))),
}
SILENT = facts(
    view({"PIP_EXTRA_INDEX_URL": "https://a https://b", "PIP_CERT": "/a.pem"}, workspace_default=DEFAULT),
    init_scripts=(InitScript("/Workspace/pip.sh", store="workspace"),),
    libraries=(LibrarySpec("pypi", "six"),),
    stored={"pip-index-url": "https://a", "pip-cert": PEM},
    switch_on=True,
    allowlist=(),
    scope_acl={"users": "READ", "admins": "MANAGE"},
    run_as_reads_scope=True,
    bundle_has_public_roots=True,
)


def test_every_row_has_a_case() -> None:
    assert set(APPLIES) == {lint.id for lint in LINTS}


def test_ids_are_unique_and_sources_named() -> None:
    assert len({lint.id for lint in LINTS}) == len(LINTS)
    assert all(lint.source and lint.text for lint in LINTS)


@pytest.mark.parametrize("lint_id", APPLIES)
def test_it_applies(lint_id: str) -> None:
    found = {warned.id: warned for warned in warnings_about(APPLIES[lint_id])}
    assert lint_id in found
    assert "{found}" not in found[lint_id].text
    assert "t0ken" not in found[lint_id].text


@pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.id)
def test_it_stays_silent(lint: object) -> None:
    assert not any(warned.id == getattr(lint, "id", "") for warned in warnings_about(SILENT))


def test_access_modes_have_one_word() -> None:
    assert {access_mode_of(text) for text in ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED")} == {"dedicated"}
    assert access_mode_of("") == ""


def test_the_rules_block_of_the_facts_is_covered() -> None:
    wanted = """dbr-pip-env pip-env-serverless global-init-standard init-dbfs init-volume-noiso init-workspace-standard
    init-allowlist init-standard-old wheel-allowlist requirements-old volume-lib-noiso dbfs-lib-standard dbfs-lib-15
    pkg-repo-switch extras-survive reqfile-resets secret-newline extras-comma cert-is-path env-cert-is-text
    cert-replaces uv-blind uv-cli-loses token-in-spec scope-users-read scope-no-read env-cert-quote mode-absent"""
    assert set(wanted.split()) <= {lint.id for lint in LINTS}


def test_layer_kinds_are_one_type() -> None:
    assert Kind is LayerKind
