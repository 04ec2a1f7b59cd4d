"""The tabs of the Backup Manager with the draft that they show, made one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.backup.destination_tab import DestinationTab
from app.ui.backup.draft import BackupDraft
from app.ui.backup.schedule_tab import ScheduleTab
from app.ui.backup.source_tab import SourceTab
from app.ui.manager import Context

Parts = tuple[BackupDraft, SourceTab, DestinationTab, ScheduleTab]


def parts(context: Context) -> Iterator[Parts | None]:
    """None after each tab, then all of them."""
    draft = BackupDraft()
    source = SourceTab(context, draft)
    yield None
    destination = DestinationTab(draft)
    yield None
    schedule = ScheduleTab(context)
    yield None
    yield draft, source, destination, schedule


def at_once(context: Context) -> Parts:
    """All of them."""
    return next(found for found in parts(context) if found is not None)
