"""What became of a finished job: what was done and proven, and what needs attention, from its log lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.messages import render
from app.model.events import ActivityRecord, Severity
from app.model.job import Destination, Job, JobKind, JobStatus, RestoreScript
from app.services.api import Services
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row

COLUMNS = (Column("What needs attention", 560, stretch=True), Column("Session", 70, right=True))
LINES_READ = 5000
LINES_SHOWN = 500
_BAD = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
_DONE = {
    "N5053": ("archive-restore", "text2"),
    "N5151": ("skip-forward", "text2"),
    "N5156": ("trash-2", "text2"),
    "N5157": ("check", "text2"),
    "N5055": ("shield-check", "ok"),
    "E5152": ("circle-x", "error"),
    "N5154": ("undo-2", "text2"),
    "N5158": ("undo-2", "text2"),
    "N5198": ("undo-2", "text2"),
    "W5159": ("clock", "warning"),
    "N5181": ("undo-2", "ok"),
    "W5182": ("triangle-alert", "warning"),
    "N5165": ("shield-check", "text2"),
    "N5176": ("shield-check", "ok"),
    "N5609": ("scan", "text2"),
    "N5613": ("list-filter", "text2"),
}
"""The lines that say what was done and verified, with their icon."""

_WHERE_IT_CAME_FROM = ("", "localhost")
"""Hosts of a restore script that stand for the replica that was backed up."""


@dataclass(frozen=True, slots=True)
class Done:
    """One line of what was done."""

    icon: str
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """What can be done with a finished restore: undo until a time, or why not; where it went."""

    until: datetime | None = None
    kept_bytes: int = 0
    pending: int = 0
    reason: str = ""
    scenario: str = ""
    """The scenario whose replica was restored to; "" = another destination."""
    replica: str = ""
    """The host of that replica."""


def done_lines(records: Sequence[ActivityRecord]) -> list[Done]:
    """What the job says it did, in its order; the newest run only."""
    found = []
    for record in sorted(newest_run(records), key=lambda one: one.id):
        look = _DONE.get(record.code)
        if look is not None:
            found.append(Done(*look, formats.visible(render(record.code, record.params).text)))
    return found


def newest_run(records: Sequence[ActivityRecord]) -> list[ActivityRecord]:
    """The lines of a repeating job's last run. Each run begins with the line that the job started."""
    ordered = sorted(records, key=lambda one: -one.id)
    found = []
    for record in ordered:
        found.append(record)
        if record.code in _STARTS:
            break
    return found


_STARTS = frozenset({"N5000", "N5050", "N5180", "N5614"})


def attention_rows(records: Sequence[ActivityRecord]) -> list[Row]:
    """Warnings and errors of the newest run, grouped by message, the worst and most frequent first."""
    return [_group_row(held) for held in attention(records)]


def attention(records: Sequence[ActivityRecord]) -> list[list[ActivityRecord]]:
    """The same lines, as they are."""
    groups: dict[str, list[ActivityRecord]] = {}
    for record in newest_run(records):
        if record.severity in _BAD:
            groups.setdefault(record.code, []).append(record)
    return sorted(groups.values(), key=lambda held: (-_BAD.index(held[0].severity), -len(held)))


def _group_row(held: Sequence[ActivityRecord]) -> Row:
    first = held[0]
    said = render(first.code, first.params)
    error = first.severity is not Severity.WARNING
    role = "error" if error else "warning"
    why = " ".join(part for part in (said.reason, said.action) if part)
    if len(held) == 1:
        return _line_row(first, icon=("circle-x" if error else "triangle-alert", role), tooltip=why)
    head = Cell(
        f"{len(held):,} times: {_general(said.text, first)}",
        icon="circle-x" if error else "triangle-alert",
        icon_role=role,
        role=role,
        medium=True,
        tooltip=why,
    )
    rows = [_line_row(record, tooltip=why) for record in held[:LINES_SHOWN]]
    if len(held) > LINES_SHOWN:
        more = Cell(f"{len(held) - LINES_SHOWN:,} more in the log", role="muted")
        rows.append(Row("more", (more, Cell()), selectable=False))
    hint = Row("why", (Cell(why, role="text2", icon="info", tooltip=why), Cell()), selectable=False)
    return Row(first.code, (head, Cell()), (hint, *rows) if why else tuple(rows), first)


def _general(text: str, record: ActivityRecord) -> str:
    """The sentence without what differs from line to line: paths become "…"."""
    for value in record.params.values():
        if value.startswith("/"):
            text = text.replace(value, "…")
    return formats.visible(text)


def _line_row(record: ActivityRecord, icon: tuple[str, str] = ("", ""), tooltip: str = "") -> Row:
    text = formats.visible(render(record.code, record.params).text)
    session = Cell(str(record.session), right=True) if record.session else Cell()
    role = icon[1] or "text"
    cell = Cell(
        text, icon=icon[0], icon_role=role, role=role, middle=True, tooltip=f"{text}\n{tooltip}".strip()
    )
    return Row(record.id, (cell, session), (), record)


def facts(job: Job) -> dict[str, str]:
    """The figures of the job, in two columns."""
    end = job.finished_at or (datetime.now(UTC) if job.status is JobStatus.ACTIVE else None)
    seconds = max(0.0, (end - job.started_at).total_seconds()) if job.started_at and end else None
    rate = job.read_bytes / seconds if seconds and seconds >= 1 else None
    found = {
        "Started": formats.timestamp(job.started_at),
        "Files": formats.count(job.files),
        "Finished": formats.timestamp(job.finished_at),
        "Read": formats.size(job.read_bytes),
        "Elapsed": formats.elapsed(seconds),
        "Stored": formats.size(job.stored_bytes),
        "Server": job.server or formats.NONE,
        "Throughput": formats.rate(rate),
        "Owner": job.owner or formats.NONE,
        "Errors, warnings": f"{job.errors:,} / {job.warnings:,}",
    }
    script = job.script
    if isinstance(script, RestoreScript):
        found["Destination"] = _destination(script)
        found["Files that are there"] = script.conflict.value
        del found["Stored"]
    if job.device_group:
        found["Device group"] = job.device_group
    if job.execution_at and job.status is JobStatus.READY:
        found["Next run"] = formats.moment(job.execution_at)
        found["Repeats"] = job.schedule.repeat or "once"
    return found


def _destination(script: RestoreScript) -> str:
    if script.destination is Destination.DIRECTORY:
        return f"{script.host}:{script.directory.decode('utf-8', 'replace')}"
    return "Original, Replica" if script.destination is Destination.ORIGINAL_REPLICA else "Original, Master"


def read_way_back(services: Services, job: Job) -> WayBack:
    """Whether a restore can be undone now, and what scenario it was of. Blocks on catalog and agents."""
    script = job.script
    if job.kind is not JobKind.RESTORE or not isinstance(script, RestoreScript):
        return WayBack(reason="Only a restore is undone")
    if job.status is not JobStatus.DONE or job.last_result is None:
        return WayBack(reason="The restore has not ended yet")
    hosts, scenario, restored_to = [script.host], "", ""
    if script.destination is not Destination.DIRECTORY:
        sessions = [services.media.session(one.media_serial, one.session) for one in script.selections]
        replica = script.destination is Destination.ORIGINAL_REPLICA
        own = "" if script.host in _WHERE_IT_CAME_FROM else script.host
        hosts = [own or one.replica if replica else one.machine for one in sessions]
        scenario, restored_to = (sessions[0].scenario_name, hosts[0]) if replica else ("", "")
    for host in dict.fromkeys(hosts):
        for kept in services.restores.kept(host):
            if kept.job_id == job.id:
                until = datetime.fromtimestamp(kept.until_ns / 1e9, UTC)
                return WayBack(until, kept.kept_bytes, kept.pending, scenario=scenario, replica=restored_to)
    reason = "Nothing is kept of this restore: it was undone, made without a way back, or its time is over"
    return WayBack(reason=reason, scenario=scenario, replica=restored_to)
