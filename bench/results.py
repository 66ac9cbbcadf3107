"""What was measured, judged and shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure, named

__all__ = ["DISTURBED", "HEADER", "Measured", "Missing", "Result", "line", "to_json"]


DISTURBED = 0.15
"""Cores that other processes may use while a run counts; a run that was disturbed more is made again."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of one figure; medians count.

    Args:
        other: the runs of what stands beside it, None where nothing does.
        disturbed: cores that other processes used meanwhile.
        note: what a reader must know of it.
    """

    name: str
    ours: tuple[float, ...]
    other: tuple[float, ...] | None = None
    disturbed: float = 0.0
    note: str = ""

    @property
    def figure(self) -> Figure:
        return named(self.name)

    @property
    def ours_value(self) -> float:
        return statistics.median(self.ours)

    @property
    def other_value(self) -> float | None:
        return statistics.median(self.other) if self.other else None

    @property
    def ratio(self) -> float | None:
        other = self.other_value
        return self.ours_value / other if other else None

    @property
    def verdict(self) -> str:
        """`unclear` for a difference below nothing: noise was larger than what is measured."""
        bound = self.figure.bound
        if self.ours_value < 0:
            return "unclear"
        if bound is None:
            return "-"
        return "ok" if bound.met(self.ours_value, self.ratio) else "short"


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that could not be measured: a peer cannot be had (`skipped`), or something broke (`failed`)."""

    name: str
    verdict: str
    note: str

    @property
    def figure(self) -> Figure:
        return named(self.name)


Result = Measured | Missing

_ROW = "{:<25} {:>14} {:>14} {:>7}  {:<12} {}"
HEADER = _ROW.format("name", "ours", "other", "ratio", "wanted", "")


def line(result: Result) -> str:
    """`name  ours  other  ratio  wanted  ok/short`."""
    figure = result.figure
    if isinstance(result, Missing):
        words = (figure.name, "-", "-", "-", figure.wanted, f"{result.verdict}: {result.note}")
    else:
        ratio = "-" if result.ratio is None else f"{result.ratio:.3g}"
        ours, other = _value(result.ours_value, figure), _value(result.other_value, figure)
        words = (figure.name, ours, other, ratio, figure.wanted, _end(result))
    return _ROW.format(*words).rstrip()


def to_json(result: Result) -> dict[str, Any]:
    """One object of `--output json`; `runs` are all that count, their medians are the values."""
    figure = result.figure
    known = {
        "name": figure.name,
        "what": figure.what,
        "unit": figure.unit,
        "beside": figure.beside or None,
        "wanted": figure.wanted,
        "verdict": result.verdict,
        "note": result.note,
    }
    if isinstance(result, Missing):
        return {**known, "ours": None, "other": None, "ratio": None}
    return {
        **known,
        "ours": result.ours_value,
        "other": result.other_value,
        "ratio": result.ratio,
        "runs": {"ours": _plain(result.ours), "other": _plain(result.other or ())},
        "disturbed_cores": round(result.disturbed, 2),
    }


def _value(value: float | None, figure: Figure) -> str:
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 3
    number = f"{value:,.{digits}f}" if figure.unit else f"{value:,g}"
    return f"{number} {figure.unit}".rstrip()


def _end(result: Measured) -> str:
    said = "" if result.verdict == "-" else result.verdict
    beside = f"beside {result.figure.beside}" if result.figure.beside else ""
    disturbed = f"disturbed: others used {result.disturbed:.1f} cores" if result.disturbed > DISTURBED else ""
    return "  ".join(part for part in (f"{said:<5}", beside, result.note, disturbed) if part).strip()


def _plain(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
