"""`arcxo agent …`: the engine of a host, with or without a backup server."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.context import current
from app.cli.table import fields_table
from app.model.errors import ArcxoError, UsageError
from app.services.api import AgentState


@click.group(help="The engine of a host.")
def agent() -> None:
    """Commands of the agent."""


@agent.command(help="Set up the agent of a host without a backup server: its certificate and first account.")
@click.option("--user", default="caroot", show_default=True, metavar="NAME", help="The first account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE.")
@click.option("--cert", metavar="FILE", help="Its certificate (PEM), signed by an authority of yours.")
@click.option("--key", metavar="FILE", help="The key of that certificate (PEM).")
def init(
    *, user: str, password_stdin: bool, password_file: str | None, cert: str | None, key: str | None
) -> None:
    """Make certificate and account; prints the fingerprint."""
    context = current()
    home = context.composition.agent_home(context.home)
    if home.exists and home.accounts.list():
        raise UsageError("AE1032", home=context.home)
    given = _given(cert, key)
    password = context.password(
        from_stdin=password_stdin, file=password_file, prompt=f"Password for {user}", confirmed=True
    )
    state = home.set_up(user, password, *given)
    context.show(
        state,
        f"The agent is set up in {state.home}; {user} can log in.\n"
        f"Fingerprint  {spaced(state.fingerprint)}\n"
        "Compare it when another host adds this one: arcxo host add NAME ADDRESS",
    )


@agent.command(help="Be the agent, in the foreground, until SIGTERM.")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one. Streams come to the next port.",
)
def run(*, listen: str) -> int:
    """Run the agent of the home; says on stdout where it listens once it is ready."""
    context = current()
    check_listen(listen)

    def ready(state: AgentState) -> None:
        context.show(state, f"Listening on {state.address}, fingerprint {spaced(state.fingerprint)}")
        if not state.accounts:
            context.note(
                "Nobody can log in from another host yet: arcxo agent init, or arcxo account add NAME"
            )

    return context.composition.run_agent(context.home, listen, ready)


@agent.command(help="Take another certificate: a new one of its own, or yours. The agent must not run.")
@click.option("--new", is_flag=True, help="Let the agent make itself a new key and certificate.")
@click.option("--cert", metavar="FILE", help="A certificate (PEM), signed by an authority of yours.")
@click.option("--key", metavar="FILE", help="Its key (PEM).")
def certificate(*, new: bool, cert: str | None, key: str | None) -> None:
    """Show another certificate from now on."""
    context = current()
    given = _given(cert, key)
    if new == bool(cert):
        raise UsageError("E1182")
    state = context.composition.agent_home(context.home).take_certificate(*given)
    again = "arcxo host add NAME ADDRESS" + ("" if new else " --ca FILE")
    context.show(
        state,
        f"Fingerprint  {spaced(state.fingerprint)}\nHosts that know the agent must take it: {again}",
    )


def _given(cert: str | None, key: str | None) -> tuple[bytes, bytes]:
    """Certificate and key of two files; empty for none. Raises UsageError E1179, ArcxoError AE1074."""
    if bool(cert) != bool(key):
        raise UsageError("E1179")
    if not cert or not key:
        return b"", b""
    return _content(cert), _content(key)


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ArcxoError("AE1074", path=path, reason=error.strerror) from error


@agent.command(help="Say where the agent is, and its fingerprint.")
def show() -> None:
    """Show the agent of the home."""
    context = current()
    state = context.composition.agent_home(context.home).state()
    fields = [
        ("Home", state.home),
        ("Agent", f"runs, process {state.pid}, {state.address}" if state.running else "does not run"),
        ("Fingerprint", spaced(state.fingerprint) if state.fingerprint else "none before its first start"),
        ("Valid until", state.certificate_until.date().isoformat() if state.certificate_until else "-"),
        ("Accounts", str(state.accounts)),
        ("Known as", ", ".join(state.names) or "-"),
    ]
    context.show(state, lambda: fields_table(fields))


@agent.group(help="Programs that scenarios of masters on other hosts may run here.")
def scripts() -> None:
    """Commands for the list of programs."""


@scripts.command("list", help="List the programs.")
def list_scripts() -> None:
    """All allowed programs."""
    context = current()
    found = list(context.composition.agent_home(context.home).allowed_scripts())
    context.show(
        [{"program": program} for program in found],
        "\n".join(found) if found else "None: scenarios of other hosts' masters run no script here.",
    )


@scripts.command(help="Let scenarios of other hosts' masters run PROGRAM (a whole path) on this host.")
@click.argument("program")
def allow(*, program: str) -> None:
    """Put PROGRAM on the list."""
    context = current()
    context.composition.agent_home(context.home).allow_script(program)
    context.show_done(f"Scenarios of other hosts may run {program} here", program=program, allowed=True)


@scripts.command(help="Let them run PROGRAM no more; streams that are open go on.")
@click.argument("program")
def disallow(*, program: str) -> None:
    """Take PROGRAM off the list."""
    context = current()
    context.composition.agent_home(context.home).disallow_script(program)
    context.show_done(f"Scenarios of other hosts may not run {program} here", program=program, allowed=False)


def check_listen(listen: str) -> None:
    """Raise UsageError E1148 unless it is HOST:PORT."""
    host, colon, port = listen.rpartition(":")
    if not host or not colon or not port.isdecimal() or int(port) > 65_535:
        # Beyond that the port would be taken modulo 65,536.
        raise UsageError("E1148", listen=listen)


def spaced(fingerprint: str) -> str:
    """A fingerprint as people compare it: pairs of digits with colons between them."""
    return ":".join(fingerprint[start : start + 2] for start in range(0, len(fingerprint), 2)).upper()
