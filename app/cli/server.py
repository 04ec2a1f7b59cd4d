"""`arcxo server …`: the backup server of a home."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app.cli.agent import check_listen
from app.cli.context import current
from app.cli.servers import register
from app.cli.table import fields_table, time_text
from app.model.settings import SETTINGS
from app.services.api import ServerState


@click.group(help="The backup server of a home.")
def server() -> None:
    """Commands of the server."""


_AGENT_LISTEN = click.option(
    "--agent-listen",
    default="",
    metavar="HOST:PORT",
    help="Where its own agent listens from its next start on; other hosts' masters and replicas need that.",
)


@server.command(help="Be the server, in the foreground, until SIGTERM.")
@_AGENT_LISTEN
def run(*, agent_listen: str) -> int:
    """Serve the home; returns the exit code of the server."""
    context = current()
    _keep_listen(agent_listen)
    return context.composition.run_server(context.home)


@server.command(help="Start the server in the background; returns when it is ready.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), default=30.0, show_default=True)
@_AGENT_LISTEN
def start(*, timeout_s: float, agent_listen: str) -> None:
    """Start a detached server."""
    context = current()
    _keep_listen(agent_listen)
    context.composition.start_server(context.home, timeout_s)
    _show(context.services.server.state())


@server.command(help="Stop the server and its agent; returns when both are gone. Scenarios end with it.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), default=60.0, show_default=True)
def stop(*, timeout_s: float) -> None:
    """Stop server and agent."""
    context = current()
    context.composition.stop_server(context.home, timeout_s)
    context.show_done("The server and its agent are stopped", home=context.home, running=False)


@server.command(help="Say whether the server and its agent run.")
def status() -> None:
    """Show the state of the processes."""
    _show(current().services.server.state())


@server.command(help="Show the settings of the installation, or change them: KEY=VALUE…")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
def settings(*, changes: Sequence[str]) -> None:
    """Show or change settings."""
    context = current()
    if changes:
        pairs = [change.partition("=") for change in changes]
        context.services.server.set_settings({name: value for name, _, value in pairs})
    values = context.services.server.settings()
    context.show(
        dict(values),
        lambda: fields_table([(name, f"{value}  {SETTINGS[name].text}") for name, value in values.items()]),
    )


register(server)


def _keep_listen(listen: str) -> None:
    context = current()
    if listen:
        check_listen(listen)
        context.composition.agent_home(context.home).set_listen(listen)


def _show(state: ServerState) -> None:
    def human() -> str:
        if not state.running and not state.agent_running:
            return "The server does not run. Start it: arcxo server start"
        agent = (
            f"runs, process {state.agent_pid}, {state.agent_address}"
            if state.agent_running
            else "does not run"
        )
        return fields_table(
            [
                ("Server", f"runs, process {state.pid}" if state.running else "does not run"),
                ("Name", state.name),
                ("Version", state.version),
                ("Started", time_text(state.started_at)),
                ("Agent", agent),
                ("Active jobs", str(state.active_jobs)),
                ("Queue", "paused" if state.queue_paused else "open"),
            ]
        )

    current().show(state, human)
