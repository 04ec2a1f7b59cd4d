"""`arcxo scenario discover`: scenarios that known hosts have and this home does not list."""

from __future__ import annotations

import click

from app.cli.context import current
from app.cli.table import table
from app.messages import render
from app.model.discovery import Discovery
from app.model.paths import shown


@click.command(
    help="Find scenarios of the known hosts that are not registered here; --register registers them."
)
@click.option("--register", is_flag=True, help="Register all that were found.")
def discover(*, register: bool) -> None:
    """Ask all hosts."""
    context = current()
    found = context.services.scenarios.discover()
    if register:
        for status in found.found:
            context.services.scenarios.register(str(status.scenario.id))
    context.show(found, lambda: _text(found, registered=register))


def _text(found: Discovery, *, registered: bool) -> str:
    lines = [f"Not asked: {render(one.code, one.params).text}" for one in found.silent]
    if not found.found:
        return "\n".join(["No scenario was found that is not registered.", *lines])
    rows = [
        [
            str(status.scenario.id),
            status.scenario.name,
            status.scenario.master,
            ", ".join(shown(root.master_path) for root in status.scenario.roots),
        ]
        for status in found.found
    ]
    said = "Registered:" if registered else "Not registered:"
    return "\n".join([said, table(["ID", "Scenario", "Host", "Directories"], rows, ()), *lines])
