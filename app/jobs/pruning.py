"""Pruning: the names in old sessions leave the catalog, the sessions stay. Merging brings the names back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.model.errors import NotFoundError, UsageError
from app.model.job import JobPhase, JobResult
from app.model.media import SessionInfo

DETAIL_SETTING = "detail_days"
"""Housekeeping prunes sessions older than this many days; 0 = never."""
DETAIL_KEPT = 1
"""Newest sessions of each volume that keep their detail whatever their age: backups build on them."""


def chosen_by_age(sessions: Iterable[SessionInfo], before: datetime, keep: int) -> list[SessionInfo]:
    """Sessions with detail that finished before a time, but never the newest `keep` of a lineage."""
    kept: dict[tuple[object, ...], int] = {}
    found = []
    for session in sorted(sessions, key=lambda one: (one.finished_at, one.number), reverse=True):
        if not session.detail:
            continue
        volume = (session.machine, session.entity, session.scenario_id, session.media_serial)
        kept[volume] = kept.get(volume, 0) + 1
        if kept[volume] > max(keep, DETAIL_KEPT) and session.finished_at < before:
            found.append(session)
    return found


class Prune:
    """One prune job."""

    def __init__(self, catalog: Catalog, control: JobControl) -> None:
        self._catalog = catalog
        self._control = control

    def run(self, serial: str, numbers: Sequence[int], before: datetime | None, keep: int) -> JobResult:
        """Drop the detail of the sessions named, and of those that are old enough, of a media ("" = of all).

        Raises:
            NotFoundError: E6009 no such session; nothing is dropped then.
        """
        control = self._control
        control.begin_phase(JobPhase.CATALOG)
        chosen = [self._catalog.sessions.show(serial, number) for number in numbers]
        if before is not None:
            chosen += chosen_by_age(self._catalog.sessions.list(serial), before, keep)
        refused = 0
        control.progress(files_total=len(chosen))
        for done, session in enumerate(dict.fromkeys(chosen), 1):
            control.check_cancelled()
            try:
                self._catalog.sessions.drop_detail(session.media_serial, session.number)
            except UsageError as error:
                control.error(error, session=session.number)
                refused += 1
                continue
            except NotFoundError:
                continue  # removed meanwhile
            control.note("N5612", session=session.number, media=session.media_name)
            control.progress(files=done)
        rows = self._catalog.sessions.sweep()
        control.note("N5613", count=len(chosen) - refused, rows=f"{rows:,}")
        return JobResult.INCOMPLETE if refused else JobResult.FINISHED
