"""The result of a job and its log, and the activity log, as sheets to be printed or saved. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from app.messages import render
from app.model.events import ActivityRecord
from app.model.job import Job
from app.model.job_log import PACKED_CODES, unpacked
from app.ui import formats
from app.ui.job_status.job_report import WayBack, attention, done_lines, facts, newest_run
from app.ui.job_status.words import KIND
from app.ui.sheet import Sheet
from app.ui.widgets.status import JOB, RESULT, SEVERITY

LINES_MOST = 5000
"""A printed log has so many lines at most; the rest is exported."""


def job_sheet(job: Job, records: Sequence[ActivityRecord], way: WayBack) -> Sheet:
    """What became of a job: its facts, what was done and proven, what needs attention, its log."""
    made = _Making(f"{KIND[job.kind].text}: {formats.visible(job.name)}, job {job.id}")
    look = RESULT[job.last_result] if job.last_result else JOB[job.status]
    made.pairs({"Result": look.text, **facts(job)})
    done = done_lines(records)
    if done:
        made.head("What was done")
        made.lines([one.text for one in done])
    if way.until is not None:
        made.lines([f"Can be undone until {formats.timestamp(way.until)}"])
    found = attention(records)
    made.head("What needs attention")
    made.lines([_line(one) for held in found for one in held] or ["Nothing: no warning and no error"])
    made.head("Log of the last run")
    made.lines(_log_lines(sorted(newest_run(records), key=lambda one: one.id)))
    return made.sheet()


def log_sheet(records: Sequence[ActivityRecord], shown: str) -> Sheet:
    """The lines that the activity log shows, newest first; `shown` says which they are."""
    made = _Making("Activity log")
    made.pairs({"Shown": shown, "Lines": f"{len(records):,}"})
    made.lines(_log_lines(records))
    return made.sheet()


def _log_lines(records: Sequence[ActivityRecord]) -> list[str]:
    lines: list[str] = []
    for record in records:
        lines.append(_line(record))
        if record.code in PACKED_CODES:
            lines += [f"    {line}" for line in unpacked(record.params)]
        if len(lines) > LINES_MOST:
            break
    if len(lines) > LINES_MOST or len(lines) < len(records):
        lines = [*lines[:LINES_MOST], "More lines are in the log. Export it to have all of them."]
    return lines


def _line(record: ActivityRecord) -> str:
    job = f"  job {record.job_id}" if record.job_id else ""
    text = render(record.code, record.params).line
    return f"{formats.timestamp(record.at)}  {SEVERITY[record.severity].text}{job}  {text}"


class _Making:
    """Both forms, grown together."""

    def __init__(self, title: str) -> None:
        self._title = title
        printed = f"Printed {formats.timestamp(datetime.now(UTC))}"
        self._text = [title, "=" * min(len(title), 100), printed, ""]
        self._html = [f"<h2>{escape(title)}</h2><p>{escape(printed)}</p>"]

    def head(self, text: str) -> None:
        self._text += ["", text, "-" * len(text)]
        self._html.append(f"<h3>{escape(text)}</h3>")

    def pairs(self, found: dict[str, str]) -> None:
        self._text += [f"{name + ':':<22} {formats.visible(value)}" for name, value in found.items()]
        rows = (
            f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td>{escape(formats.visible(value))}</td></tr>"
            for name, value in found.items()
        )
        self._html.append(f"<table>{''.join(rows)}</table>")

    def lines(self, lines: Sequence[str]) -> None:
        shown = [formats.visible(line) for line in lines]
        self._text += shown
        # One block for all: a paragraph for each makes long logs slow to lay out.
        self._html.append(f'<p style="white-space: pre-wrap">{escape(chr(10).join(shown))}</p>')

    def sheet(self) -> Sheet:
        return Sheet(self._title, "".join(self._html), "\n".join(self._text) + "\n")
