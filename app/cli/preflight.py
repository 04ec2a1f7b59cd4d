"""`arcxo preflight HOST…`: what stands between this home and the use of hosts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from app.cli.arguments import MasterPath
from app.cli.context import CommandContext, current
from app.messages import render
from app.model.errors import ExitCode
from app.model.host import CheckOutcome, CheckResult

_HOSTS_AT_ONCE = 16
_MARKS = {CheckOutcome.OK: "ok", CheckOutcome.WARNING: "warning", CheckOutcome.ERROR: "ERROR"}


@click.command(help="Check hosts from their port to their disks. Without a name: all known ones.")
@click.argument("hosts", nargs=-1)
@click.option(
    "--path",
    "paths",
    type=MasterPath(),
    multiple=True,
    help="Also look at this directory there as a place for a replica; may be repeated.",
)
def preflight(*, hosts: tuple[str, ...], paths: tuple[bytes, ...]) -> int:
    """One line per check with cause and way out; the exit code is 1 when one is an error."""
    context = current()
    services = context.services
    names = tuple(services.hosts.show(name).name for name in hosts)
    names = names or tuple(known.name for known in services.hosts.list())
    bad = False
    documents = []
    lines = []
    with ThreadPoolExecutor(_HOSTS_AT_ONCE) as pool:
        checked = list(pool.map(lambda name: services.hosts.preflight(name, paths), names))
    for name, found in zip(names, checked, strict=True):
        bad = bad or any(result.outcome is CheckOutcome.ERROR for result in found)
        documents += [_document(name, result) for result in found]
        lines += [name, *(_line(result) for result in found)]
    context.show(documents, "\n".join(lines))
    return int(ExitCode.FAILED if bad else ExitCode.DONE)


def _document(name: str, result: CheckResult) -> dict[str, object]:
    message = render(result.code, result.params)
    return {
        "host": name,
        "subject": result.subject,
        "outcome": result.outcome,
        "code": result.code,
        "text": message.text,
        "cause": message.reason,
        "fix": message.action,
    }


def _line(result: CheckResult) -> str:
    message = render(result.code, result.params)
    text = f"  {_MARKS[result.outcome]:8}{message.text} ({result.code})"
    if result.outcome is CheckOutcome.OK:
        return text
    return "\n".join([text, *(f"          {part}" for part in (message.reason, message.action) if part)])


def show_checks(context: CommandContext, found: Sequence[CheckResult]) -> int:
    """Print findings that are of no host alone. Returns the exit code: 1 when one is an error."""
    documents = [_document("", result) for result in found]
    context.show(documents, "\n".join(_line(result).removeprefix("  ") for result in found))
    bad = any(result.outcome is CheckOutcome.ERROR for result in found)
    return int(ExitCode.FAILED if bad else ExitCode.DONE)
