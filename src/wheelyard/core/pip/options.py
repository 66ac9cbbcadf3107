"""The options of an installer that decide where it looks, as a table: name, aliases, kind of value, one or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wheelyard.core.redaction import SafeUrl, Secret

__all__ = ["OPTIONS", "Option", "canonical_name", "normalise", "option_named", "option_of_variable", "values_of"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option that we follow.

    Args:
        name: its canonical long name without `--`.
        holds: a URL, a path, text, or yes/no.
        is_list: several values; white space separates them in files and variables.
        aliases: other long names; they are names in files and variables as well.
        short: the one-letter form on a command line and in requirements files.
    """

    name: str
    holds: Literal["url", "path", "text", "flag"]
    is_list: bool = False
    aliases: tuple[str, ...] = ()
    short: str = ""


OPTIONS: tuple[Option, ...] = (
    Option("index-url", "url", aliases=("pypi-url",), short="i"),
    Option("extra-index-url", "url", is_list=True),
    Option("no-index", "flag"),
    Option("find-links", "url", is_list=True, short="f"),
    Option("trusted-host", "text", is_list=True),
    Option("cert", "path"),
    Option("client-cert", "path"),
    Option("proxy", "url"),
    Option("no-proxy-env", "flag"),
    Option("use-feature", "text", is_list=True),
    Option("use-deprecated", "text", is_list=True),
    Option("requirement", "path", is_list=True, short="r"),
    Option("constraint", "path", is_list=True, short="c"),
    Option("isolated", "flag"),
)
"""Source: facts/packaging.md A1, A2, A6; aliases measured."""

_BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}

PIP_PREFIX = "PIP_"
CLUSTER_PREFIX = "DATABRICKS_PIP_"

_BY_VARIABLE = {
    prefix + name.upper().replace("-", "_"): option.name
    for prefix in (CLUSTER_PREFIX, PIP_PREFIX)
    for name, option in _BY_NAME.items()
}
"""The usual spellings; pip takes others as well (`PIP_extra_index_url`)."""


def normalise(name: str) -> str:
    """A name in a file or variable as pip compares it.

    >>> normalise("--Index_URL")
    'index-url'

    Source: facts/packaging.md A1.
    """
    return name.lower().replace("_", "-").removeprefix("--")


def canonical_name(name: str) -> str:
    """The option's own name for a name or alias in any spelling; a name we do not follow stays as normalised.

    >>> canonical_name("pypi_url")
    'index-url'
    """
    option = _BY_NAME.get(name)
    if option is None:
        name = normalise(name)
        option = _BY_NAME.get(name)
    return option.name if option else name


def option_named(name: str) -> Option | None:
    """The row of an option, by name or alias in pip's normal form."""
    return _BY_NAME.get(name)


def option_of_variable(variable: str) -> str:
    """The canonical option an environment variable sets; the variable's own name if it is none of pip's.

    >>> [option_of_variable(name) for name in ("PIP_PYPI_URL", "DATABRICKS_PIP_INDEX_URL", "SSL_CERT_FILE")]
    ['index-url', 'index-url', 'SSL_CERT_FILE']
    """
    usual = _BY_VARIABLE.get(variable)
    if usual is not None:
        return usual
    for prefix in (CLUSTER_PREFIX, PIP_PREFIX):
        if variable.startswith(prefix):
            return canonical_name(variable.removeprefix(prefix))
    return variable


def values_of(option: Option, text: Secret[str]) -> tuple[SafeUrl | str, ...]:
    """The values a text stands for: lists are split at white space, everything else is one value, spaces included."""
    words = text.reveal().split() if option.is_list else [text.reveal()]
    return tuple([SafeUrl(word) for word in words] if option.holds == "url" else words)


TRUE_WORDS = frozenset({"y", "yes", "t", "true", "on", "1"})
FALSE_WORDS = frozenset({"n", "no", "f", "false", "off", "0"})
"""What pip takes for a boolean outside the command line, in any case."""


def truth_of(text: str) -> bool | None:
    """A boolean word as pip reads it; None when it is none.

    >>> truth_of("Yes"), truth_of("0"), truth_of("maybe")
    (True, False, None)
    """
    word = text.lower()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None
