"""`arcxo agent run`: the engine of a host."""

from __future__ import annotations

import click

from app.cli.context import current
from app.model.errors import UsageError


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
    host, colon, port = listen.rpartition(":")
    if not host or not colon or not port.isdecimal() or int(port) > 65_535:
        # Beyond that the port would be taken modulo 65,536.
        raise UsageError("E1148", listen=listen)
    return context.composition.run_agent(context.home, listen)
