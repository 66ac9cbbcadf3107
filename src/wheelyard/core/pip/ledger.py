"""Who set what, who lost it and why: the book that `effective_options` keeps while it walks the layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wheelyard.core.pip.answer import Sourced, Verdict
from wheelyard.core.pip.layer import LayerKind
from wheelyard.core.pip.options import Option, option_named
from wheelyard.core.redaction import SafeUrl
from wheelyard.core.rules.ranks import Order, rank_numbers

__all__ = ["Entry", "Ledger"]

WINS = "wins"


@dataclass(slots=True)
class Entry:
    """One value of one option from one layer; it wins until something takes it away."""

    option: str
    value: SafeUrl | str
    origin: str
    kind: LayerKind
    wins: bool = True
    why: str = WINS

    def lose(self, why: str) -> None:
        self.wins, self.why = False, why


@dataclass(slots=True)
class Ledger:
    """Entries in the order in which they were met, and which of them stand for each option now."""

    entries: list[Entry] = field(default_factory=list)
    standing: dict[str, list[Entry]] = field(default_factory=dict)

    def enter(self, option: Option, values: Iterable[SafeUrl | str], origin: str, kind: LayerKind) -> list[Entry]:
        """Write values down without giving them effect."""
        made = [Entry(option.name, value, origin, kind) for value in values]
        self.entries += made
        return made

    def replace(self, option: Option, made: list[Entry], why: str) -> None:
        """These values stand now; those that stood lose."""
        for entry in self.standing.get(option.name, ()):
            entry.lose(why)
        self.standing[option.name] = made

    def add(self, option: Option, made: list[Entry], why: str = "added") -> None:
        for entry in made:
            entry.why = why
        self.standing.setdefault(option.name, []).extend(made)

    def drop(self, option_name: str, why: str) -> None:
        option = option_named(option_name)
        assert option is not None
        self.replace(option, [], why)

    def urls(self, option_name: str) -> tuple[Sourced[SafeUrl], ...]:
        found = self.standing.get(option_name, ())
        return tuple([Sourced(e.value, e.origin, e.kind) for e in found if isinstance(e.value, SafeUrl)])

    def texts(self, option_name: str) -> tuple[Sourced[str], ...]:
        return tuple([Sourced(str(e.value), e.origin, e.kind) for e in self.standing.get(option_name, ())])

    def last_text(self, option_name: str) -> Sourced[str] | None:
        found = self.texts(option_name)
        return found[-1] if found else None

    def truth(self, option_name: str) -> Sourced[str] | None:
        """The flag, if it stands and is true."""
        found = self.last_text(option_name)
        return found if found is not None and found.value == "true" else None

    def verdicts(self, order: Order) -> tuple[Verdict, ...]:
        """One for each value, strongest place first; values of one place in the order in which they were written."""
        rank = rank_numbers(order)
        ranked = sorted(self.entries, key=lambda entry: rank[entry.kind], reverse=True)
        return tuple([Verdict(e.kind, e.origin, e.option, e.value, e.wins, e.why) for e in ranked])
