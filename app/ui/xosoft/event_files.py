"""Events as a file that spreadsheets read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import EventRecord
from app.ui import formats
from app.ui.widgets.status import SEVERITY


def as_csv(events: Sequence[EventRecord]) -> str:
    """The events with their whole text, cause and way out; times in UTC."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "sequence", "severity", "host", "scenario", "time", "event", "reason", "action"])
    for event in events:
        said = render(event.code, event.params)
        at = formats.local(event.at, UTC).isoformat().replace("+00:00", "Z")
        severity = SEVERITY[event.severity].text
        where = [event.host, event.scenario_name]
        writer.writerow(
            [event.code, event.sequence, severity, *where, at, said.text, said.reason, said.action]
        )
    return out.getvalue()


def write_events(file: str, text: str) -> None:
    """Write it. Raises ArcxoError E1301 where that is not possible. Blocks."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArcxoError("E1301", path=file, reason=error.strerror or str(error)) from error
