"""The steps of the demo, in order: each says what and why, does it as a reader would, and checks it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from wheelyard.cli.demo import programs, proof
from wheelyard.cli.demo.story import Story
from wheelyard.cli.demo.wheels import build_wheel
from wheelyard.cli.demo.workspace import Started, command_line, start
from wheelyard.cli.render import screen
from wheelyard.cli.settings import connect
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.redaction import Secret, mask_urls

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["play"]

USER = "build"
_SCOPE = str(RESERVED_SCOPE)
_PUT = ("secrets", "put-secret", "--json")
_SIGN_IN = ("ready.json", "run.json")
"""Files that hold the admin's own token on purpose, mode 0600."""


@dataclass
class Stage:
    """What the steps hand on to each other."""

    story: Story
    folder: Path
    workspace: Started
    tokens: list[Secret[str]] = field(default_factory=list)
    public_wheel: Path | None = None
    feeds: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """What the workspace answered and compute printed, by where it was read: searched for the token at the end."""

    @property
    def client(self) -> WorkspaceClient:
        return connect()

    def url(self, feed: str, token: Secret[str]) -> str:
        parts = urlsplit(str(self.feeds[feed]["index_url"]))
        return f"{parts.scheme}://{USER}:{quote(token.reveal(), safe='')}@{parts.netloc}{parts.path}"

    def write(self, name: str, content: str) -> str:
        """A file of the demo's, readable by its owner only."""
        path = self.folder / name
        path.touch(0o600)
        path.write_text(content, encoding="utf-8")
        return str(path)

    def keep(self, where: str, content: object) -> str:
        text = content if isinstance(content, str) else json.dumps(content)
        self.answers[where] = self.answers.get(where, "") + text
        return text


def play(keep: bool | None) -> None:  # noqa: FBT001 - click passes the option by name
    """Tell the whole story; raise at the first thing that does not hold."""
    from wheelyard.cli import main  # noqa: PLC0415 - the table of verbs leads here

    story = Story(screen(), main)
    folder = Path(tempfile.mkdtemp(prefix="wheelyard-demo-"))
    story.title(
        "Wheelyard: one private index for every notebook, job and cluster, and no token in sight",
        f"Everything below happens on this machine, on loopback, in {folder}.",
    )
    story.step("Start a workspace", "It answers the REST API that the official clients speak, and really runs pip.")
    story.say(f"$ wheelyard {' '.join(command_line(folder))}")
    stays = False
    try:
        with story.waiting("starting") as tell:
            workspace = start(folder, tell)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        with _environment(workspace):
            _tell(Stage(story, folder, workspace))
            stays = _offer(story, workspace) if keep is None else keep
    except Exception:
        story.say("The workspace's last words:")
        story.quote(workspace.last_words())
        raise
    finally:
        if stays:
            _say_how_to_end(story, workspace)
        else:
            workspace.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _tell(stage: Stage) -> None:
    for step in (
        _serving,
        _feeds,
        _wheels,
        _default,
        _cluster,
        _notebook,
        _serverless,
        _explicit,
        _explain,
        _logs,
        _proof,
    ):
        step(stage)
    stage.story.title("", f"Everything held, in {stage.story.seconds:.0f} seconds. Where to look next:")
    stage.story.say('  wheelyard up               a workspace of your own; then: eval "$(wheelyard env)"')
    stage.story.say("  wheelyard explain --local  which index pip asks on this machine, and why")
    stage.story.say("  docs/guides/quickstart.md  the same in your words, also against a real workspace")


@contextmanager
def _environment(workspace: Started) -> Iterator[None]:
    """Point the SDK of this process at the demo's workspace, and at nothing else."""
    before = {name: value for name, value in os.environ.items() if name.startswith("DATABRICKS_")}
    for name in before:
        del os.environ[name]
    own = {
        "DATABRICKS_HOST": workspace.host,
        "DATABRICKS_TOKEN": workspace.token.reveal(),
        "DATABRICKS_CONFIG_FILE": str(workspace.folder / "no-profile"),
    }
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            os.environ.pop(name, None)
        os.environ.update(before)


def _serving(stage: Stage) -> None:
    me = stage.client.current_user.me()
    stage.tokens.append(stage.workspace.token)
    stage.story.shows(me.user_name is not None, f"it serves at {stage.workspace.host}; you are {me.user_name}")


def _feeds(stage: Stage) -> None:
    story = stage.story
    story.step(
        "Create private feeds", "`team-a` is the team's index, `shared` a second one, `preview` a third for later."
    )
    for name in ("team-a", "shared", "preview"):
        answer = story.command(
            "feed", "create", name, "--output", "json", quiet=True, shown=f"wheelyard feed create {name}"
        )
        stage.feeds[name] = json.loads(answer.out)
    story.say(f"index URL of team-a: {stage.feeds['team-a']['index_url']}")


def _wheels(stage: Stage) -> None:
    story = stage.story
    story.step("Build two wheels and upload them", "`ledger-report` needs `ledgerlib`; nobody outside has either.")
    stage.public_wheel = _public_wheel(stage.folder)
    needs_public = stage.public_wheel is not None
    built = [build_wheel(project, stage.folder) for project in programs.projects(needs_public=needs_public)]
    story.command("feed", "upload", "team-a", *map(str, built), shown="wheelyard feed upload team-a dist/*.whl")
    if stage.public_wheel is not None:
        story.say(f"`ledger-report` also needs the public package `{programs.PUBLIC}`: this machine's index had it,")
        story.say("and it goes into `shared`, so that no install has to ask the public index.")
        story.command(
            "feed", "upload", "shared", str(stage.public_wheel), shown="wheelyard feed upload shared six-*.whl"
        )
    else:
        story.say(f"This machine's index did not give `{programs.PUBLIC}`, so `ledger-report` does without it here.")
    preview = build_wheel(programs.preview(), stage.folder)
    story.command(
        "feed", "upload", "preview", str(preview), shown="wheelyard feed upload preview dist/ledgerlib-2*.whl"
    )


def _public_wheel(folder: Path) -> Path | None:
    """A small public package, if this machine's index gives it within half a minute."""
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input", "--retries", "0"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", str(folder / "public"), programs.PUBLIC]
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next((folder / "public").glob("*.whl"), None) if done.returncode == 0 else None


def _new_token(stage: Stage, feed: str) -> Secret[str]:
    spoken = stage.story.command("feed", "token", feed, "--comment", "demo", quiet=True)
    token = Secret(spoken.out.strip())
    stage.story.transcript.remove(spoken.out)
    stage.tokens.append(token)
    stage.story.say("(a read-only token; printed once, and from here on it must not show up anywhere)")
    return token


def _default(stage: Stage) -> None:
    story = stage.story
    story.step(
        "Store the default, as the official documentation's CLI steps do",
        "An admin does this once. The commands are those of `databricks secrets`.",
    )
    index, shared = _new_token(stage, "team-a"), _new_token(stage, "shared")
    story.command("secrets", "create-scope", _SCOPE)
    story.command("secrets", "put-acl", _SCOPE, "admins", "MANAGE")
    story.command("secrets", "put-acl", _SCOPE, "users", "READ")
    for key, value in (
        ("pip-index-url", stage.url("team-a", index)),
        ("pip-extra-index-urls", stage.url("shared", shared)),
    ):
        body = {"scope": _SCOPE, "key": key, "string_value": value}
        shown = json.dumps({**body, "string_value": mask_urls(value)})
        story.command(*_PUT, json.dumps(body), shown=f"wheelyard {' '.join(_PUT)} '{shown}'")
    stored = story.command("default", "show", drawn=True)
    story.shows("****" in stored.out, "the stored URLs are shown with their credentials masked")
    story.command("default", "check")


def _cluster(stage: Stage) -> None:
    story = stage.story
    story.step("Start a cluster with a library", "Nothing in its spec names an index: the workspace default is enough.")
    spec = {
        "cluster_name": "demo",
        "spark_version": programs.RUNTIME,
        "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
    }
    body = stage.write("cluster.json", json.dumps(spec))
    story.say(json.dumps(spec))
    made = story.command(
        *("clusters", "create", "--json", f"@{body}"),
        quiet=True,
        shown="wheelyard clusters create --json @cluster.json",
    )
    cluster_id = json.loads(made.out)["cluster_id"]
    library = {"cluster_id": cluster_id, "libraries": [{"pypi": {"package": "ledgerlib"}}]}
    body = stage.write("library.json", json.dumps(library))
    story.command(
        "libraries", "install", "--json", f"@{body}", shown="wheelyard libraries install --json @library.json"
    )
    with story.waiting("installing ledgerlib"):
        status = programs.wait_for_libraries(stage.client, cluster_id)
    stage.keep("library statuses", status)
    last = story.command("libraries", "cluster-status", cluster_id, drawn=True)
    story.shows("INSTALLED" in last.out, "the cluster installed `ledgerlib` from the private feed")


def _notebook(stage: Stage) -> None:
    story = stage.story
    story.step("Run a notebook that installs with %pip", "`ledger-report` brings its own needs; all from the default.")
    notebook = stage.write("report.py", programs.notebook(needs_public=stage.public_wheel is not None))
    story.quote(programs.cell_lines())
    ran = story.command("run", notebook, "--cluster", "demo", shown="wheelyard run report.py --cluster demo")
    story.shows("ledger of 3 entries" in ran.out, "the notebook imported the private package and used it")


def _serverless(stage: Stage) -> None:
    story = stage.story
    story.step("Submit a serverless job", "No cluster, no index in its environment: only the requirement.")
    job = stage.write("nightly.py", programs.JOB)
    ran = story.command(
        *("run", job, "--serverless", "--dependency", "ledger-report==2.0.0"),
        shown="wheelyard run nightly.py --serverless --dependency ledger-report==2.0.0",
    )
    story.shows("ledger-report 2.0.0" in ran.out, "the serverless job found the same package")


def _explicit(stage: Stage) -> None:
    story = stage.story
    story.step(
        "Name another index in a cell",
        "An explicit --index-url wins, for the index only: the extra index of the default is still asked.",
    )
    token = _new_token(stage, "preview")
    stage.client.secrets.create_scope("demo")
    stage.client.secrets.put_secret("demo", "preview-url", string_value=stage.url("preview", token))
    with story.waiting("running the cell") as tell:
        told = programs.run_cells(stage.client, "demo", programs.EXPLICIT_CELLS, tell)
    story.quote(programs.shown_cells())
    stage.keep("cell output", told)
    asked = next((line for line in told.splitlines() if line.startswith("Looking in indexes:")), "")
    story.quote(
        "\n".join(line for line in told.splitlines() if line.startswith(("Looking", "Successfully", "ledgerlib")))
    )
    story.shows("preview" in asked, "pip asked `preview`, which the cell names", told)
    story.shows("team-a" not in asked, "pip did not ask `team-a`: the default's index lost", told)
    story.shows("/shared/" in asked, "pip still asked `shared`: the default's extra index survived", told)
    story.shows("ledgerlib 2.0.0" in told, "and ledgerlib 2.0.0 came from `preview`", told)


def _explain(stage: Stage) -> None:
    story = stage.story
    story.step("Ask why", "The same function that set pip up on the cluster answers.")
    plain = story.command("explain", "--cluster", "demo", drawn=True)
    story.holds("workspace default" in plain.out, "the cluster's index comes from the workspace default", plain.out)
    preview = str(stage.feeds["preview"]["index_url"])
    explicit = story.command(
        "explain", "--cluster", "demo", "--", "install", "ledgerlib", "--index-url", preview, drawn=True
    )
    story.shows("/preview/" in explicit.out, "`explain` says what the cell did, without running it")


def _logs(stage: Stage) -> None:
    story = stage.story
    story.step("Read the logs", "They say where every package came from, and keep the token to themselves.")
    log = story.command("clusters", "logs", "demo", "startup")
    stage.keep("start-up log", log.out)
    log = story.command("clusters", "logs", "demo", "libraries", quiet=True)
    stage.keep("library log", log.out)
    story.quote("\n".join(line for line in log.out.splitlines() if "Looking in" in line or "uccessfully" in line))
    story.shows("****" in "".join(stage.answers.values()), "URLs in the logs are masked")


def _proof(stage: Stage) -> None:
    story = stage.story
    story.step(
        "Prove that no token shows",
        "Plain, percent-encoded, hex, reversed, base64 at every alignment and Basic: in everything printed, answered,",
        "logged or stored, and in the arguments of every process. The cluster ends first: pip's own settings file,",
        "mode 0600 in its folder, goes with it.",
    )
    admin, *feed_tokens = stage.tokens
    places = list(proof.command_lines())
    for name, answer in programs.everything_answered(stage.client, "demo").items():
        stage.keep(name, answer)
    story.command("clusters", "delete", programs.cluster_id(stage.client, "demo"), quiet=True)
    forms = {token: proof.forms_of(token, USER) for token in (*feed_tokens, admin)}
    planted = [("planted", f"https://{USER}:{feed_tokens[0].reveal()}@host/".encode())]
    story.holds(any(proof.search(forms[feed_tokens[0]], planted)), "the search finds a token where there is one")
    places += [("what this demo printed", "\n".join(story.transcript).encode())]
    places += [(name, text.encode()) for name, text in stage.answers.items()]
    files = proof.files_below(stage.folder)
    places += [(name, content) for name, content in files if not name.endswith(_SIGN_IN)]
    leaks = [leak for one in forms.values() for leak in proof.search(one, places)]
    size = sum(len(content) for _name, content in places) / 1e6
    story.shows(
        not leaks,
        f"{len(forms)} tokens, each in {len(forms[admin])} forms: in none of {len(places)} places, {size:.1f} MB",
        "; ".join(f"{leak.form} form in {leak.place}" for leak in leaks),
    )
    story.say("(only the ready file, mode 0600, holds the admin's own token: that is how you sign in)")


def _offer(story: Story, workspace: Started) -> bool:
    if not story.screen.is_terminal or not sys.stdin.isatty():
        return False
    return click.confirm(f"\nKeep the workspace at {workspace.host} running?", default=False)


def _say_how_to_end(story: Story, workspace: Started) -> None:
    story.say(f'use it:  eval "$(wheelyard env --data-dir {workspace.data_dir})"')
    story.say(f"end it:  kill {workspace.process.pid} && rm -r {workspace.folder}")
