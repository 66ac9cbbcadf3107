"""The answer of an explanation as a few labelled facts, for the terminal and for the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from wheelyard.core.pip.answer import PUBLIC_INDEX, EffectiveOptions, Sourced
from wheelyard.core.redaction import SafeUrl, mask_urls

__all__ = ["STRATEGY_WORDS", "Fact", "facts_of"]

STRATEGY_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "best version": "every index is asked, and the highest version wins wherever it is",
        "first index": "the first index that knows a name is the only one used for it",
    }
)
"""Which of several indexes delivers, by `EffectiveOptions.strategy`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the installer will use; every credential is masked. `origin` may be empty."""

    label: str
    value: str
    origin: str = ""


def facts_of(options: EffectiveOptions) -> tuple[Fact, ...]:
    """What the installer will use, in the order it matters; or the one fact that it refuses."""
    if options.refusal is not None:
        return (Fact("refused", mask_urls(options.refusal.text), f"from {options.refusal.origin}"),)
    index = options.index
    equally = "also asked" if options.strategy == "best version" else "asked first"
    facts = [Fact("index", _shown(index), _origin(index)) if index else Fact("index", "none is asked")]
    facts += [Fact(equally, _shown(extra), _origin(extra)) for extra in options.extra_indexes]
    facts += [Fact("find links", str(link.value), _origin(link)) for link in options.find_links]
    if options.certificate is not None:
        facts.append(Fact("certificate", mask_urls(options.certificate.value), _origin(options.certificate)))
    facts += [Fact("not verified", host.value, _origin(host)) for host in options.trusted_hosts]
    return tuple(facts)


def _origin(source: Sourced[Any]) -> str:
    return f"because {source.origin}" if source.value == PUBLIC_INDEX else f"from {source.origin}"


def _shown(source: Sourced[SafeUrl]) -> str:
    return "the public index" if source.value == PUBLIC_INDEX else str(source.value)
