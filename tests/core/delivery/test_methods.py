"""What each delivery method makes pip see."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import METHODS, layers_of
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import LayerKind
from wheelyard.core.pip.layers import effective_options
from wheelyard.core.redaction import SafeUrl, Secret

PIP = Installer.parse("pip==25.3")
CLUSTER = ComputeView("etl", "classic", PIP, "15.4")
SERVERLESS = ComputeView("nb", "serverless", PIP)


def variables(**values: str) -> dict[str, Secret[str]]:
    return {name: Secret(value) for name, value in values.items()}


def test_methods_have_unique_names_and_words() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert all(method.token_seen_by and method.takes_effect and method.source for method in METHODS)


def test_nothing_set_makes_no_layer() -> None:
    assert layers_of(CLUSTER) == ()


def test_workspace_default() -> None:
    sources = PackageSources.from_keys(
        {"pip-index-url": "https://wd/simple", "pip-extra-index-urls": "https://a\nhttps://b", "pip-cert": "PEM"}
    )
    (layer,) = layers_of(replace(SERVERLESS, workspace_default=sources))
    assert layer.kind is LayerKind.WORKSPACE_DEFAULT
    assert layer.certificate == "PEM"
    assert layer.options["extra-index-url"] == (SafeUrl("https://a"), SafeUrl("https://b"))


def test_cluster_variables_from_15_1_on() -> None:
    view = replace(CLUSTER, variables=variables(DATABRICKS_PIP_INDEX_URL="https://cl/simple"))
    (layer,) = layers_of(view)
    assert layer.kind is LayerKind.CLUSTER_VARIABLES
    assert not layer.ignored
    (early,) = layers_of(replace(view, runtime_version="14.3.x-scala2.12"))
    assert "read from runtime 15.1 on" in early.ignored
    (nowhere,) = layers_of(replace(view, kind="serverless"))
    assert "no cluster environment" in nowhere.ignored


def test_pip_variables_and_the_file_they_name() -> None:
    view = replace(
        CLUSTER,
        variables=variables(PIP_CONFIG_FILE="/Workspace/pip.conf", PIP_EXTRA_INDEX_URL="https://e", HOME="/root"),
        files={"/Workspace/pip.conf": Secret("[global]\nindex-url = https://f")},
    )
    answer = effective_options(layers_of(view), PIP)
    assert [str(source.value) for source in answer.indexes] == ["https://f", "https://e"]
    unseen = [layer for layer in layers_of(replace(view, files={})) if layer.kind is LayerKind.CONFIG_FILE]
    assert [layer.state for layer in unseen] == ["not seen"]


def test_an_init_script_s_global_file_is_beneath_the_default() -> None:
    view = replace(
        CLUSTER,
        files={"/etc/pip.conf": Secret("[global]\nindex-url = https://etc\nextra-index-url = https://e")},
        workspace_default=PackageSources.from_keys({"pip-index-url": "https://wd"}),
    )
    answer = effective_options(layers_of(view), PIP)
    assert [str(source.value) for source in answer.indexes] == ["https://wd", "https://e"]


def test_a_library_s_repo_counts_as_command_line() -> None:
    view = replace(CLUSTER, library_repo=SafeUrl("https://repo"), variables=variables(PIP_EXTRA_INDEX_URL="https://e"))
    answer = effective_options(layers_of(view), PIP)
    assert [str(source.value) for source in answer.indexes] == ["https://repo", "https://e"]


def test_dependency_lines_of_serverless() -> None:
    sources = PackageSources.from_keys({"pip-index-url": "https://wd", "pip-extra-index-urls": "https://a"})
    view = replace(
        SERVERLESS, workspace_default=sources, dependencies=("six", "--index-url https://d", "-r /Workspace/r.txt")
    )
    answer = effective_options(layers_of(view), PIP)
    assert answer.refusal is None
    assert [str(source.value) for source in answer.indexes] == ["https://d"]
    assert all(layer.ignored for layer in layers_of(replace(CLUSTER, dependencies=("--index-url https://d",))))
