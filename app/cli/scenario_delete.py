"""`arcxo scenario delete` and `leftovers`: what goes with a scenario, and what stayed of deleted ones."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app.cli.context import current, interactive
from app.cli.table import size_text, table, time_text
from app.messages import render
from app.model.errors import ExitCode
from app.model.kept_replica import KeptReplica, LeftBehind, LeftoverSearch
from app.model.paths import shown

_COLUMNS = (
    ("Host", lambda one: one.replica),
    ("Scenario", lambda one: f"{one.scenario} (id {one.scenario_id})"),
    ("Rewind log", lambda one: size_text(one.rewind_bytes)),
    ("Reaches back to", lambda one: time_text(one.rewind_oldest_at)),
    ("Kept edits", lambda one: f"{one.kept_edits:,} ({size_text(one.kept_bytes)})"),
    ("Backup points", lambda one: f"{one.backup_points:,}"),
    ("Directories", lambda one: ", ".join(map(shown, one.paths))),
)


@click.command(
    help="Delete the scenario NAME. Its directories and sessions stay as they are; the rewind log and the"
    " edits kept aside on its replicas go, unless they are to be kept."
)
@click.argument("name")
@click.option("--registration-only", is_flag=True, help="Forget it here; its host keeps it.")
@click.option("--keep-rewind", is_flag=True, help="Keep rewind logs and kept edits on the replicas' hosts.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, name: str, registration_only: bool, keep_rewind: bool, yes: bool) -> int:
    """Delete a definition with its spool and what its replicas keep; exit 3 when some of that remains."""
    context = current()
    scenarios = context.services.scenarios
    if not registration_only and not yes:
        kept = scenarios.kept(name) if interactive() and not keep_rewind else ()
        context.confirm(_question(name, kept), yes=yes, action="delete")
    left = scenarios.delete(name, registration_only=registration_only, keep_rewind=keep_rewind)
    context.show_done(
        _done(name, left), name=name, registration_only=registration_only, left_behind=list(left)
    )
    return int(ExitCode.INCOMPLETE if any(one.cause for one in left) else ExitCode.DONE)


@click.command(
    help="List what hosts keep of scenarios that are deleted: rewind logs, edits kept aside, backup points."
    " With --remove it goes; directories stay as they are."
)
@click.option("--remove", type=click.IntRange(min=1), metavar="ID", help="Remove what is kept of it.")
@click.option("--host", default="localhost", show_default=True, help="Where, with --remove.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def leftovers(*, remove: int | None, host: str, yes: bool) -> None:
    """List, or remove one."""
    context = current()
    scenarios = context.services.scenarios
    if remove is None:
        found = scenarios.leftovers()
        context.show(found, lambda: _left_text(found))
        return
    context.confirm(
        f"Remove what {host} keeps of scenario {remove}? It cannot be undone.", yes=yes, action="remove"
    )
    scenarios.remove_leftover(host, remove)
    context.show_done(f"{host} keeps nothing of scenario {remove} any more", host=host, scenario_id=remove)


def _left_text(search: LeftoverSearch) -> str:
    rows = [[str(read(one)) for _, read in _COLUMNS] for one in search.found]
    silent = [f"Not asked: {render(one.code, one.params).text}" for one in search.silent]
    if rows:
        return "\n".join([table([title for title, _ in _COLUMNS], rows, ()), *silent])
    said = "Nothing is left of deleted scenarios"
    return "\n".join([f"{said} on the hosts that answer." if silent else f"{said}.", *silent])


def _question(name: str, kept: Sequence[KeptReplica]) -> str:
    lost = [
        f"\n  on {one.replica}: rewind log {size_text(one.rewind_bytes)}"
        + (f" (back to {time_text(one.rewind_oldest_at)})" if one.rewind_oldest_at else "")
        + f", {one.kept_edits:,} kept edits ({size_text(one.kept_bytes)})"
        + f", {one.backup_points:,} backup points"
        for one in kept
    ]
    return f"Delete the scenario {name} with its spool{''.join([' and', *lost]) if lost else ''}\n?"


def _done(name: str, left: Sequence[LeftBehind]) -> str:
    lines = [f"Scenario {name} is deleted"]
    for one in left:
        cause = f": {one.cause}" if one.cause else ""
        lines.append(f"{one.host} keeps its rewind log and kept edits{cause}")
        lines.append(f"  To remove it: arcxo scenario leftovers --remove {one.scenario_id} --host {one.host}")
    return "\n".join(lines)
