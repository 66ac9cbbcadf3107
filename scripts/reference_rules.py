"""Write docs/reference/rules.md from the rows: who wins, what differs by version, what reaches where, the lints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheelyard.control.package_repositories.outcomes import OUTCOMES
from wheelyard.core.delivery import METHODS
from wheelyard.core.rules.defaults import APPLIES, DEFAULT_WITHOUT_READ, SWITCHES
from wheelyard.core.rules.deliveries import REACHES
from wheelyard.core.rules.installers import BEHAVIOURS, EPOCHS
from wheelyard.core.rules.lints import LINTS
from wheelyard.core.rules.ranks import CLUSTER_ABOVE_DEFAULT, PIP_RANKS, UV_RANKS
from wheelyard.core.rules.values import VALUE_RULES
from wheelyard.core.stored_default import CHECKS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "rules.md"

HEAD = """# Rules

Generated from the rows in `src/wheelyard/core` by `scripts/reference_rules.py`; edit the rows, not this page.

Confidence: *measured* with the real installer, *documented* by its maker, *recalled* from documentation that was not
read again, *inferred* from the others.
"""


VALUES = """## Values of the workspace default

The settings page and `wheelyard default set` store no value with an error, and one with a warning. What other clients
have stored is judged by the page and by `wheelyard default check`.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _unnamed(words: str) -> str:
    return re.sub(r"\{\w+\}", "…", words)


def page() -> str:
    """The whole page."""
    switch, unread = CLUSTER_ABOVE_DEFAULT, DEFAULT_WITHOUT_READ
    parts = [
        HEAD,
        "## Who wins: pip\n\nWeakest first.\n",
        table(
            ("place", "merges as", "source", "confidence"),
            ((row.title, row.realm, row.source, row.confidence) for row in PIP_RANKS),
        ),
        f"{switch.question} Chosen: `{switch.chosen}` ({switch.confidence}; {switch.source}).\n",
        "## Who wins: uv\n\nWeakest first.\n",
        table(
            ("place", "merges as", "source", "confidence"),
            ((row.title, row.realm, row.source, row.confidence) for row in UV_RANKS),
        ),
        "## Versions\n",
        table(("epoch", "versions", "what is new"), ((row.id, f"`{row.versions}`", row.title) for row in EPOCHS)),
        "## What differs by version\n",
        table(
            ("rule", "versions", "behaviour", "source", "confidence"),
            ((row.id, f"`{row.versions}`", row.text, row.source, row.confidence) for row in BEHAVIOURS),
        ),
        "## Delivery methods\n",
        table(
            ("method", "who sees the token", "a change takes effect", "fails silently when", "rating", "confidence"),
            (
                (
                    method.title,
                    method.token_seen_by,
                    method.takes_effect,
                    method.fails_silently,
                    method.rating,
                    method.confidence,
                )
                for method in METHODS
            ),
        ),
        "## Where a method has no effect\n",
        table(
            ("rule", "method", "works on", "runtimes", "otherwise", "source", "confidence"),
            (
                (
                    row.id,
                    row.method,
                    ", ".join(row.kinds),
                    f"`{row.runtimes}`" if row.runtimes else "all",
                    row.otherwise,
                    row.source,
                    row.confidence,
                )
                for row in REACHES
            ),
        ),
        "## When a change of the workspace default applies\n",
        table(
            ("workload", "takes effect", "what to do", "setting that must be on", "source", "confidence"),
            (
                (
                    row.workload,
                    row.takes_effect,
                    row.what_to_do,
                    f"`{row.setting}`" if row.setting else "",
                    row.source,
                    row.confidence,
                )
                for row in APPLIES
            ),
        ),
        "## When the workspace default reaches classic compute\n",
        table(
            ("setting that must be on", "for clusters created through", "source", "confidence"),
            ((f"`{row.setting}`", row.created_through, row.source, row.confidence) for row in SWITCHES),
        ),
        f"{unread.question} Chosen: `{unread.chosen}` ({unread.confidence}; {unread.source}).\n",
        "## Lints\n",
        table(
            ("lint", "level", "says", "source", "confidence"),
            ((row.id, row.level, row.text.replace("{found}", "…"), row.source, row.confidence) for row in LINTS),
        ),
        VALUES,
        table(
            ("rule", "level", "why", "source", "confidence"),
            ((row.id, row.level, row.why, row.source, row.confidence) for row in VALUE_RULES),
        ),
        "## The scope of the workspace default\n",
        table(
            ("rule", "level", "says", "source", "confidence"),
            ((row.rule_id, row.level, _unnamed(row.words), row.source, row.confidence) for row in CHECKS),
        ),
        "## What a check of an index can meet\n",
        table(
            ("outcome", "fine", "says", "next"),
            ((row.id, "yes" if row.is_fine else "no", _unnamed(row.words), _unnamed(row.hint)) for row in OUTCOMES),
        ),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
