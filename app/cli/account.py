"""`arcxo account …`: who may log in to the agent of this home."""

from __future__ import annotations

import click

from app.cli.context import current
from app.cli.table import table
from app.model.errors import UsageError


@click.group(help="Accounts of the home's agent.")
def account() -> None:
    """Commands for accounts."""


@account.command(help="Add an account, or give an existing one a new password.")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE.")
@click.option("--system", is_flag=True, help="An account of this machine: its password is checked by PAM.")
@click.option("--pam-service", default="", metavar="NAME", help="Which PAM service does; arcxo, else login.")
@click.option(
    "--role",
    type=click.Choice(["administrator", "operator", "monitor"]),
    default=None,
    help="What it may do [default: as it was; a new one is an administrator].",
)
def add(
    *,
    name: str,
    password_stdin: bool,
    password_file: str | None,
    system: bool,
    pam_service: str,
    role: str | None,
) -> None:
    """Set the password of NAME."""
    context = current()
    if (system and (password_stdin or password_file)) or (pam_service and not system):
        raise UsageError("E1181")
    if system:
        accounts = context.composition.agent_home(context.home).accounts
        accounts.add_system(name, role or "", pam_service)
        now = accounts.roles().get(name, "")
        done = f"Account {name} of this machine can log in as {now}"
        context.show_done(done, name=name, role=now, system=True)
        return
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
    accounts = context.composition.agent_home(context.home).accounts
    found, system = accounts.roles(), set(accounts.of_system())
    context.show(
        [{"name": name, "role": role, "system": name in system} for name, role in found.items()],
        lambda: (
            table(
                ["Account", "Role", "Password"],
                [[name, role, "system's" if name in system else "own"] for name, role in found.items()],
            )
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
