"""`arcxo alert …`: who is told of what; `arcxo protection …`: what is protected until when."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from app.cli.context import CommandContext, current, read_password_file
from app.cli.table import time_text
from app.model.alert import TROUBLE, AlertEvent, Freshness, Protection
from app.model.errors import ExitCode
from app.services.alerts_api import AlertRequest

_BAD = (Freshness.STALE, Freshness.LATE, Freshness.NEVER)


@click.group(help="Who is told of what.")
def alert() -> None:
    """Commands for alerts."""


@alert.command(help="Tell NAME by mail, by a command, or by a service; a target of that name is replaced.")
@click.argument("name")
@click.option("--mail", default="", metavar="ADDRESS", help="Send mail there.")
@click.option("--smtp", "smtp_host", default="localhost", show_default=True, metavar="HOST[:PORT]")
@click.option("--smtp-user", default="", metavar="USER")
@click.option("--smtp-password-file", metavar="FILE")
@click.option(
    "--smtp-security", type=click.Choice(["starttls", "tls", "none"]), default="starttls", show_default=True
)
@click.option("--from", "sender", default="", metavar="ADDRESS", help="The sender; else the recipient.")
@click.option("--command", default="", metavar="COMMAND", help="Run it; the message is JSON on its input.")
@click.option("--url-file", metavar="FILE", help="A file with the Apprise URL of any other service.")
@click.option(
    "--on",
    "events",
    multiple=True,
    type=click.Choice([event.value for event in AlertEvent]),
    help=f"May be repeated. Without it: {', '.join(event.value for event in TROUBLE)}.",
)
@click.option("--code", "codes", multiple=True, metavar="CODE", help="A message code; may be repeated.")
def add(
    *,
    name: str,
    mail: str,
    smtp_host: str,
    smtp_user: str,
    smtp_password_file: str | None,
    smtp_security: str,
    sender: str,
    command: str,
    url_file: str | None,
    events: Sequence[str],
    codes: Sequence[str],
) -> None:
    """Add a target."""
    host, colon, port = smtp_host.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = smtp_host, "0"
    chosen = tuple(AlertEvent(event) for event in dict.fromkeys(events))
    request = AlertRequest(
        name=name,
        mail=mail,
        smtp_host=host,
        smtp_port=int(port),
        smtp_user=smtp_user,
        smtp_password=read_password_file(smtp_password_file) if smtp_password_file else "",
        smtp_security=smtp_security,
        sender=sender,
        command=tuple(shlex.split(command)),
        url=read_password_file(url_file) if url_file else "",
        events=chosen or (() if codes else TROUBLE),
        codes=tuple(codes),
    )
    context = current()
    target = context.services.alerts.add(request)
    context.show(
        target, f"{name} is told by {target.method.value}: {target.address}. Try it: arcxo alert test {name}"
    )


@alert.command(name="list", help="List the targets.")
def list_targets() -> None:
    """All targets."""
    context = current()
    context.show_list(
        list(context.services.alerts.targets()),
        [
            ("Name", lambda item: item.name),
            ("By", lambda item: item.method.value),
            ("Address", lambda item: item.address),
            ("On", lambda item: ", ".join([*(event.value for event in item.events), *item.codes])),
        ],
        empty="Nobody is told. Add somebody: arcxo alert add NAME --mail ADDRESS --smtp HOST",
    )


@alert.command(help="Remove target NAME, and what waits for it.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Forget a target."""
    current().services.alerts.remove(name)
    current().show_done(f"{name} is told no more", name=name, removed=True)


@alert.command(help="Send a test to target NAME now.")
@click.argument("name")
def test(*, name: str) -> None:
    """Try a target."""
    current().services.alerts.test(name)
    current().show_done(f"The test reached {name}", name=name, sent=True)


@alert.command(help="What was delivered, what waits, and what failed.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def deliveries(*, limit: int) -> None:
    """The last messages."""
    context = current()
    context.show_list(
        list(context.services.alerts.deliveries(limit=limit)),
        [
            ("Date", lambda item: time_text(item.at)),
            ("Target", lambda item: item.target),
            ("Code", lambda item: item.code),
            ("State", lambda item: item.state.value),
            ("Attempts", lambda item: str(item.attempts)),
            ("Sent", lambda item: time_text(item.sent_at)),
            ("Error", lambda item: item.error),
        ],
        empty="Nothing was told yet.",
        right=(4,),
    )


@click.group(help="What is protected until when.")
def protection() -> None:
    """Commands for protection."""


@protection.command(help="What is protected until when, the worst first.")
def show() -> None:
    """Every scenario."""
    context = current()
    _show(context, context.services.alerts.protections())


@protection.command(
    help="The same; exit 3 where a backup is late. Tells those who are to be told, without a server."
)
def check() -> int:
    """Look and tell."""
    context = current()
    found = context.services.alerts.check()
    _show(context, found)
    return int(ExitCode.INCOMPLETE if any(one.state in _BAD for one in found) else ExitCode.DONE)


def _show(context: CommandContext, found: Sequence[Protection]) -> None:
    context.show_list(
        list(found),
        [
            ("Scenario", lambda item: item.scenario),
            ("Machine", lambda item: item.machine),
            ("State", lambda item: item.state.value),
            ("Protected until", lambda item: time_text(item.protected_until)),
            ("Verified until", lambda item: time_text(item.verified_until)),
            ("Next expected", lambda item: time_text(item.expected_at)),
        ],
        empty="No scenario is registered: there is nothing to protect.",
    )
