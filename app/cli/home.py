"""`arcxo init`: make a home."""

from __future__ import annotations

import click

from app.cli.context import current, read_password_file
from app.model.errors import ExitCode, UsageError
from app.model.server import CatalogChoice


@click.command(help="Make a home: the account caroot, and GROUP0 with the default device.")
@click.option("--password-stdin", is_flag=True, help="Read the password of caroot from stdin.")
@click.option(
    "--password-file", metavar="FILE", help="Read the password of caroot from the first line of FILE."
)
@click.option(
    "--media-name", default="", metavar="NAME", help="Name of the first media (default: date and time)."
)
@click.option(
    "--from-media",
    "directories",
    multiple=True,
    metavar="DIR",
    help="The directory of a media, or one that holds media: a lost server's sessions are known again, "
    "ready to be restored. Repeatable.",
)
@click.option(
    "--session-password-file",
    "password_files",
    multiple=True,
    metavar="FILE",
    help="With --from-media: file with the password, or recovery kit, of encrypted sessions; repeatable.",
)
@click.option(
    "--without-home",
    is_flag=True,
    help="With --from-media: leave jobs, accounts, hosts and alerts of the lost server where they are.",
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="With --from-media: tell what it holds; make nothing."
)
@click.option(
    "--catalog",
    "catalog_url",
    default="",
    metavar="URL",
    help="Keep the catalog in an empty PostgreSQL database, which further servers may share: "
    "postgresql://USER@HOST:PORT/DATABASE.",
)
@click.option(
    "--catalog-password-file",
    metavar="FILE",
    help="With --catalog: the password of its user, on the first line.",
)
@click.option(
    "--name",
    "server_name",
    default="",
    metavar="NAME",
    help="With --catalog: what this server is called there.",
)
def init(
    *,
    password_stdin: bool,
    password_file: str | None,
    media_name: str,
    directories: tuple[str, ...],
    password_files: tuple[str, ...],
    without_home: bool,
    only_plan: bool,
    catalog_url: str,
    catalog_password_file: str | None,
    server_name: str,
) -> int:
    """Make the home of this command line."""
    context = current()
    if catalog_url and directories:
        raise UsageError("E5790", options="--catalog and --from-media")
    if not catalog_url and (catalog_password_file or server_name):
        raise UsageError("E5793")
    if directories:
        from app.cli.from_media import init_from_media

        def caroot() -> str:
            return context.password(
                from_stdin=password_stdin,
                file=password_file,
                prompt="Password for the account caroot",
                confirmed=True,
            )

        return init_from_media(
            context,
            directories,
            password_files,
            caroot,
            media_name=media_name,
            without_home=without_home,
            only_plan=only_plan,
        )
    if only_plan or password_files or without_home:
        raise UsageError("E1165")
    password = context.password(
        from_stdin=password_stdin,
        file=password_file,
        prompt="Password for the account caroot",
        confirmed=True,
    )
    home = context.home
    catalog = None
    if catalog_url:
        secret = read_password_file(catalog_password_file) if catalog_password_file else ""
        catalog = CatalogChoice(catalog_url, secret, server_name)
    context.composition.init_home(home, caroot_password=password, media_name=media_name, catalog=catalog)
    context.show_done(
        f"Home made in {home}\nStart its server: arcxo --home {home} server start",
        home=home,
        account="caroot",
    )
    return int(ExitCode.DONE)
