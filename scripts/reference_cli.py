"""Write docs/reference/cli.md from the click commands; `--check` says whether it is current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path

import click

from wheelyard.cli import VERBS

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"

OPENING = """# The command line

<!-- Written by scripts/reference_cli.py from the commands themselves; change those, then run `make docs`. -->

```
wheelyard [--host URL] [--profile NAME] [--output text|json] [--debug] VERB …
```

The shared options may stand before or after the verb. Hosts and credentials are found as the official clients find
them: `DATABRICKS_HOST` and `DATABRICKS_TOKEN`, profiles of `~/.databrickscfg`, OAuth. Answers go to standard output,
everything else to standard error; `--output json` makes the answer one JSON document, and an error one too.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | it found or met a problem, and reports it |
| 2 | wrong usage: the command line, the environment or a file it names |
| 3 | the workspace refused: authentication or permission |
| 4 | the workspace could not be reached |

An error has a stable reference; the lines below it say what could not be done, because of what, what did *not* happen,
and the most likely next command.
"""

SHARED = {"host", "profile", "output", "debug"}


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for section, verbs in groupby(VERBS, key=lambda verb: verb.section):
        parts.append(f"\n## {section}\n")
        for verb in verbs:
            parts += _command(f"wheelyard {verb.name}", import_module(verb.module).command, 3)
    return "\n".join(parts).rstrip() + "\n"


def _command(path: str, command: click.Command, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"\n{'#' * level} `{path}`\n"
    yield _words(command.help or "")
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{path} {name}", inner, level + 1)
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n```\n{path} {usage}\n```\n"
    rows = [(f"`{name}`", text) for name, text in getattr(command, "argument_help", {}).items()]
    for parameter in command.params:
        record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(context)
        if record is not None and not (parameter.name in SHARED and not parameter.expose_value):
            rows.append((f"`{record[0]}`", record[1]))
    if rows:
        yield "| | |\n|---|---|"
        yield "\n".join(
            f"| {name.replace('|', chr(92) + '|')} | {text.replace('|', chr(92) + '|')} |" for name, text in rows
        )


def _words(text: str) -> str:
    """Help text as Markdown: what click keeps as it is becomes a code block."""
    paragraphs = []
    for paragraph in click.unstyle(text).strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and lines[0] == "\b":
            paragraphs.append("```\n" + "\n".join(lines[1:]) + "\n```")
        else:
            paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.exists() and TARGET.read_text(encoding="utf-8") == page() else f"{TARGET} is out of date")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(page(), encoding="utf-8")
    print(f"wrote {TARGET}")
