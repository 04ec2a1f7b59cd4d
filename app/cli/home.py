"""`arcxo init`: make a home."""

from __future__ import annotations

import click

from app.cli.context import current


@click.command(help="Make a home: the account caroot, and GROUP0 with the default device.")
@click.option("--password-stdin", is_flag=True, help="Read the password of caroot from stdin.")
@click.option(
    "--password-file", metavar="FILE", help="Read the password of caroot from the first line of FILE."
)
@click.option(
    "--media-name", default="", metavar="NAME", help="Name of the first media (default: date and time)."
)
def init(*, password_stdin: bool, password_file: str | None, media_name: str) -> None:
    """Make the home of this command line."""
    context = current()
    password = context.password(
        from_stdin=password_stdin,
        file=password_file,
        prompt="Password for the account caroot",
        confirmed=True,
    )
    home = context.home
    context.composition.init_home(home, caroot_password=password, media_name=media_name)
    context.show_done(
        f"Home made in {home}\nStart its server: arcxo --home {home} server start",
        home=home,
        account="caroot",
    )
