"""`arcxo scenario drift/difference/reports/report/audit`: how replicas differ, and what was done."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from app.cli.context import current
from app.cli.table import fields_table, size_text, table, time_text
from app.model.drift import DriftReport
from app.model.paths import shown
from app.model.report import ComparisonProgress, Report

_LIMIT = click.IntRange(0, 10_000)
_DIFFERENCE_HELP = """Compare the master of the scenario NAME with its replicas; nothing is changed.

Works while the scenario replicates, is suspended or stopped. Files are compared by size and time, with
--content by their contents. What is recorded and not applied yet, or changes meanwhile, is told apart as
"in flight". The report is kept on the master's host with the complete list; the command ends with 0
whatever was found.
"""
_DRIFT_HELP = """List what somebody else than replication changed on the replicas of the scenario NAME.

A replica is written by replication alone. The property drift says what becomes of other changes: report
leaves them until the master changes that path, revert puts the master's state back and keeps the edit
aside; where, is listed here.
"""


@click.command(help=_DRIFT_HELP)
@click.argument("name")
@click.option("--replica", default="", metavar="HOST", help="Only this replica.")
@click.option("--limit", type=_LIMIT, default=200, show_default=True)
def drift(*, name: str, replica: str, limit: int) -> None:
    """What others changed."""
    context = current()
    found = context.services.scenarios.drift(name, replica=replica, limit=limit)
    context.show(list(found), lambda: "\n\n".join(_drift_text(report) for report in found))


@click.command(help=_DIFFERENCE_HELP)
@click.argument("name")
@click.option("--replica", default="", metavar="HOST", help="Only this replica.")
@click.option("--content", is_flag=True, help="Compare contents, block by block.")
@click.option("--limit", type=_LIMIT, default=200, show_default=True, help="Differences to list.")
def difference(*, name: str, replica: str, content: bool, limit: int) -> None:
    """Compare now."""
    context = current()
    terminal = sys.stderr.isatty()

    def progress(host: str, at: ComparisonProgress) -> None:
        text = f"{host}: {at.entries:,} entries"
        if content:
            text += f", {size_text(at.content_bytes)}"
        sys.stderr.write(f"\r{text} compared\x1b[K")
        sys.stderr.flush()

    try:
        found = context.services.scenarios.difference(
            name,
            replica=replica,
            content=content,
            limit=limit,
            on_progress=progress if terminal else None,
        )
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")
    context.show(list(found), lambda: "\n\n".join(_report_text(report) for report in found))


@click.command(help="List the reports kept of the scenario NAME, newest first.")
@click.argument("name")
@click.option("--limit", type=_LIMIT, default=100, show_default=True)
def reports(*, name: str, limit: int) -> None:
    """The reports."""
    context = current()
    context.show_list(
        list(context.services.scenarios.reports(name, limit=limit)),
        [
            ("Report", lambda item: item.id),
            ("Type", lambda item: item.kind.value),
            ("Replica", lambda item: item.replica or "-"),
            ("Created", lambda item: time_text(item.created_at)),
            ("Items", lambda item: f"{item.item_count:,}"),
        ],
        empty=f"No reports of {name} yet. They come with each synchronisation, and: "
        f"arcxo scenario difference {name}",
        right=(4,),
    )


@click.command(help="Show one report of the scenario NAME.")
@click.argument("name")
@click.argument("report_id", metavar="REPORT")
@click.option("--limit", type=_LIMIT, default=200, show_default=True, help="Items to list.")
def report(*, name: str, report_id: str, limit: int) -> None:
    """One report."""
    context = current()
    found = context.services.scenarios.report(name, report_id, limit=limit)
    context.show(found, lambda: _report_text(found))


@click.command(help="Begin the next audit of the scenario NAME at once (property audit_minutes).")
@click.argument("name")
def audit(*, name: str) -> None:
    """Audit now."""
    context = current()
    context.services.scenarios.audit(name)
    context.show_done(
        f"The audit of {name} begins; what it finds are events: arcxo scenario events {name}", name=name
    )


def _drift_text(found: DriftReport) -> str:
    lines = [f"Replica {found.replica}: {found.count:,} changed by others (drift = {found.handling.value})"]
    if found.checked_at is None:
        lines.append("Not everything has been compared yet.")
    else:
        how = "watched" if found.watched else "compared regularly; its directories cannot all be watched"
        lines.append(f"Everything compared last: {time_text(found.checked_at)}; {how}")
    if found.items:
        rows = [
            [
                item.kind.value + (", being put back" if item.reverting else ""),
                time_text(item.changed_at or item.found_at),
                size_text(item.size_bytes),
                shown(item.path)
                + (f" (from {shown(item.other)})" if item.other else "")
                + (f" with {item.beneath:,} entries" if item.beneath else ""),
            ]
            for item in found.items
        ]
        lines += ["", table(["Change", "When", "Size", "Path"], rows, right=(2,))]
    if found.truncated:
        lines.append("…")
    if found.kept:
        kept = [
            [time_text(edit.kept_at), time_text(edit.until), shown(edit.path), shown(edit.kept_path)]
            for edit in found.kept
        ]
        lines += ["", "Edits kept aside:", table(["Kept", "Until", "Path", "Where"], kept)]
    return "\n".join(lines)


def _report_text(found: Report) -> str:
    fields = [
        ("Report", f"{found.id} ({found.kind.value})"),
        ("Scenario", found.scenario),
        *([("Replica", found.replica)] if found.replica else []),
        ("Began", time_text(found.began_at)),
        ("Created", time_text(found.created_at)),
        *([("While", found.note)] if found.note else []),
        *(
            (name.replace("_", " ").capitalize(), _figure(name, value))
            # A map crosses the wire in any order.
            for name, value in sorted(found.figures.items())
        ),
    ]
    lines = [fields_table(fields)]
    if found.roots:
        lines += ["", _roots_text(found)]
    if found.items:
        rows = [
            [
                item.change.value + (" (in flight)" if item.in_flight else ""),
                item.kind,
                size_text(item.size_bytes),
                size_text(item.replica_size_bytes),
                shown(item.path),
            ]
            for item in found.items
        ]
        heads: Sequence[str] = ["Difference", "Type", "Master", "Replica", "Path"]
        lines += ["", table(heads, rows, right=(2, 3))]
    if found.truncated:
        lines.append(f"… {found.item_count:,} in all: {found.file}")
    return "\n".join(lines)


def _figure(name: str, value: int) -> str:
    if name.endswith("bytes") or "_bytes " in name:
        return size_text(value)
    return ("yes" if value else "no") if name == "by_content" else f"{value:,}"


def _roots_text(found: Report) -> str:
    rows = [
        [
            f"{root.folders_created:,}",
            f"{root.files_changed:,}",
            f"{root.removed:,}",
            f"{root.renamed:,}",
            size_text(root.changed_bytes),
            shown(root.master_path),
        ]
        for root in found.roots
    ]
    return table(
        ["Folders created", "Files changed", "Removed", "Renamed", "Bytes", "Root"],
        rows,
        right=(0, 1, 2, 3, 4),
    )
