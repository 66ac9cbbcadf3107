"""Laws of the one function, whatever the layers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelyard.core.pip.answer import PUBLIC_INDEX
from wheelyard.core.pip.conf import conf_text, parse_conf
from wheelyard.core.pip.environment import PipPaths, pip_environment
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind, Setting
from wheelyard.core.pip.layers import AmbiguousLayers, effective_options
from wheelyard.core.pip.variables import environment_layer
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.ranks import PIP_RANKS, Order, ranks_of

INSTALLERS = [Installer.parse(f"pip=={version}") for version in ("22.3.1", "23.2.1", "24.0", "25.3", "26.0", "26.3")]
ORDERS: tuple[Order, ...] = ("cluster-above-default", "default-above-cluster")
NAMES = {
    LayerKind.ENVIRONMENT: ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"),
    LayerKind.CLUSTER_VARIABLES: ("DATABRICKS_PIP_INDEX_URL", "DATABRICKS_PIP_EXTRA_INDEX_URL"),
}
FILES_AND_VARIABLES = [row.kind for row in PIP_RANKS if row.realm in {"files", "variables"}]

urls = st.integers(0, 30).map("https://i{}.example/simple".format)


@st.composite
def layers(draw: st.DrawFn) -> tuple[Layer, ...]:
    kinds = draw(st.lists(st.sampled_from(list(LayerKind)[:13]), unique=True))
    found = []
    for kind in kinds:
        index, extra = NAMES.get(kind, ("index-url", "extra-index-url"))
        options = {}
        if draw(st.booleans()):
            options[index] = draw(urls)
        if draw(st.booleans()):
            options[extra] = " ".join(draw(st.lists(urls, min_size=1, max_size=1 if kind in _ONE_A_TIME else 3)))
        found.append(Layer.of(kind, str(kind), options))
    return tuple(found)


_ONE_A_TIME = {LayerKind.LIBRARY_REPO, LayerKind.COMMAND_LINE, LayerKind.REQUIREMENTS}


@given(layers(), st.sampled_from(INSTALLERS), st.randoms(), st.sampled_from(ORDERS))
def test_the_order_in_which_layers_are_given_means_nothing(
    drawn: tuple[Layer, ...], installer: Installer, chance: random.Random, order: Order
) -> None:
    shuffled = list(drawn)
    chance.shuffle(shuffled)
    assert effective_options(drawn, installer, order=order) == effective_options(shuffled, installer, order=order)


@pytest.mark.parametrize("name", ["pip==23.2.1", "pip==26.3", "uv"])
def test_no_layer_means_the_public_index(name: str) -> None:
    answer = effective_options([], Installer.parse(name))
    assert answer.index is not None
    assert answer.index.value == PUBLIC_INDEX
    assert answer.asks_public_index
    assert answer.extra_indexes == ()
    assert answer.verdicts == ()


@given(layers(), st.sampled_from(INSTALLERS), st.sampled_from(ORDERS))
def test_every_value_has_a_verdict_and_every_loser_a_reason(
    drawn: tuple[Layer, ...], installer: Installer, order: Order
) -> None:
    answer = effective_options(drawn, installer, order=order)
    given_values = [value for layer in drawn for values in layer.options.values() for value in values]
    assert sorted(str(v.value) for v in answer.verdicts) == sorted(map(str, given_values))
    assert all(verdict.why for verdict in answer.verdicts)
    assert all(verdict.why != "wins" for verdict in answer.verdicts if not verdict.wins)
    winners = {(str(v.value), v.origin) for v in answer.verdicts if v.wins}
    assert {(str(s.value), s.origin) for s in answer.indexes if s.kind} == winners


@given(layers(), st.sampled_from(INSTALLERS), st.sampled_from(ORDERS))
def test_of_files_and_variables_the_strongest_place_that_sets_the_index_wins(
    drawn: tuple[Layer, ...], installer: Installer, order: Order
) -> None:
    kinds = ranks_of(order)
    known = [layer for layer in drawn if layer.kind in FILES_AND_VARIABLES and "index-url" in layer.options]
    hidden = {LayerKind.LEGACY_USER_FILE, LayerKind.USER_FILE} if _names_config_file(drawn) else set()
    standing = sorted((layer for layer in known if layer.kind not in hidden), key=lambda layer: kinds.index(layer.kind))
    answer = effective_options([layer for layer in drawn if layer.kind in FILES_AND_VARIABLES], installer, order=order)
    assert answer.index is not None
    assert answer.index.kind == (standing[-1].kind if standing else None)


def _names_config_file(drawn: tuple[Layer, ...]) -> bool:
    return any(layer.kind is LayerKind.CONFIG_FILE for layer in drawn)


PLACED = {
    LayerKind.GLOBAL_FILE,
    LayerKind.WORKSPACE_DEFAULT,
    LayerKind.CLUSTER_VARIABLES,
    LayerKind.ENVIRONMENT,
    LayerKind.USER_FILE,
    LayerKind.SITE_FILE,
}


@given(layers(), st.sampled_from(INSTALLERS), st.sampled_from(ORDERS), st.booleans())
@settings(max_examples=200)
def test_placement_agrees_with_the_ranks(
    drawn: tuple[Layer, ...],
    installer: Installer,
    order: Order,
    machine: bool,  # noqa: FBT001  drawn
) -> None:
    """What `pip_environment` writes, read back as pip would find it, gives the same indexes."""
    known = tuple(layer for layer in drawn if layer.kind in PLACED)
    paths = PipPaths("/etc/pip.conf", "/bundle.pem", Secret("https://machine.example/simple") if machine else None)
    placed = pip_environment(known, paths, installer=installer, order=order)
    weakest = Layer.of(
        LayerKind.PUBLIC_INDEX, "machine", {"index-url": "https://machine.example/simple"} if machine else {}
    )
    logical = effective_options((*known, weakest), installer, order=order)
    user = {s.name: s.text for layer in known if layer.kind is LayerKind.ENVIRONMENT for s in layer.settings}
    assert not set(user) & set(placed.variables)
    assert placed.global_conf is not None
    physical = (
        parse_conf(placed.global_conf.reveal(), "/etc/pip.conf", LayerKind.GLOBAL_FILE),
        environment_layer({**user, **placed.variables}),
        *(layer for layer in known if layer.kind in {LayerKind.USER_FILE, LayerKind.SITE_FILE}),
    )
    found = effective_options(physical, installer)
    assert [source.value for source in found.indexes] == [source.value for source in logical.indexes]


@given(layers(), st.booleans())
def test_uv_gets_the_answer_pip_gets(drawn: tuple[Layer, ...], machine: bool) -> None:  # noqa: FBT001  drawn
    known = tuple(layer for layer in drawn if layer.kind in PLACED - {LayerKind.USER_FILE, LayerKind.SITE_FILE})
    paths = PipPaths("/etc/pip.conf", "/bundle.pem", Secret("https://machine.example/simple") if machine else None)
    placed = pip_environment(known, paths)
    weakest = Layer.of(
        LayerKind.PUBLIC_INDEX, "machine", {"index-url": "https://machine.example/simple"} if machine else {}
    )
    for_pip = effective_options((*known, weakest), Installer.parse("pip"))
    for_uv = effective_options([environment_layer(placed.variables)], Installer.parse("uv"))
    assert for_pip.index is not None
    assert for_uv.index is not None
    assert for_uv.index.value == for_pip.index.value
    assert [s.value for s in for_uv.extra_indexes] == list(dict.fromkeys(s.value for s in for_pip.extra_indexes))
    assert for_uv.certificate is not None
    assert for_uv.certificate.value == "/bundle.pem"


names = st.sampled_from(["index-url", "extra-index-url", "pypi-url", "find-links", "timeout", "cert"])
values = st.one_of(urls, st.just(""), st.lists(urls, min_size=2, max_size=3).map("\n".join))


@given(st.dictionaries(st.tuples(st.sampled_from(["global", "install"]), names), values))
def test_conf_text_reads_back(drawn: dict[tuple[str, str], str]) -> None:
    settings_ = [Setting(name, Secret(value), section) for (section, name), value in drawn.items()]
    read = parse_conf(conf_text(settings_).reveal(), "pip.conf", LayerKind.USER_FILE)
    assert read.refusal is None
    assert {(s.section, s.name): s.text.reveal().strip() for s in read.settings} == drawn


@given(st.text(max_size=200))
def test_any_text_gives_a_layer_or_a_refusal(text: str) -> None:
    layer = parse_conf(text, "pip.conf", LayerKind.USER_FILE)
    assert layer.refusal is None or not layer.settings


def test_two_layers_of_one_rank_that_set_one_option_are_refused() -> None:
    one = Layer.of(LayerKind.USER_FILE, "one", {"index-url": "https://one.example"})
    two = Layer.of(LayerKind.USER_FILE, "two", {"pypi_url": "https://two.example"})
    with pytest.raises(AmbiguousLayers, match=r"`index-url` is set by two layers of one rank: one and two"):
        effective_options([one, two], INSTALLERS[0])


def test_nothing_prints_a_credential() -> None:
    layer = Layer.of(
        LayerKind.USER_FILE,
        "file",
        {"index-url": "https://me:s3cret@one.example", "extra-index-url": "https://t0ken@x"},
    )
    for text in (
        repr(layer),
        repr(effective_options([layer], INSTALLERS[0])),
        str(SafeUrl("https://me:s3cret@one.example")),
    ):
        assert "s3cret" not in text
        assert "t0ken" not in text
