"""`arcxo host …`: the hosts this home knows."""

from __future__ import annotations

import click

from app.cli.context import current


@click.group(help="Known hosts.")
def host() -> None:
    """Commands for hosts."""


@host.command(name="list", help="List the known hosts; this machine is localhost.")
def list_hosts() -> None:
    """All known hosts."""
    context = current()
    context.show_list(
        context.services.hosts.list(),
        [
            ("Host", lambda item: item.name),
            ("Address", lambda item: item.address or "-"),
            ("User", lambda item: item.user or "-"),
        ],
        empty="No hosts are known.",
    )
