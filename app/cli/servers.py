"""`arcxo server invite|join|list|remove|catalog`: several servers on one catalog."""

from __future__ import annotations

import click

from app.cli.context import current, read_password_file, with_fields
from app.cli.table import duration_text, time_text
from app.model.server import ServerInfo

_COLUMNS = (
    ("Server", lambda one: f"{one.name} (this one)" if one.own else one.name),
    ("State", lambda one: one.state),
    ("Process", lambda one: str(one.pid or "-")),
    ("Heartbeat", lambda one: f"{duration_text(one.silent_s)} ago" if one.pid else "-"),
    ("Started", lambda one: time_text(one.started_at) if one.pid else "-"),
    ("Version", lambda one: one.version),
    ("Sees", lambda one: ", ".join(one.devices) or "-"),
    ("Does not see", lambda one: ", ".join(one.unseen) or "-"),
)


def register(group: click.Group) -> None:
    """Add the commands to `arcxo server`."""
    for command in (list_servers, invite, join, remove, catalog):
        group.add_command(command)


@click.command("list", help="List the servers that share this home's catalog, with their signs of life.")
def list_servers() -> None:
    """Show all servers."""
    context = current()
    found = context.services.server.servers()
    items = [_document(one) for one in found] if context.as_json else list(found)
    context.show_list(items, _COLUMNS, empty="No server runs. Start one: arcxo server start")


@click.command(help="Write FILE, an invitation for a further server, and print the code that opens it.")
@click.argument("file", metavar="FILE")
def invite(*, file: str) -> None:
    """Make an invitation."""
    context = current()
    code = context.services.server.invite(file)
    context.show_done(
        f"Invitation written to {file}. Its code: {code}\n"
        "Copy the file to the new server, run `arcxo server join --key FILE` there, and delete it. Who has "
        "file and code can open the database and all secrets of this installation.",
        file=file,
        code=code,
    )


@click.command(help="Make a home here whose server works with those of an installation that invited it.")
@click.option(
    "--key", "file", required=True, metavar="FILE", help="The file that `arcxo server invite` wrote."
)
@click.option("--code-file", metavar="FILE", help="The invitation's code, on the first line of FILE.")
@click.option("--password-stdin", is_flag=True, help="Read the password of caroot here from stdin.")
@click.option(
    "--password-file", metavar="FILE", help="The password of caroot here, on the first line of FILE."
)
@click.option("--name", default="", metavar="NAME", help="What this server is called (default: the machine).")
@click.option(
    "--catalog",
    "url",
    default="",
    metavar="URL",
    help="How the database is reached from here, where that differs: postgresql://USER@HOST:PORT/DATABASE.",
)
def join(
    *,
    file: str,
    code_file: str | None,
    password_stdin: bool,
    password_file: str | None,
    name: str,
    url: str,
) -> None:
    """Make a home of an installation."""
    context = current()
    code = context.password(file=code_file, prompt="Code of the invitation")
    password = context.password(
        from_stdin=password_stdin,
        file=password_file,
        prompt="Password for the account caroot on this server",
        confirmed=True,
    )
    home = context.home
    made = context.composition.join_home(home, file, code, caroot_password=password, server=name, url=url)
    context.show_done(
        f"Server {made} joined. Its home is {home}\nStart it: arcxo --home {home} server start",
        home=home,
        server=made,
    )


@click.command(help="Take a server that does not run any more out of the installation.")
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(*, name: str, yes: bool) -> None:
    """Forget a server."""
    context = current()
    context.confirm(f"Take server {name} out of the installation?", yes=yes, action="server remove")
    context.services.server.remove_server(name)
    context.show_done(f"Server {name} does not belong to the installation any more", server=name)


@click.command(help="Lead this home to where the database of its catalog is now.")
@click.option("--url", default="", metavar="URL", help="postgresql://USER@HOST:PORT/DATABASE")
@click.option("--catalog-password-file", metavar="FILE", help="The password of its user, on the first line.")
def catalog(*, url: str, catalog_password_file: str | None) -> None:
    """Change the way to the catalog."""
    context = current()
    password = read_password_file(catalog_password_file) if catalog_password_file else None
    context.composition.set_catalog(context.home, url=url, password=password)
    context.show_done("The catalog was found there. Start the server anew", home=context.home)


def _document(one: ServerInfo) -> dict[str, object]:
    return with_fields(one, state=one.state)
