"""The estimate of a backup before it is submitted."""

from __future__ import annotations

from app.cli.context import CommandContext
from app.cli.table import size_text
from app.model.estimate import BackupEstimate

SAYS = "Tell what it will look at, store and take, by the last backups; submit nothing."


def show_estimate(context: CommandContext, found: BackupEstimate) -> int:
    """Print it."""
    size = "not known" if found.size_bytes is None else size_text(found.size_bytes)
    if found.first:
        told = [("New on media", "all of it: not backed up yet"), ("Time", "not known")]
    else:
        told = [
            ("New on media", _range(size_text(found.new_least or 0), size_text(found.new_most or 0))),
            ("Time", _range(f"{found.seconds_least or 0:,.0f} s", f"{found.seconds_most or 0:,.0f} s")),
            ("By the last", f"{found.backups:,} backup(s)"),
        ]
    context.show_fields(found, [("To look at", size), *told])
    return 0


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
