"""`arcxo agent run`: the engine of a host."""

from __future__ import annotations

import click

from app.cli.context import current


@click.group(help="The engine of a host.")
def agent() -> None:
    """Commands of the agent."""


@agent.command(help="Be the agent, in the foreground, until SIGTERM.")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one.",
)
def run(*, listen: str) -> int:
    """Run the agent of the home."""
    context = current()
    return context.composition.run_agent(context.home, listen)
