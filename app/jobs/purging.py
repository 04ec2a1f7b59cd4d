"""Purging a media: sessions are removed from it and from the catalog, and what only they used is freed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, online_media
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import CollectProgress, CollectReport
from app.model.errors import NotFoundError
from app.model.job import JobKind, JobPhase, JobStatus, RestoreScript
from app.model.media import PurgePlan, SessionInfo


def numbers_of(script: dict[str, str]) -> list[int]:
    """The sessions that a purge job names."""
    return sorted({int(number) for number in script.get("sessions", "").split(",") if number})


def plan_purge(catalog: Catalog, one: OnlineMedia, numbers: Sequence[int]) -> PurgePlan:
    """Exactly what a purge would free now. Blocks on the media; raises what `media.plan_purge` raises."""
    known = {session.number for session in catalog.sessions.list(one.label.serial)}
    return media.plan_purge(one.path, numbers, expected=known)


def collect_garbage(
    catalog: Catalog,
    one: OnlineMedia,
    *,
    grace_s: float = 0.0,
    emit: Callable[[CollectProgress], None] | None = None,
    canceled: Callable[[], bool] | None = None,
) -> CollectReport:
    """Free what no session of a media refers to, and record how much it uses now.

    Raises ArcxoError E4150 or E4152 when a session cannot say what it needs; CanceledError E4149.
    """
    own = {session.number for session in catalog.sessions.list(one.label.serial)}
    # Sessions on other media of the set need packs of this one too.
    elsewhere = {
        info.serial: {session.number for session in catalog.sessions.list(info.serial)}
        for info in catalog.media.media()
        if info.set_id == one.label.set_id and info.serial != one.label.serial
    }
    report = media.collect(
        one.path, grace_s=grace_s, expected=own, emit=emit, canceled=canceled, elsewhere=elsewhere
    )
    if report.freed_packs or report.repacked_packs:
        catalog.media.put_media(replace(one.info, used_bytes=media.used_bytes(one.path)))
    return report


def forget_removed(catalog: Catalog, one: OnlineMedia) -> list[SessionInfo]:
    """Forget sessions that were removed from a media, by a job that was killed or by another installation."""
    known = {session.number: session for session in catalog.sessions.list(one.label.serial)}
    gone = [known[number] for number in media.removed_sessions(one.path) if number in known]
    for session in gone:
        with contextlib.suppress(NotFoundError):
            catalog.sessions.remove(one.label.serial, session.number)
    return gone


class Purge:
    """One purge job on one media."""

    def __init__(self, catalog: Catalog, lanes: Lanes, control: JobControl, one: OnlineMedia) -> None:
        self._catalog = catalog
        self._lanes = lanes
        self._control = control
        self._media = one

    def run(self, numbers: Sequence[int]) -> None:
        """Remove the sessions and collect. A run that was cut is finished by the next, or by housekeeping.

        Raises:
            NotFoundError: E4121 no such session; nothing is removed then.
            ArcxoError: E4150, E4152: another session cannot say what it needs; nothing is removed then.
        """
        control, one = self._control, self._media
        known = {session.number: session for session in self._catalog.sessions.list(one.label.serial)}
        # What a run that was cut has done already is not done again.
        done = set(media.removed_sessions(one.path)) - known.keys()
        numbers = [number for number in numbers if number not in done]
        plan = plan_purge(self._catalog, one, numbers)
        control.note(
            "N5170",
            media=one.label.name,
            sessions=", ".join(map(str, numbers)) or "-",
            size=size_text(plan.frees_bytes),
        )
        with contextlib.ExitStack() as lanes:
            self._wait_for_users(lanes, [known[number] for number in numbers if number in known])
            control.check_cancelled()
            control.begin_phase(JobPhase.FINISH)
            control.progress(bytes_total=plan.frees_bytes, media=one.label.name)
            media.remove_sessions(one.path, numbers, known=known.keys())
            for number in numbers:
                with contextlib.suppress(NotFoundError):
                    self._catalog.sessions.remove(one.label.serial, number)
                control.note("N5171", session=number, media=one.label.name)
        # What the sessions alone needed may lie on other media of the set too.
        of_set = [other for other in online_media(self._catalog) if other.label.set_id == one.label.set_id]
        others = {other.label.serial: other for other in of_set if other.label.serial != one.label.serial}
        for each in (one, *others.values()):
            self._collect(each)

    def _collect(self, one: OnlineMedia) -> None:
        control = self._control
        before = control.state.read_bytes
        report = collect_garbage(
            self._catalog,
            one,
            emit=lambda step: control.progress(
                current_path=step.object_name.encode(), read_bytes=before + step.freed_bytes
            ),
            canceled=lambda: control.canceled,
        )
        control.note(
            "N5172", media=one.label.name, packs=report.freed_packs, size=size_text(report.freed_bytes)
        )
        if report.repacked_packs:
            control.note("N5190", media=one.label.name, packs=report.repacked_packs)
        if report.lacks_room:
            control.warn("W5191", media=one.label.name)
        if report.waiting_packs:
            control.note(
                "N5173", media=one.label.name, size=size_text(report.waiting_bytes), writers=report.writers
            )

    def _wait_for_users(self, lanes: contextlib.ExitStack, sessions: list[SessionInfo]) -> None:
        """Backups of the same volumes build on these sessions, restores read them: they end first."""
        one = self._media
        for machine, entity in sorted({(session.machine, session.entity) for session in sessions}):
            lane = ("lineage", machine, entity, one.label.set_id)
            lanes.enter_context(self._lanes.hold(self._control, lane, f"a backup of {entity} on {machine}"))
        numbers = {session.number for session in sessions}
        self._control.wait_for(
            "restores that read these sessions", lambda: not self._is_restored(numbers), poll_s=0.5
        )

    def _is_restored(self, numbers: set[int]) -> bool:
        return any(
            isinstance(job.script, RestoreScript)
            and any(
                part.media_serial == self._media.label.serial and part.session in numbers
                for part in job.script.selections
            )
            for job in self._catalog.jobs.list(include_done=False)
            if job.kind is JobKind.RESTORE and job.status is JobStatus.ACTIVE
        )
