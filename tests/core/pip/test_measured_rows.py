"""Each row of the facts that was measured, as one small table entry: layers in, answer out."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from wheelyard.core.pip.command import parse_command
from wheelyard.core.pip.conf import parse_conf
from wheelyard.core.pip.installer import Installer
from wheelyard.core.pip.layer import Layer, LayerKind
from wheelyard.core.pip.layers import EffectiveOptions, effective_options
from wheelyard.core.pip.requirements import requirements_layers
from wheelyard.core.pip.uv_conf import parse_uv_toml
from wheelyard.core.pip.variables import environment_layer

OLD, MIDDLE, NEW, UV = "pip==23.2.1", "pip==25.3", "pip==26.3", "uv==0.13.8"
PIPS = (OLD, "pip==24.0", MIDDLE, NEW)
PUBLIC = "public index"


@dataclass(frozen=True)
class Row:
    """One measured fact. Values are host names; `files` are `[global]` unless they name a section."""

    source: str
    expected: list[str]
    files: dict[LayerKind, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("install", "six")
    texts: dict[str, str] = field(default_factory=dict)
    installers: tuple[str, ...] = PIPS


G, U, S, C = LayerKind.GLOBAL_FILE, LayerKind.USER_FILE, LayerKind.SITE_FILE, LayerKind.CONFIG_FILE

ROWS = [
    Row("nothing set", [PUBLIC]),
    Row("A1: user over global, per option", ["u", "g"], {G: "index-url=x\nextra-index-url=g", U: "index-url=u"}),
    Row("A1: PIP_CONFIG_FILE hides the user file", ["c"], {U: "index-url=u", C: "index-url=c"}),
    Row("A1: PIP_CONFIG_FILE that sets nothing still hides it", ["g"], {G: "index-url=g", U: "index-url=u", C: ""}),
    Row("A1: trailing comment is part of the value", ["u # ours"], {U: "index-url=u # ours"}),
    Row("A1: alias in a file", ["u"], {U: "pypi-url=u"}),
    Row("A1: alias in the environment", ["e"], {U: "index-url=u"}, {"PIP_PYPI_URL": "e"}),
    Row("A1: later alias wins", ["b"], {}, {"PIP_INDEX_URL": "a", "PIP_PYPI_URL": "b"}),
    Row("A1: leading dashes and underscores", ["u"], {U: "--index_url=u"}),
    Row("A2: global A alone, CLI C: A stays", ["C", "A"], {G: "extra-index-url=A"}, command=("install", "-iC", "six")),
    Row("A2: user B replaces global A", [PUBLIC, "B"], {G: "extra-index-url=A", U: "extra-index-url=B"}),
    Row(
        "A2: environment replaces the list",
        [PUBLIC, "X", "Y"],
        {G: "extra-index-url=A", U: "extra-index-url=B"},
        {"PIP_EXTRA_INDEX_URL": "X Y"},
    ),
    Row(
        "A2: the command line adds",
        [PUBLIC, "X", "Y", "Z"],
        {},
        {"PIP_EXTRA_INDEX_URL": "X Y"},
        ("install", "--extra-index-url", "Z", "six"),
    ),
    Row("A2: empty variable counts as unset", [PUBLIC, "A"], {G: "extra-index-url=A"}, {"PIP_EXTRA_INDEX_URL": ""}),
    Row(
        "A2: empty value in a stronger file clears",
        [PUBLIC],
        {G: "extra-index-url=A", U: "extra-index-url="},
        installers=(OLD, "pip==24.0", "pip==26.0", NEW),
    ),
    Row(
        "A2: but not in 25.2 and 25.3",
        [PUBLIC, "A"],
        {G: "extra-index-url=A", U: "extra-index-url="},
        installers=("pip==25.2", MIDDLE),
    ),
    Row(
        "A2: empty index falls back to the public one",
        [PUBLIC],
        {G: "index-url=A", U: "index-url="},
        installers=(OLD, NEW),
    ),
    Row("A2: not in 25.3", ["A"], {G: "index-url=A", U: "index-url="}, installers=(MIDDLE,)),
    Row(
        "A2: [install] in a weaker file beats [global] in a stronger",
        [PUBLIC, "A"],
        {G: "[install]\nextra-index-url=A", U: "extra-index-url=B"},
    ),
    Row(
        "A2: [install] is not for download",
        [PUBLIC, "B"],
        {G: "[install]\nextra-index-url=A", U: "extra-index-url=B"},
        command=("download", "six"),
    ),
    Row("A2: --no-index", [], {G: "index-url=A\nextra-index-url=B"}, command=("install", "--no-index", "six")),
    Row("0.2-7: a comma makes one URL", [PUBLIC, "a,b"], {}, {"PIP_EXTRA_INDEX_URL": "a,b"}),
    Row("A1: white space is no separator for one value", ["a b"], {}, {"PIP_INDEX_URL": "a b"}),
    Row("0.2-8: a trailing newline stays", ["a\n"], {}, {"PIP_INDEX_URL": "a\n"}),
    Row(
        "A1: --isolated leaves the site file",
        ["s"],
        {U: "index-url=u", S: "index-url=s"},
        {"PIP_INDEX_URL": "e"},
        ("install", "--isolated", "six"),
    ),
    Row(
        "A4: --index-url line drops everything",
        ["r"],
        {G: "extra-index-url=A"},
        {"PIP_EXTRA_INDEX_URL": "B"},
        ("install", "-iC", "--extra-index-url", "Z", "-rr"),
        {"r": "-i r\nsix"},
    ),
    Row(
        "A4: --extra-index-url line adds",
        ["C", "A", "x"],
        {G: "extra-index-url=A"},
        {},
        ("install", "-iC", "-rr"),
        {"r": "six\n--extra-index-url x"},
    ),
    Row("A4: the second file wins", ["two"], {}, {}, ("install", "-rr", "-rs"), {"r": "-i one", "s": "-i two"}),
    Row(
        "A4: constraints are read first",
        ["one"],
        {},
        {},
        ("install", "-rr", "-cc"),
        {"r": "-i one", "c": "-i two\n--extra-index-url x"},
    ),
    Row(
        "A4: nested files where they are named",
        ["two", "x"],
        {},
        {},
        ("install", "-rr"),
        {"r": "-i one\n-r s\n--extra-index-url x", "s": "-i two"},
    ),
    Row("A4: expansion", ["https://tok@h"], {}, {"T": "tok"}, ("install", "-rr"), {"r": "-i https://${T}@h"}),
    Row(
        "A4: an unset name stays verbatim", ["https://${NO}@h"], {}, {}, ("install", "-rr"), {"r": "-i https://${NO}@h"}
    ),
    Row(
        "A4: an option behind a requirement has no effect",
        [PUBLIC],
        {},
        {},
        ("install", "-rr"),
        {"r": "six --index-url one"},
    ),
    Row("B1: uv reads nothing of pip's", [PUBLIC], {U: "index-url=u"}, {"PIP_INDEX_URL": "e"}, installers=(UV,)),
    Row(
        "B1: UV_DEFAULT_INDEX over UV_INDEX_URL",
        ["d"],
        {},
        {"UV_DEFAULT_INDEX": "d", "UV_INDEX_URL": "i"},
        installers=(UV,),
    ),
    Row(
        "B1: extra ones are asked first",
        ["x", "y", "z", "d"],
        {},
        {"UV_DEFAULT_INDEX": "d", "UV_INDEX": "n=x y", "UV_EXTRA_INDEX_URL": "z"},
        installers=(UV,),
    ),
    Row(
        "0.3: --index-url loses to UV_DEFAULT_INDEX",
        ["d"],
        {},
        {"UV_DEFAULT_INDEX": "d"},
        ("pip", "install", "-i", "b", "six"),
        installers=(UV,),
    ),
    Row(
        "0.3: --default-index wins",
        ["b"],
        {},
        {"UV_DEFAULT_INDEX": "d"},
        ("pip", "install", "--default-index", "b", "six"),
        installers=(UV,),
    ),
    Row(
        "B1: --index takes the place of UV_INDEX",
        ["b", PUBLIC],
        {},
        {"UV_INDEX": "a"},
        ("pip", "install", "--index", "b", "six"),
        installers=(UV,),
    ),
    Row(
        "B1: requirements --index-url loses",
        ["d"],
        {},
        {"UV_DEFAULT_INDEX": "d"},
        ("pip", "install", "-rr"),
        {"r": "-i b"},
        (UV,),
    ),
    Row(
        "B1: requirements --index-url counts when alone", ["b"], {}, {}, ("pip", "install", "-rr"), {"r": "-i b"}, (UV,)
    ),
    Row(
        "measured: options behind -c inside a file do not count for uv",
        [PUBLIC],
        {},
        {},
        ("pip", "install", "-rr"),
        {"r": "-c c", "c": "-i b"},
        (UV,),
    ),
]


def answer(row: Row, name: str) -> EffectiveOptions:
    installer = Installer.parse(name)
    layers: list[Layer] = [environment_layer(row.variables), parse_command(row.command, installer)]
    for kind, text in row.files.items():
        layers.append(parse_conf(text if text.startswith("[") else f"[global]\n{text}\n", str(kind), kind))
    named = effective_options(layers, installer)
    found = requirements_layers(
        [source.value for source in named.constraints],
        [source.value for source in named.requirements],
        row.texts.get,
        row.variables,
        installer,
    )
    return effective_options([*layers, *found], installer)


@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in ROWS for name in row.installers],
    ids=lambda part: getattr(part, "source", part),
)
def test_row(row: Row, name: str) -> None:
    found = answer(row, name)
    assert found.refusal is None
    assert [source.value.reveal() for source in found.indexes] == row.expected


REFUSED = [
    Row("A1: a key twice in one section", [], {U: "index-url=a\nindex-url=b"}),
    Row("A1: a key before any section", [], {U: "[x"}),
    Row("measured: two spellings of one key", [], {U: "index-url=a\nindex_url=b"}, installers=(NEW,)),
    Row("A1: a bad boolean", [], {}, {"PIP_NO_INDEX": "perhaps"}),
    Row(
        "measured: --isolated still stops at a broken user file",
        [],
        {U: "[x"},
        command=("install", "--isolated", "six"),
    ),
    Row("A1: an unknown option", [], {}, {}, ("install", "--nonsense")),
    Row("0.13: --index-url twice", [], {}, {}, ("pip", "install", "-i", "a", "-i", "b", "six"), installers=(UV,)),
    Row("measured: two index lines", [], {}, {}, ("pip", "install", "-rr"), {"r": "-i a\n-i a"}, (UV,)),
    Row(
        "measured: two files disagree", [], {}, {}, ("pip", "install", "-rr", "-rs"), {"r": "-i a", "s": "-i b"}, (UV,)
    ),
]


@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in REFUSED for name in row.installers],
    ids=lambda part: getattr(part, "source", part),
)
def test_the_installer_stops(row: Row, name: str) -> None:
    found = answer(row, name)
    assert found.refusal is not None
    assert found.refusal.exit_code == 2


@pytest.mark.parametrize(("name", "exit_code"), [(OLD, 2), ("pip==24.3", 2), ("pip==25.0", 1), (NEW, 1)])
def test_a_file_that_includes_itself(name: str, exit_code: int) -> None:
    found = answer(Row("", [], {}, {}, ("install", "-rr"), {"r": "-r r"}), name)
    assert found.refusal is not None
    assert found.refusal.exit_code == exit_code


def test_a_refusal_names_no_secret() -> None:
    layer = parse_conf("[global]\nindex-url = https://me:s3cret@h\njunk s3cret\n", "pip.conf", U)
    assert layer.refusal is not None
    assert "s3cret" not in layer.refusal.text


def test_a_file_named_twice_counts_where_its_version_says() -> None:
    layers = [
        parse_conf("[global]\nindex-url=g", "/same.conf", G),
        parse_conf("[global]\nindex-url=s", "/prefix/pip.conf", S),
        parse_conf("[global]\nindex-url=g", "/same.conf", C),
    ]
    found = {name: effective_options(layers, Installer.parse(name)).index for name in (OLD, "pip==25.2", NEW)}
    assert {name: str(source.value) for name, source in found.items() if source} == {
        OLD: "g",
        "pip==25.2": "s",
        NEW: "s",
    }


def test_uv_files_nearest_first_and_lists_joined() -> None:
    texts = {
        LayerKind.UV_PROJECT_FILE: 'extra-index-url = ["p"]',
        LayerKind.UV_USER_FILE: 'index-url = "u"\nextra-index-url = ["u2"]\n[[index]]\nname = "n"\nurl = "named"',
        LayerKind.UV_SYSTEM_FILE: (
            'index-url = "s"\n[[index]]\nname = "n"\nurl = "lost"\n[[index]]\nurl = "e"\nexplicit = true'
        ),
    }
    layers = [layer for kind, text in texts.items() if (layer := parse_uv_toml(text, str(kind), kind))]
    found = effective_options(layers, Installer.parse(UV))
    assert [source.value.reveal() for source in found.indexes] == ["named", "p", "u2", "u"]


def test_why_says_what_happened() -> None:
    row = Row(
        "",
        [],
        {G: "index-url=g\nextra-index-url=a", U: "index-url=u"},
        {"PIP_EXTRA_INDEX_URL": "b"},
        ("install", "-rr"),
        {"r": "-i r"},
    )
    why = {(v.origin, v.option): v.why for v in answer(row, NEW).verdicts}
    dropped = "dropped: `--index-url` in r, line 1 replaces the index and every extra index"
    assert why == {
        ("r, line 1", "index-url"): "wins",
        ("command line", "requirement"): "added: the command line adds to lists",
        ("variable PIP_EXTRA_INDEX_URL", "extra-index-url"): dropped,
        ("user-file", "index-url"): dropped,
        ("global-file", "index-url"): "replaced by user-file",
        ("global-file", "extra-index-url"): (
            "replaced by variable PIP_EXTRA_INDEX_URL: list options replace each other between files and environment"
        ),
    }
