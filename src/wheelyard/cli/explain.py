"""`wheelyard explain`: which index wins, why, and what to beware of."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wheelyard.cli.render import Screen, aligned, screen
from wheelyard.cli.settings import Leaf, connect
from wheelyard.client.explain import explain_compute, explain_here, installed_pip
from wheelyard.core.explanation_words import STRATEGY_WORDS, facts_of
from wheelyard.core.pip.answer import Verdict
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import mask_urls

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from wheelyard.core.compute import ComputeView
    from wheelyard.core.explanation import Explanation, Warned

__all__ = ["command", "render"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of `explain`."""

    cluster: str | None
    job: int | None
    task: str | None
    notebook: str | None
    serverless: bool
    environment_version: str | None
    dependencies: tuple[str, ...]
    local: bool
    prefix: str | None
    installer: str | None
    words: tuple[str, ...]

    @property
    def wanted_installer(self) -> Installer | None:
        return Installer.parse(self.installer) if self.installer else None


def _explain(**given: Any) -> int:
    asked = _Asked(**given)
    places = [asked.cluster is not None, asked.job is not None, asked.serverless, asked.local]
    if sum(places) > 1 or (not any(places) and asked.notebook is None):
        raise click.UsageError("say for what: one of --cluster, --job, --serverless, --local, or --notebook")
    if asked.local and asked.notebook is not None:
        raise click.UsageError("--notebook names a notebook in a workspace; it does not go with --local")
    out = screen()
    answers = [_here(asked)] if asked.local else list(_in_workspace(asked))
    if out.wants_json:
        out.json(_as_json(answers))
    else:
        for number, answer in enumerate(answers):
            if number:
                out.say()
            render(answer, out)
        _next_steps(asked, answers[-1].explanation, out)
    return 1 if any(answer.explanation.options.refusal for answer in answers) else 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """An explanation and the command line it is for."""

    explanation: Explanation
    words: tuple[str, ...] = ()


def _as_json(answers: Sequence[_Answer]) -> dict[str, Any]:
    """The contract's document; a notebook that installs has one more document a line, under `commands`."""
    document = answers[0].explanation.to_json()
    if len(answers) > 1:
        document["commands"] = [
            {"command": mask_urls(shlex.join(one.words)), **one.explanation.to_json()} for one in answers[1:]
        ]
    return document


def _here(asked: _Asked) -> _Answer:
    prefix = Path(asked.prefix or os.environ.get("VIRTUAL_ENV") or sys.prefix)
    installer = asked.wanted_installer or installed_pip(prefix) or Installer.parse("pip")
    explanation = explain_here(
        installer, asked.words, environ=os.environ, cwd=Path.cwd(), home=Path.home(), prefix=prefix
    )
    return _Answer(explanation, asked.words)


def _in_workspace(asked: _Asked) -> Iterator[_Answer]:
    client = connect()
    observe = import_module("wheelyard.client.observe")  # loads the SDK, which `--local` must not wait for
    view = _view(client, asked, observe)
    yield _Answer(explain_compute(view, asked.words, observe.read_requirements(client, asked.words)), asked.words)
    for cell in observe.pip_cells(client, asked.notebook) if asked.notebook else ():
        installer = view.installer if cell.installer == view.installer.name else Installer.parse(cell.installer)
        seen = replace(view, installer=installer)
        explanation = explain_compute(seen, cell.words, observe.read_requirements(client, cell.words))
        yield _Answer(explanation, cell.words)


def _view(client: WorkspaceClient, asked: _Asked, observe: Any) -> ComputeView:
    if asked.cluster is not None:
        view: ComputeView = observe.observe_cluster(client, asked.cluster, asked.wanted_installer)
    elif asked.job is not None:
        view = observe.observe_job(client, asked.job, asked.task or "", asked.wanted_installer)
    else:
        view = observe.observe_serverless(
            client,
            environment_version=asked.environment_version or "",
            dependencies=asked.dependencies,
            installer=asked.wanted_installer,
        )
    return view


def render(answer: _Answer, out: Screen) -> None:
    """Draw one explanation: the answer first, then the ladder of layers, then what to beware of."""
    explanation = answer.explanation
    if out.is_terminal:
        out.out.print(_drawn(answer))
    else:
        for line in _written(answer):
            out.raw(line)
    for warned in explanation.warnings:
        _warn(warned, out)


def _title(answer: _Answer) -> str:
    told = f"{answer.explanation.compute}, {answer.explanation.installer}"
    if not answer.words:
        return mask_urls(told)
    program = answer.explanation.installer.partition("==")[0]
    program += " pip" if program == "uv" and answer.words[0] != "pip" else ""
    return mask_urls(f"{told}: {program} {shlex.join(answer.words)}")


def _written(answer: _Answer) -> Iterator[str]:
    options = answer.explanation.options
    yield _title(answer)
    yield from aligned([[f"  {fact.label}", fact.value, fact.origin] for fact in facts_of(options)])
    if options.extra_indexes:
        yield f"  {STRATEGY_WORDS.get(options.strategy, options.strategy)}"
    if options.verdicts:
        yield ""
        yield from aligned([["  RESULT", "ORIGIN", "OPTION", "VALUE", "WHY"], *(_row(one) for one in options.verdicts)])


def _row(verdict: Verdict) -> list[str]:
    why = "" if verdict.why == "wins" else verdict.why
    result = "  wins" if verdict.wins else "  loses"
    return [result, verdict.origin, verdict.option, mask_urls(str(verdict.value)), why]


def _drawn(answer: _Answer) -> Group:
    options = answer.explanation.options
    facts = Table.grid(padding=(0, 2, 0, 0))
    for fact in facts_of(options):
        style = "bold red" if fact.label == "refused" else ("bold green" if fact.label == "index" else "")
        facts.add_row(Text(fact.label, "dim"), Text(fact.value, style), Text(fact.origin, "dim"))
    parts: list[Any] = [Text(_title(answer), "bold"), Padding(facts, (0, 0, 0, 2))]
    if options.extra_indexes:
        parts.append(Padding(Text(STRATEGY_WORDS.get(options.strategy, options.strategy), "italic dim"), (0, 0, 0, 2)))
    if options.verdicts:
        parts += [Text(), Padding(_ladder(options.verdicts), (0, 0, 0, 2)), Text()]
    return Group(*parts)


def _ladder(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for title, ratio in (("", None), ("layer, strongest first", 3), ("option", None), ("value", 4), ("why", 4)):
        table.add_column(title, overflow="fold", ratio=ratio, no_wrap=ratio is None)
    for verdict in verdicts:
        _result, origin, option, value, why = _row(verdict)
        mark, style = ("●", "green") if verdict.wins else ("○", "dim")
        said = why or ("wins" if verdict.wins else "")
        table.add_row(*(Text(cell, style=style) for cell in (mark, origin, option, value, said)))
    return table


def _warn(warned: Warned, out: Screen) -> None:
    word, colour = ("error", "bold red") if warned.level == "error" else ("warning", "bold yellow")
    if out.is_terminal:
        head = Text.assemble((f"{word}: ", colour), (warned.id, "bold"), (f"  ({warned.confidence})", "dim"))
        out.out.print(head)
        out.out.print(Padding(Text(mask_urls(warned.text)), (0, 0, 0, 2)))
    else:
        out.raw(f"{word}: {warned.id} ({warned.confidence})\n  {mask_urls(warned.text)}")


def _next_steps(asked: _Asked, explanation: Explanation, out: Screen) -> None:
    steps: list[str] = []
    if not asked.local and explanation.options.asks_public_index:
        steps.append("wheelyard default set          give the whole workspace a private index")
    elif not asked.local:
        steps.append("wheelyard default check        look for what breaks installs quietly")
    if not asked.words:
        steps.append(f"wheelyard explain {_place(asked)} -- install six --index-url URL   see what a command changes")
    if explanation.options.extra_indexes:
        steps.append("wheelyard feed --help          one feed instead of extra indexes")
    for step in steps:
        out.note(f"next: {step}")


def _place(asked: _Asked) -> str:
    named: Mapping[str, object] = {"--cluster": asked.cluster, "--job": asked.job, "--notebook": asked.notebook}
    given = [f"{name} {shlex.quote(str(value))}" for name, value in named.items() if value is not None]
    return " ".join(given) or ("--local" if asked.local else "--serverless")


command = Leaf(
    "explain",
    params=[
        click.Option(["--cluster"], metavar="ID|NAME", help="For what is installed on this cluster."),
        click.Option(["--job"], type=int, metavar="ID", help="For a task of this job."),
        click.Option(["--task"], metavar="KEY", help="With --job: which task, when it has several."),
        click.Option(
            ["--notebook"],
            metavar="PATH",
            help="For each line of this notebook that installs; on --cluster, --job or serverless compute.",
        ),
        click.Option(["--serverless"], is_flag=True, help="For serverless compute."),
        click.Option(["--environment-version"], metavar="N", help="With --serverless: its environment version."),
        click.Option(
            ["--dependency", "dependencies"],
            multiple=True,
            metavar="LINE",
            help="With --serverless: a line of its environment's dependencies; may be repeated.",
        ),
        click.Option(["--local"], is_flag=True, help="For this folder, this environment and this machine's files."),
        click.Option(["--prefix"], metavar="DIR", help="With --local: the virtual environment that would run pip."),
        click.Option(
            ["--installer"],
            metavar="NAME[==VERSION]",
            help="pip or uv, as in pip==25.3; default: what the compute has.",
        ),
        click.Argument(["words"], nargs=-1, metavar="[-- COMMAND...]", type=click.UNPROCESSED),
    ],
    argument_help={"COMMAND": "the installer's own command line, as in install -r requirements.txt"},
    short_help="Say which index wins, and why.",
    help="""Say which index an installer will ask, where every value comes from, and why the others lose.

    After `--` comes the installer's own command line, without its name: what stands on it counts as it would there.

    \b
    wheelyard explain --cluster etl-nightly
    wheelyard explain --serverless -- install six --index-url URL
    wheelyard explain --local --installer pip==24.0 -- install -r needs.txt

    Nothing is installed, nothing is changed, and no credential is printed. Exit code 1 when the installer would refuse
    to start at all.""",
    callback=_explain,
)
