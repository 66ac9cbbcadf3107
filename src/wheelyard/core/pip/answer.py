"""The answer to "which index wins", with the origin of every value and the reason of every loser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from wheelyard.core.pip.layer import LayerKind, Refusal
from wheelyard.core.redaction import SafeUrl

__all__ = ["PUBLIC_INDEX", "EffectiveOptions", "Sourced", "Verdict"]

PUBLIC_INDEX: Final = SafeUrl("public index")
"""Stands for the index an installer has built in; its address is never spelled out here."""

Strategy = Literal["best version", "first index", "best version, first wins ties"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value and where it came from; `kind` is the place, None when no layer sets it."""

    value: T
    origin: str
    kind: LayerKind | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one value that one layer sets. `why` is a sentence for a reader, "wins" for a plain winner."""

    kind: LayerKind
    origin: str
    option: str
    value: SafeUrl | str
    wins: bool
    why: str


@dataclass(frozen=True, slots=True)
class EffectiveOptions:
    """What the installer will really use.

    Args:
        index: the index; None when no index is asked at all (`--no-index`).
        extra_indexes: in the order the installer lists them.
        certificate: path of the CA bundle named by an option or variable; None for none.
        trust: every CA source that counts, strongest first; with a bundle that *replaces* the rest it is the only one.
        requirements: files the command line, variables and files name, as written; constraints likewise.
        verdicts: one for each value of each layer, strongest layer first.
        refusal: the installer stops with this instead of asking; the other fields then say what was known so far.
        strategy: which of several indexes delivers. `best version`: all are equal, and of equal versions the last
            listed index's is taken (pip; an index listed twice counts at its first place). `first index`: the first
            that knows the name (uv). `best version, first wins ties`: uv with `unsafe-best-match`.
    """

    index: Sourced[SafeUrl] | None
    extra_indexes: tuple[Sourced[SafeUrl], ...] = ()
    find_links: tuple[Sourced[SafeUrl], ...] = ()
    trusted_hosts: tuple[Sourced[str], ...] = ()
    certificate: Sourced[str] | None = None
    client_certificate: Sourced[str] | None = None
    trust: tuple[Sourced[str], ...] = ()
    requirements: tuple[Sourced[str], ...] = ()
    constraints: tuple[Sourced[str], ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    refusal: Refusal | None = None
    strategy: Strategy = "best version"

    @property
    def indexes(self) -> tuple[Sourced[SafeUrl], ...]:
        """Every index, in the order the installer asks: pip the index first, uv the extra ones first."""
        main = () if self.index is None else (self.index,)
        return (*main, *self.extra_indexes) if self.strategy == "best version" else (*self.extra_indexes, *main)

    @property
    def asks_public_index(self) -> bool:
        return any(source.kind in {None, LayerKind.PUBLIC_INDEX} for source in self.indexes)


def origins(sources: Iterable[Sourced[T]]) -> tuple[str, ...]:
    """The places a list of values came from, each once, in order."""
    return tuple(dict.fromkeys(source.origin for source in sources))
