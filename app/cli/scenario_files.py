"""`arcxo scenario files`: what of a directory is in sync, waits, or does not take part."""

from __future__ import annotations

import click

from app.cli.arguments import MasterPath
from app.cli.context import current
from app.cli.table import size_text
from app.model.entry import EntryKind
from app.model.path_state import PathState, PathStatus
from app.model.paths import shown

_WORDS = {
    PathState.IN_SYNC: "in sync",
    PathState.WAITING: "waiting",
    PathState.EXCLUDED: "excluded",
    PathState.PROBLEM: "problem",
    PathState.UNKNOWN: "not known",
}


@click.command(
    name="files",
    help="List the entries of the directory PATH on the master of scenario NAME (default: its only root) "
    "and how each stands on the replica.",
)
@click.argument("name")
@click.argument("path", type=MasterPath(), required=False)
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
@click.option("--limit", type=click.IntRange(1, 20_000), default=1_000, show_default=True)
def files(*, name: str, path: bytes | None, replica: str, limit: int) -> None:
    """One directory, entry by entry."""
    context = current()
    if path is None:
        roots = context.services.scenarios.show(name).scenario.roots
        if len(roots) != 1:
            raise click.BadParameter("the scenario has several roots: give one of them", param_hint="PATH")
        path = roots[0].master_path
    found = context.services.scenarios.path_states(name, path, replica=replica, limit=limit)
    if context.as_json:
        context.show(found, "")
        return
    context.show_list(
        found.entries,
        [
            ("Name", _name),
            ("Size", lambda one: size_text(one.size_bytes) if one.kind is EntryKind.FILE else "-"),
            ("State", lambda one: _WORDS[one.state]),
            ("Why", _why),
        ],
        empty=f"There is nothing in {shown(path)}.",
    )
    if found.truncated:
        context.note(f"Only the first {limit:,} entries are shown: --limit")


def _name(entry: PathStatus) -> str:
    return shown(entry.name) + ("/" if entry.kind is EntryKind.DIRECTORY else "")


def _why(entry: PathStatus) -> str:
    beneath = f" ({entry.beneath:,} beneath)" if entry.beneath else ""
    return f"{entry.reason}{beneath}".strip() or "-"
