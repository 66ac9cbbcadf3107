"""The contract of `explain --output json`, and what an explanation warns of."""

from __future__ import annotations

import json
from dataclasses import replace

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.explanation import explain
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.environment import PipPaths, pip_environment
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import SafeUrl, Secret

SOURCES = PackageSources.from_keys(
    {
        "pip-index-url": "https://u:s3cret@wd/simple",
        "pip-extra-index-urls": "https://t0ken@x/simple",
        "pip-cert": "-----BEGIN\nx",
    }
)
VIEW = ComputeView("etl", "classic", Installer.parse("pip==23.2.1"), "15.4", "SINGLE_USER", workspace_default=SOURCES)


def test_the_json_contract() -> None:
    shown = explain(VIEW, layers_of(VIEW)).to_json()
    assert {"compute", "installer", "index_url", "extra_index_urls", "cert", "layers", "warnings"} <= set(shown)
    assert (shown["compute"], shown["installer"]) == ("etl", "pip==23.2.1")
    assert shown["index_url"] == "https://u:****@wd/simple"
    assert shown["extra_index_urls"] == ["https://****@x/simple"]
    assert all({"origin", "option", "value", "wins", "why"} <= set(layer) for layer in shown["layers"])
    assert "s3cret" not in json.dumps(shown)
    assert "t0ken" not in json.dumps(shown)


def test_an_explicit_index_wins_for_the_index_only() -> None:
    found = explain(VIEW, layers_of(VIEW), ["install", "--index-url", "https://me:pw@mine", "six"])
    shown = found.to_json()
    assert shown["index_url"] == "https://me:****@mine"
    assert shown["extra_index_urls"] == ["https://****@x/simple"]
    assert "extras-survive" in [warning["id"] for warning in shown["warnings"]]
    lost = [layer for layer in shown["layers"] if layer["option"] == "index-url" and not layer["wins"]]
    assert [(layer["origin"], layer["why"]) for layer in lost] == [("workspace default", "replaced by command line")]


def test_requirements_are_read_as_given() -> None:
    found = explain(VIEW, layers_of(VIEW), ["install", "-r", "r.txt", "-r", "unseen.txt"], {"r.txt": "-i https://r\n"})
    assert found.options.refusal is None
    assert [str(source.value) for source in found.options.indexes] == ["https://r"]
    assert "reqfile-resets" in [warning.id for warning in found.warnings]


def test_a_command_leaves_the_compute_s_own_installations_out() -> None:
    view = replace(VIEW, kind="serverless", dependencies=("--index-url https://dependency",))
    assert explain(view, layers_of(view)).to_json()["index_url"] == "https://dependency"
    assert explain(view, layers_of(view), ["install", "six"]).to_json()["index_url"] == "https://u:****@wd/simple"


def test_uv_where_compute_hands_it_its_form_and_where_not() -> None:
    view = replace(VIEW, installer=Installer.parse("uv"))
    assert explain(view, layers_of(view)).to_json()["index_url"] == "https://u:****@wd/simple"
    blind = replace(view, uv_form=False)
    shown = explain(blind, layers_of(blind)).to_json()
    assert shown["index_url"] == "public index"
    assert "uv-blind" in [warning["id"] for warning in shown["warnings"]]


def test_the_public_index_has_an_address_when_somebody_knows_it() -> None:
    view = replace(VIEW, workspace_default=None)
    assert (
        explain(view, layers_of(view), public_index=SafeUrl("https://u:p@mirror")).to_json()["index_url"]
        == "https://u:****@mirror"
    )
    assert explain(view, layers_of(view), ["install", "--no-index", "six"]).to_json()["index_url"] is None


def test_a_refusal_is_part_of_the_answer() -> None:
    shown = explain(VIEW, layers_of(VIEW), ["install", "--nonsense"]).to_json()
    assert shown["error"]["exit_code"] == 2
    assert "--nonsense" in shown["error"]["text"]


def test_what_is_explained_is_what_is_placed() -> None:
    placed = pip_environment(layers_of(VIEW), PipPaths("/etc/pip.conf", "/bundle.pem", Secret("https://machine")))
    assert placed.certificate == SOURCES.certificate
    assert placed.global_conf is not None
    assert placed.global_conf.reveal() == (
        "[global]\nindex-url = https://u:s3cret@wd/simple\n"
        "extra-index-url = https://t0ken@x/simple\ncert = /bundle.pem\n"
    )
    assert {name: value.reveal() for name, value in placed.variables.items()} == {
        "UV_DEFAULT_INDEX": "https://u:s3cret@wd/simple",
        "UV_INDEX": "https://t0ken@x/simple",
        "SSL_CERT_FILE": "/bundle.pem",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
