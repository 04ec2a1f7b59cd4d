"""`arcxo account …`: who may log in to the agent of this home."""

from __future__ import annotations

import click

from app.cli.context import current


@click.group(help="Accounts of the home's agent.")
def account() -> None:
    """Commands for accounts."""


@account.command(help="Add an account, or give an existing one a new password.")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE.")
def add(*, name: str, password_stdin: bool, password_file: str | None) -> None:
    """Set the password of NAME."""
    context = current()
    password = context.password(
        from_stdin=password_stdin, file=password_file, prompt=f"Password for {name}", confirmed=True
    )
    context.services.accounts.set_password(name, password)
    context.show_done(f"Account {name} can log in", name=name)


@account.command(name="list", help="List the accounts.")
def list_accounts() -> None:
    """Names of all accounts."""
    context = current()
    names = list(context.services.accounts.list())
    context.show(
        [{"name": name} for name in names],
        "\n".join(names) if names else "No accounts. Add one: arcxo account add NAME",
    )


@account.command(help="Remove an account; its log-ins are refused from now on.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Remove NAME."""
    context = current()
    context.services.accounts.remove(name)
    context.show_done(f"Account {name} is removed", name=name)
