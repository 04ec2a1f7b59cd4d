"""`arcxo account …`: who may log in to the agent of this home."""

from __future__ import annotations

import click

from app.cli.context import current
from app.cli.table import table


@click.group(help="Accounts of the home's agent.")
def account() -> None:
    """Commands for accounts."""


@account.command(help="Add an account, or give an existing one a new password.")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE.")
@click.option(
    "--role",
    type=click.Choice(["administrator", "operator", "monitor"]),
    default=None,
    help="What it may do [default: as it was; a new one is an administrator].",
)
def add(*, name: str, password_stdin: bool, password_file: str | None, role: str | None) -> None:
    """Set the password of NAME."""
    context = current()
    password = context.password(
        from_stdin=password_stdin, file=password_file, prompt=f"Password for {name}", confirmed=True
    )
    accounts = context.composition.agent_home(context.home).accounts
    accounts.set_password(name, password, role or "")
    now = accounts.roles().get(name, "")
    context.show_done(f"Account {name} can log in as {now}", name=name, role=now)


@account.command(name="list", help="List the accounts.")
def list_accounts() -> None:
    """Names of all accounts."""
    context = current()
    found = context.composition.agent_home(context.home).accounts.roles()
    context.show(
        [{"name": name, "role": role} for name, role in found.items()],
        lambda: (
            table(["Account", "Role"], [[name, role] for name, role in found.items()])
            if found
            else "No accounts. Add one: arcxo account add NAME"
        ),
    )


@account.command(help="Remove an account; its log-ins are refused from now on.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Remove NAME."""
    context = current()
    context.composition.agent_home(context.home).accounts.remove(name)
    context.show_done(f"Account {name} is removed", name=name)
