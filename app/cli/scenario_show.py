"""`arcxo scenario list/show/statistics/events`: how scenarios stand."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

import click

from app.cli.context import CommandContext, current, with_fields
from app.cli.jsonform import json_value
from app.cli.table import duration_text, fields_table, size_text, table, time_text
from app.messages import render
from app.model.errors import ArcxoError, UsageError
from app.model.events import GAP_CODE, EventRecord, Severity
from app.model.paths import shown
from app.model.scenario import ReplicaStatus, ScenarioStatus, SyncProgress

_FOLLOW_INTERVAL_S = 0.5


@click.command(name="list", help="List the scenarios and how they stand.")
def list_scenarios() -> None:
    """All scenarios."""
    context = current()
    context.show_list(
        context.services.scenarios.list(),
        [
            ("Scenario", lambda item: item.scenario.name),
            ("State", _state_text),
            ("Product", lambda item: item.scenario.product_label),
            ("Type", lambda item: item.scenario.server_type.value),
            ("Master", lambda item: item.scenario.master),
            ("Replica", lambda item: ", ".join(replica.host for replica in item.scenario.replicas)),
            ("Files", _files_text),
            ("Size", _size_text),
            ("Waiting", lambda item: size_text(sum(replica.spool_bytes for replica in item.replicas))),
            ("Reason", _why_text),
        ],
        empty="No scenarios yet. Create one: arcxo scenario create NAME --root MASTER_DIR=REPLICA_DIR",
        right=(6, 7, 8),
    )


@click.command(help="Show the scenario NAME: definition and state.")
@click.argument("name")
def show(*, name: str) -> None:
    """One scenario."""
    context = current()
    status = context.services.scenarios.show(name)
    scenario = status.scenario
    lines = [
        ("Scenario", f"{scenario.name} (id {scenario.id}, version {scenario.version})"),
        ("State", _state_text(status) + (f": {status.reason}" if status.reason else "")),
        ("Since", time_text(status.since)),
        ("Product", f"{scenario.product_label} {scenario.server_type.value}"),
        ("Group", scenario.group),
        ("Master", scenario.master),
        *(("  root", shown(root.master_path)) for root in scenario.roots),
        *(("  takes only", pattern) for pattern in scenario.filters.include),
        *(("  leaves out", pattern) for pattern in scenario.filters.exclude),
    ]
    for spec in scenario.replicas:
        lines.append(("Replica", spec.host))
        lines += [("  directory", shown(path)) for path in spec.paths]
    lines += [(f"  {replica.host}", _replica_text(replica)) for replica in status.replicas]
    if status.unwatched_directories:
        lines.append(("Not watched", f"{status.unwatched_directories:,} directories"))
    if status.problem_count:
        lines.append(("Problems", f"{status.problem_count:,}"))
        lines += [
            ("  " + problem.code, render(problem.code, problem.params).text) for problem in status.problems
        ]
    context.show_fields(status, lines)


@click.command(help="Counters of the scenario NAME since it started.")
@click.argument("name")
def statistics(*, name: str) -> None:
    """Figures by root and by replica."""
    context = current()
    status = context.services.scenarios.show(name)
    document = {
        "scenario": status.scenario.name,
        "state": status.state,
        "captured_operations": status.captured_operations,
        "captured_bytes": status.captured_bytes,
        "watched_directories": status.watched_directories,
        "unwatched_directories": status.unwatched_directories,
        "roots": status.roots,
        "replicas": status.replicas,
    }
    context.show(document, lambda: _statistics_text(status))


@click.command(help="Events of the engines, oldest first; all, or those of the scenario NAME.")
@click.argument("name", required=False, default="")
@click.option(
    "--newer-than", type=click.IntRange(0, 2**63 - 1), default=None, metavar="N", help="Only after number N."
)
@click.option("--last", type=click.IntRange(1, 100_000), default=None, metavar="N", help="The newest N.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="At most so many: the first after N, else the newest.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice([severity.value for severity in Severity]),
    help="Only these; may be repeated.",
)
@click.option("--host", default="", metavar="HOST", help="Those of a replica's host [default: the master's].")
@click.option("--follow", is_flag=True, help="Go on with new events until interrupted.")
def events(
    *,
    name: str,
    host: str,
    newer_than: int | None,
    last: int | None,
    limit: int,
    severities: Sequence[str],
    follow: bool,
) -> None:
    """The event list."""
    if newer_than is not None and last is not None:
        raise UsageError("E1152")
    context = current()
    service = context.services.scenarios
    chosen = tuple(Severity(word) for word in severities)
    # Without a number the newest are what people want to see.
    start = newer_than if newer_than is not None else -(last or limit)
    if follow and name and not host:
        host = service.show(name).scenario.master
    newest = service.events(newer_than=-1, host=host) if follow else ()
    most = max(limit, last or 0)
    records = service.events(name, newer_than=start, limit=most, severities=chosen, host=host)
    if not follow:
        _show_events(context, records)
        return
    # What came after the question for the newest is among those found, or comes after them.
    seen = records if len(records) >= limit else [*records, *newest]
    for record in records:
        context.line(_event_document(record), _event_line(record))
    after = max([start, 0, *(record.sequence for record in seen)])
    _follow(context, after, _scenario_id(context, name), chosen, host)


def _scenario_id(context: CommandContext, name: str) -> int | None:
    return context.services.scenarios.show(name).scenario.id if name else None


def _follow(
    context: CommandContext,
    last: int,
    scenario_id: int | None,
    severities: Collection[Severity],
    host: str,
) -> None:
    """Print what comes after number `last` of a host. An agent that ends and comes back loses nothing."""
    service = context.services.scenarios
    told = False
    while True:
        time.sleep(_FOLLOW_INTERVAL_S)
        try:
            found = service.events(newer_than=last, host=host)
        except ArcxoError as error:
            if not told:
                context.note(f"Waiting for the agent: {error}")
            told = True
            continue
        told = False
        for record in found:
            last = max(last, record.sequence)
            if record.code == GAP_CODE or (
                (scenario_id is None or record.scenario_id == scenario_id)
                and (not severities or record.severity in severities)
            ):
                context.line(_event_document(record), _event_line(record))


def _show_events(context: CommandContext, records: Sequence[EventRecord]) -> None:
    def human() -> str:
        if not records:
            return "No events."
        rows = [
            [
                str(item.sequence),
                item.severity.value,
                time_text(item.at),
                item.host,
                item.scenario_name,
                _event_text(item),
            ]
            for item in records
        ]
        return table(["No.", "Severity", "Date", "Host", "Scenario", "Event"], rows, right=(0,))

    context.show([_event_document(item) for item in records], human)


def _event_document(record: EventRecord) -> dict[str, object]:
    return with_fields(record, text=_event_text(record))


def _event_line(record: EventRecord) -> str:
    return "  ".join(
        [time_text(record.at), record.severity.value, record.host, record.scenario_name, _event_text(record)]
    )


def _event_text(record: EventRecord) -> str:
    from app.messages import render

    return f"{record.code} {render(record.code, record.params).text}"


def _state_text(status: ScenarioStatus) -> str:
    states = {replica.state.value for replica in status.replicas}
    apart = sorted(states & {"suspended", "braked", "disconnected", "rewinding", "problem"})
    label = str(json_value(status.state)).replace("_", " ")
    return label + (f" ({', '.join(apart)})" if apart else "")


def _files_text(status: ScenarioStatus) -> str:
    counts = [root.files for root in status.roots if root.files is not None]
    return f"{sum(counts):,}" if counts else "-"


def _size_text(status: ScenarioStatus) -> str:
    sizes = [root.size_bytes for root in status.roots if root.size_bytes is not None]
    return size_text(sum(sizes)) if sizes else "-"


def _why_text(status: ScenarioStatus) -> str:
    if status.reason:
        return status.reason
    several = len(status.replicas) > 1
    return "; ".join(
        f"{replica.host}: {replica.waiting}" if several else replica.waiting
        for replica in status.replicas
        if replica.waiting
    )


def _replica_text(replica: ReplicaStatus) -> str:
    held = f" until {time_text(replica.suspended_until)}" if replica.suspended_until else ""
    parts = [replica.state.value + held]
    if replica.sync is not None:
        parts.append(_sync_text(replica.sync))
    if replica.waiting:
        parts.append(replica.waiting)
    elif replica.reason:
        parts.append(replica.reason)
    parts.append(f"{size_text(replica.spool_bytes)} waiting")
    if replica.lag_seconds:
        parts.append(f"lag {duration_text(replica.lag_seconds)}")
    if replica.in_sync_at:
        parts.append(f"in sync at {time_text(replica.in_sync_at)}")
    return ", ".join(parts)


def _sync_text(sync: SyncProgress) -> str:
    total = "" if sync.files_total is None else f" of {sync.files_total:,}"
    parts = [f"{sync.files_compared:,}{total} files compared, {size_text(sync.sent_bytes)} sent"]
    if sync.file_bytes_total:
        done = f"{size_text(sync.file_bytes_done)} of {size_text(sync.file_bytes_total)}"
        parts.append(f"{shown(sync.current_path)} {done}")
    if sync.eta_low_seconds is not None and sync.eta_high_seconds is not None:
        low, high = duration_text(sync.eta_low_seconds), duration_text(sync.eta_high_seconds)
        parts.append(f"{low} left" if low == high else f"{low} to {high} left")
    return ", ".join(parts)


def _statistics_text(status: ScenarioStatus) -> str:
    roots = [
        [
            shown(root.master_path),
            "-" if root.files is None else f"{root.files:,}",
            size_text(root.size_bytes),
            f"{root.folders_created:,}",
            f"{root.files_changed:,}",
            f"{root.removed:,}",
            f"{root.renamed:,}",
            size_text(root.changed_bytes),
        ]
        for root in status.roots
    ]
    replicas = [
        [
            replica.host,
            replica.state.value,
            size_text(replica.synchronized_bytes),
            size_text(replica.changed_bytes),
            f"{replica.applied_operations:,}",
            f"{replica.waiting_operations:,}",
            size_text(replica.spool_bytes),
            duration_text(replica.lag_seconds),
            size_text(replica.sent_bytes),
            size_text(replica.uncompressed_bytes),
            "-" if replica.drifted is None else f"{replica.drifted:,}",
            replica.waiting,
        ]
        for replica in status.replicas
    ]
    watched = fields_table(
        [
            ("State", _state_text(status)),
            ("Watched", f"{status.watched_directories:,} directories"),
            ("Not watched", f"{status.unwatched_directories:,} directories"),
            ("Captured", f"{status.captured_operations:,} operations, {size_text(status.captured_bytes)}"),
        ]
    )
    root_headings = ["Root", "Files", "Size", "Folders made", "Changed", "Removed", "Renamed", "Changed data"]
    replica_headings = [
        "Replica", "State", "Synchronized", "Changed data", "Applied", "Waiting", "Spool", "Lag",
        "Sent", "Uncompressed", "By others", "Why",
    ]  # fmt: skip
    return "\n\n".join(
        [
            watched,
            table(root_headings, roots, right=range(1, 8)),
            table(replica_headings, replicas, right=range(2, 11)),
        ]
    )
