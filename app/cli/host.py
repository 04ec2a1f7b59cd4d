"""`arcxo host …`: the hosts this home knows, and the way to their agents."""

from __future__ import annotations

import click

from app.cli.agent import spaced
from app.cli.context import current, interactive, with_fields
from app.cli.table import fields_table, time_text
from app.messages import render
from app.model.errors import ArcxoError, UsageError
from app.model.host import HostInfo, HostState
from app.model.job import Credentials


@click.group(help="Known hosts.")
def host() -> None:
    """Commands for hosts."""


@host.command(name="list", help="List the known hosts; this machine is localhost.")
@click.option("--state", is_flag=True, help="Also ask each host's agent how it is.")
def list_hosts(*, state: bool) -> None:
    """All known hosts."""
    context = current()
    if state:
        context.show_list(
            context.services.hosts.states(),
            [
                ("Host", lambda item: item.host.name),
                ("Address", lambda item: item.host.address or "-"),
                ("State", _state_word),
                ("Version", lambda item: item.info.version if item.info else "-"),
                ("System", lambda item: item.info.system if item.info else "-"),
                ("Scenarios", lambda item: ", ".join(item.scenarios) or "-"),
            ],
            empty="No hosts are known.",
        )
        return
    context.show_list(
        context.services.hosts.list(),
        [
            ("Host", lambda item: item.name),
            ("Address", lambda item: item.address or "-"),
            ("User", lambda item: item.user or "-"),
        ],
        empty="No hosts are known.",
    )


def _state_word(state: HostState) -> str:
    if state.info is not None:
        return "connected"
    return render(state.error_code, state.error_params).text


@host.command(help="Know the agent at ADDRESS (HOST:PORT) as NAME. A known one gets what is given anew.")
@click.argument("name")
@click.argument("address")
@click.option(
    "--user", required=True, metavar="USER", help="An administrator there; DOMAIN\\user is allowed."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE.")
@click.option("--fingerprint", default="", metavar="SHA256", help="What `arcxo agent show` prints there.")
@click.option("--accept-fingerprint", is_flag=True, help="Take the certificate that is shown now.")
@click.option("--ca", default="", metavar="FILE", help="Take what this authority (PEM) signed for the host.")
def add(
    *,
    name: str,
    address: str,
    user: str,
    password_stdin: bool,
    password_file: str | None,
    fingerprint: str,
    accept_fingerprint: bool,
    ca: str,
) -> None:
    """Confirm the fingerprint once, log in, keep the way."""
    context = current()
    if bool(fingerprint) + accept_fingerprint + bool(ca) > 1:
        raise UsageError("E1156")
    hosts = context.services.hosts
    if ca:
        expected = hosts.fingerprint(address, ca)
    else:
        expected = fingerprint or _confirmed(address, hosts.fingerprint(address), accept=accept_fingerprint)
    password = context.password(
        from_stdin=password_stdin, file=password_file, prompt=f"Password for {user} on {name}"
    )
    info = hosts.add(name, address, Credentials(user, password), expected)
    added = hosts.show(name)
    context.show(
        with_fields(added, host_name=info.host_name, version=info.version, system=info.system),
        f"{name} ({info.host_name}, {info.system}, Arcxo {info.version}) is known at {added.address}",
    )


@host.command(help="Show a host and what its agent says of itself.")
@click.argument("name")
def show(*, name: str) -> None:
    """NAME with its address and fingerprint, and its agent's answer or why there is none."""
    context = current()
    known = context.services.hosts.show(name)
    info: HostInfo | None = None
    error: ArcxoError | None = None
    try:
        info = context.services.hosts.info(name)
    except ArcxoError as failure:
        error = failure
    fields = [
        ("Host", known.name),
        ("Address", known.address or "-"),
        ("User", known.user or "-"),
        ("Fingerprint", spaced(known.fingerprint) or "-"),
    ]
    if info is not None:
        fields += [
            ("Machine", f"{info.host_name}, {info.system}"),
            ("Version", info.version),
            ("Started", time_text(info.started_at)),
            ("Engines", ", ".join(info.roles_running) or "starting"),
        ]
    elif error is not None:
        fields.append(("Agent", render(error.code, error.params).text))
    context.show(
        with_fields(known, info=info, error=error.code if error else None), lambda: fields_table(fields)
    )


@host.command(help="Forget a host and the log-in to it. Nothing changes on the host itself.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Forget NAME."""
    context = current()
    context.services.hosts.remove(name)
    context.show_done(f"Host {name} is forgotten", name=name)


def _confirmed(address: str, found: str, *, accept: bool) -> str:
    """The fingerprint, once a person has agreed to it. Raises UsageError E1157 without a terminal."""
    context = current()
    if accept:
        return found
    if not interactive():
        raise UsageError("E1157", address=address, found=spaced(found))
    context.note(f"{address} shows a certificate with the fingerprint\n  {spaced(found)}")
    click.confirm("Is that what `arcxo agent show` prints there?", abort=True, err=True)
    return found
