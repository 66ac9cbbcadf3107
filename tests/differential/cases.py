"""What is drawn: every place an installer reads, filled or not, and what each index holds.

A case is plain text with `@3` where the URL of index 3 will stand, and `~3` for its page of links, so that it prints
short and shrinks well. Nothing here knows who should win.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

INDEXES = 8
MACHINE = 7
Order = Literal["cluster-above-default", "default-above-cluster"]


@dataclass(frozen=True)
class Databricks:
    """What only `pip_environment` can put in place."""

    default_index: str = ""
    default_extras: str = ""
    default_certificate: bool = False
    cluster: tuple[tuple[str, str], ...] = ()
    machine: bool = False
    order: Order = "cluster-above-default"


@dataclass(frozen=True)
class Case:
    """One machine, one command."""

    versions: tuple[str, ...]
    arguments: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    named: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    databricks: Databricks | None = None


def weighted(*choices: tuple[int, SearchStrategy[str] | str]) -> SearchStrategy[str]:
    """One of several, the first number of each being its weight."""
    spread = [
        choice if not isinstance(choice, str) else st.just(choice) for weight, choice in choices for _ in range(weight)
    ]
    return st.one_of(spread)


numbers = st.integers(0, MACHINE - 1)
url = numbers.map("@{}".format)
links = numbers.map("~{}".format)
several = st.lists(url, min_size=1, max_size=2).map(" ".join)
several_lines = st.lists(url, min_size=1, max_size=2).map(lambda found: "\n    " + "\n    ".join(found))
one_or_empty = weighted((9, url), (1, ""))
many_or_empty = weighted((5, several), (2, several_lines), (1, ""))
versions = st.lists(st.sampled_from(["v1", "v2", "v2", "v3", "none"]), min_size=INDEXES, max_size=INDEXES).map(tuple)


@st.composite
def conf_line(draw: DrawFn) -> str:
    kind = draw(st.sampled_from(["index", "index", "extra", "extra", "links", "flag", "other", "comment"]))
    sign = draw(st.sampled_from([" = ", "=", ": "]))
    if kind == "index":
        name = draw(
            st.sampled_from(["index-url", "index-url", "index_url", "Index-URL", "pypi-url", "--index-url", "pypi_url"])
        )
        return name + sign + draw(one_or_empty)
    if kind == "extra":
        name = draw(st.sampled_from(["extra-index-url", "extra-index-url", "extra_index_url", "EXTRA-INDEX-URL"]))
        return name + sign + draw(many_or_empty)
    if kind == "links":
        return "find-links" + sign + draw(weighted((3, links), (1, "")))
    if kind == "flag":
        return "no-index" + sign + draw(st.sampled_from(["false", "no", "0", "", "true", "maybe"]))
    if kind == "other":
        return draw(
            st.sampled_from(
                ["timeout = 9", "retries = 0", "unknown = @9", "trusted-host = 127.0.0.1", "timeout = soon"]
            )
        )
    return draw(st.sampled_from(["# index-url = @0", "; note"]))


@st.composite
def conf(draw: DrawFn) -> str:
    names = draw(
        st.lists(
            st.sampled_from(["global", "global", "install", "download", "list", "DEFAULT"]), min_size=1, max_size=2
        )
    )
    blocks = []
    for name in names:
        lines = draw(st.lists(conf_line(), max_size=3, unique_by=_name_of if draw(st.integers(0, 9)) else None))
        blocks.append(f"[{name}]\n" + "".join(f"{line}\n" for line in lines))
    text = "".join(blocks)
    return text if draw(st.integers(0, 24)) else f"index-url = @1\n{text}"


def _name_of(line: str) -> str:
    return line.replace(":", "=").partition("=")[0].strip().lower().replace("_", "-").removeprefix("--")


@st.composite
def pip_variables(draw: DrawFn) -> tuple[tuple[str, str], ...]:
    drawn: dict[str, str] = {}
    for name, values, chance in (
        ("PIP_INDEX_URL", one_or_empty, 3),
        ("PIP_PYPI_URL", one_or_empty, 8),
        ("PIP_EXTRA_INDEX_URL", weighted((5, several), (1, "")), 3),
        ("PIP_FIND_LINKS", links, 10),
        ("PIP_NO_INDEX", st.sampled_from(["0", "", "yes", "perhaps"]), 14),
        ("PIP_CONSTRAINT", st.just("c1.txt"), 12),
        ("PIP_extra_index_url", several, 20),
        ("UV_INDEX_URL", url, 12),
    ):
        if not draw(st.integers(0, chance - 1)):
            drawn[name] = draw(values)
    names = draw(st.permutations(list(drawn)))
    return tuple((name, drawn[name]) for name in names)


@st.composite
def pip_arguments(draw: DrawFn) -> tuple[str, ...]:
    words: list[str] = []
    pieces = draw(
        st.lists(st.sampled_from(["index", "extra", "requirement", "constraint", "links", "none", "odd"]), max_size=3)
    )
    for piece in pieces:
        value = draw(url)
        if piece == "index":
            words += draw(
                st.sampled_from(
                    [
                        ["-i", value],
                        [f"-i{value}"],
                        ["--index-url", value],
                        [f"--index-url={value}"],
                        ["--pypi-url", value],
                    ]
                )
            )
        elif piece == "extra":
            words += draw(
                st.sampled_from([["--extra-index-url", value], [f"--extra-index-url={value}"], ["--extra-ind", value]])
            )
        elif piece == "requirement":
            words += ["-r", draw(st.sampled_from(["r1.txt", "r2.txt"]))]
        elif piece == "constraint":
            words += ["-c", "c1.txt"]
        elif piece == "links":
            words += ["--find-links", draw(links)]
        elif piece == "odd":
            words += draw(
                st.sampled_from(
                    [["--isolated"], ["--isolated"], ["--no-index"], ["--index-url="], ["--nonsense"], ["-q"]]
                )
            )
    return tuple(words)


@st.composite
def requirements_text(draw: DrawFn, nested: tuple[str, ...] = (), *, uv: bool = False) -> str:
    lines = []
    choices = ["extra", "index", "plain", "comment"] + ["nested"] * bool(nested) + ([] if uv else ["links", "odd"])
    for kind in draw(st.lists(st.sampled_from(choices), max_size=3)):
        value = draw(url)
        if kind == "index":
            lines.append(
                draw(
                    st.sampled_from(
                        ["-i {}", "--index-url {}", "--index-url={}", "--index-url {}  # ours", "--index-url \\\n  {}"]
                    )
                ).format(value)
            )
        elif kind == "extra":
            lines.append(
                draw(
                    st.sampled_from(["--extra-index-url {}", "--extra-index-url={}", "--extra-index-url ${{HOST_{}}}"])
                )
                .format(value)
                .replace("${HOST_@", "${HOST_")
            )
        elif kind == "links":
            lines.append(f"--find-links {draw(links)}")
        elif kind == "nested":
            lines.append(draw(st.sampled_from(nested)))
        elif kind == "odd":
            lines.append(
                draw(
                    st.sampled_from(
                        [
                            f"-i {value} --extra-index-url @0",
                            "--no-index",
                            f"demo --index-url {value}",
                            "--index-url=",
                            "--nonsense",
                            f"-f {draw(links)} --no-index",
                        ]
                    )
                )
            )
        else:
            lines.append(draw(st.sampled_from(["demo", "# --index-url @1", "", "demo ; python_version >= '3'"])))
    return "".join(f"{line}\n" for line in lines)


@st.composite
def texts(draw: DrawFn, *, uv: bool = False) -> dict[str, str]:
    found = {
        "r1.txt": draw(requirements_text(("-r r2.txt", "-c c2.txt", "--requirement sub/r3.txt"), uv=uv)),
        "r2.txt": draw(requirements_text(("-c c2.txt",), uv=uv)),
        "c1.txt": draw(requirements_text(("-c c2.txt",), uv=uv)),
        "c2.txt": draw(requirements_text(uv=uv)),
        "sub/r3.txt": draw(requirements_text(("-r ../r2.txt",), uv=uv)),
    }
    if not draw(st.integers(0, 14)):
        del found[draw(st.sampled_from(["r2.txt", "c2.txt"]))]
    return found


@st.composite
def databricks(draw: DrawFn) -> Databricks | None:
    if draw(st.integers(0, 2)):
        return None
    cluster = {
        "DATABRICKS_PIP_INDEX_URL": draw(weighted((1, url), (1, ""))),
        "DATABRICKS_PIP_EXTRA_INDEX_URL": draw(weighted((1, several), (1, ""))),
    }
    return Databricks(
        default_index=draw(weighted((2, url), (1, ""))),
        default_extras=draw(weighted((1, several), (1, ""))),
        default_certificate=draw(st.booleans()),
        cluster=tuple((name, value) for name, value in cluster.items() if value),
        machine=draw(st.booleans()),
        order=draw(st.sampled_from(["cluster-above-default", "default-above-cluster"])),
    )


@st.composite
def pip_cases(draw: DrawFn, *, etc: bool) -> Case:
    """A machine and one `pip install` or `pip download`; `etc`: `/etc/pip.conf` may be drawn."""
    chances = {"xdg0": 5, "xdg1": 9, "legacy": 7, "user": 3, "site": 4, "named": 2}
    if etc:
        chances["etc"] = 4
    files = {name: draw(conf()) for name, chance in chances.items() if not draw(st.integers(0, chance - 1))}
    return Case(
        versions=draw(versions),
        arguments=(draw(st.sampled_from(["install", "install", "install", "download"])), *draw(pip_arguments())),
        files=files,
        named=draw(
            st.sampled_from(
                ["", "", "", "", "named", "named", "named", "missing", "null", "user", "site", "xdg0", "empty"]
            )
        ),
        variables=draw(pip_variables()),
        texts=draw(texts()),
        databricks=draw(databricks()) if etc else None,
    )


@st.composite
def uv_toml(draw: DrawFn) -> str:
    lines, tables = [], []
    if not draw(st.integers(0, 2)):
        lines.append(f'index-url = "{draw(url)}"')
    if not draw(st.integers(0, 2)):
        lines.append("extra-index-url = [" + ", ".join(f'"{found}"' for found in draw(several).split()) + "]")
    if not draw(st.integers(0, 12)):
        lines.append("no-index = " + draw(st.sampled_from(["true", "false"])))
    for _ in range(draw(st.integers(0, 2))):
        mark = draw(st.sampled_from(["", "", "default = true\n", 'name = "one"\n', 'name = "two"\nexplicit = true\n']))
        tables.append(f'[[index]]\nurl = "{draw(url)}"\n{mark}')
    if not draw(st.integers(0, 4)):
        tables.append(
            f'[pip]\nextra-index-url = ["{draw(url)}"]\n' + draw(st.sampled_from(["", f'index-url = "{draw(url)}"\n']))
        )
    text = "\n".join([*lines, *tables])
    return text if draw(st.integers(0, 24)) else "index-url = \n" + text


@st.composite
def uv_variables(draw: DrawFn) -> tuple[tuple[str, str], ...]:
    drawn: dict[str, str] = {}
    for name, values, chance in (
        ("UV_DEFAULT_INDEX", one_or_empty, 3),
        ("UV_INDEX_URL", one_or_empty, 4),
        ("UV_INDEX", weighted((3, several), (1, url.map("one={}".format)), (1, "")), 4),
        ("UV_EXTRA_INDEX_URL", weighted((5, several), (1, "")), 4),
        ("PIP_INDEX_URL", url, 4),
        ("PIP_EXTRA_INDEX_URL", several, 6),
    ):
        if not draw(st.integers(0, chance - 1)):
            drawn[name] = draw(values)
    return tuple(drawn.items())


@st.composite
def uv_arguments(draw: DrawFn) -> tuple[str, ...]:
    words: list[str] = []
    pieces = st.sampled_from(["default", "index", "index-url", "extra", "requirement", "constraint", "odd"])
    for piece in draw(st.lists(pieces, max_size=3)):
        value = draw(url)
        words += {
            "default": ["--default-index", value],
            "index": ["--index", draw(st.sampled_from([value, f"one={value}"]))],
            "index-url": draw(st.sampled_from([["-i", value], [f"--index-url={value}"], [f"-i{value}"]])),
            "extra": ["--extra-index-url", value],
            "requirement": ["-r", draw(st.sampled_from(["r1.txt", "r2.txt"]))],
            "constraint": ["-c", "c1.txt"],
            "odd": draw(
                st.sampled_from([["--no-index"], ["--nonsense"], ["-q"], ["--index-strategy", "unsafe-best-match"]])
            ),
        }[piece]
    return tuple(words)


@st.composite
def uv_cases(draw: DrawFn, *, etc: bool) -> Case:
    """A machine and one `uv pip install`."""
    chances = {"uv-system": 5, "uv-user": 4, "uv-project": 4, "uv-named": 2, "user": 4}
    if etc:
        chances["uv-etc"] = 6
    files = {
        name: draw(conf() if name == "user" else uv_toml())
        for name, chance in chances.items()
        if not draw(st.integers(0, chance - 1))
    }
    return Case(
        versions=draw(versions),
        arguments=("pip", "install", *draw(uv_arguments())),
        files=files,
        named=draw(st.sampled_from(["", "", "", "uv-named"])),
        variables=draw(uv_variables()),
        texts=draw(texts(uv=True)),
        databricks=draw(databricks()) if etc else None,
    )
