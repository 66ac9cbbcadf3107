"""`wheelyard demo`: the main job end to end, told as a story whose every sentence is checked while it is told.

`story.py` tells, `workspace.py` starts the embedded workspace, `wheels.py` builds what is installed, `proof.py` looks
for the token afterwards, and `steps.py` holds the steps in their order.
"""

from __future__ import annotations

import click

from wheelyard.cli.demo.steps import play
from wheelyard.cli.settings import Leaf

__all__ = ["command"]

command = Leaf(
    "demo",
    params=[
        click.Option(["--keep/--no-keep"], default=None, help="Leave the workspace running, or end it without asking."),
    ],
    short_help="Show the main job end to end, in under two minutes.",
    help="""Show the main job end to end on an embedded workspace of its own.

    A private feed, the workspace default, a cluster, a notebook and a serverless job that install from it, and the
    proof that no token shows anywhere.

    Everything happens in a temporary folder and on loopback. Exit code 1 at the first thing that does not hold.""",
    callback=play,
)
