"""What a server does beside its jobs: sessions the catalog lacks, rows and packs of nothing, old history."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.catalog.api import Catalog
from app.jobs.credentials import JobSecrets
from app.jobs.media_choice import OnlineMedia, find_media, online_media
from app.jobs.media_sets import finish_erasing, introduce_sets, media_sets, settle_labels
from app.jobs.pools import move_due
from app.jobs.pruning import DETAIL_KEPT, DETAIL_SETTING, chosen_by_age
from app.jobs.purging import collect_garbage, forget_removed
from app.jobs.recovering import recover_sessions
from app.jobs.secrets import SecretStore
from app.jobs.staging import carry_out
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import SessionHeader
from app.model.errors import ArcxoError, BusyError, CanceledError, NotFoundError, UsageError
from app.model.job import JobKind, JobStatus

_LOG = logging.getLogger(__name__)
_RECOVER_EVERY_S = 300.0
_SWEEP_EVERY_S = 6 * 3600.0
_STAGING_EVERY_S = 60.0
_COMPARING_S = 20.0
"""So long sessions are compared before all else has its turn: after an upgrade that may be all there are."""
_LOOK_S = 5.0
_COLLECTED = "collected.{serial}"
_GRACE_S = 24 * 3600.0
"""What a backup that failed has written is kept so long: the next attempt shares it."""
HISTORY_SETTING = "history_days"
_HISTORY_DAYS = "365"


class Housekeeping:
    """One thread from `start` to `close`. `report(code, **params)` adds a line to the activity log.

    `on_duty`: whether this server, of several that share the catalog, does what is to be done once.

    `recovered` is set after the first look at the media: a backup builds on the newest session, and that may
    be one which a dead server had written but not yet published.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: SecretStore,
        report: Callable[..., None],
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self.recovered = threading.Event()
        self._catalog = catalog
        self._store = store
        self._report_line = report
        self._on_duty = on_duty
        self._stopping = threading.Event()
        self._told: set[tuple[object, ...]] = set()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """End after the step under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def recover(self, *, own: bool = False) -> None:
        """Publish sessions that are on media but not in the catalog, whatever ended their jobs in between.

        With `own` only those of jobs that are known here: reading all of a media that was brought here takes
        its time, and the queue waits for this. A media that is being merged is left to that job.
        """
        merged = self._merged_now()
        recover_sessions(
            self._catalog,
            [one for one in online_media(self._catalog) if not merged & {one.label.serial, one.path}],
            self._key_of,
            self._report_once,
            leave=lambda header: self._is_being_written(header) or (own and not self._is_known(header)),
            checkpoint=self._check_stopping,
        )

    def order(self) -> None:
        """Put lineages in the order of time that merging, or a merge that was cut, left in another."""
        for key in self._catalog.merging.disordered():
            try:
                self._catalog.merging.rebuild(key).run(self._check_stopping)
            except BusyError as error:
                _LOG.info("%s on %s is not put in order now: %s", key.entity, key.machine, error)

    def _check_stopping(self) -> None:
        if self._stopping.is_set():
            raise CanceledError("E4149")

    def _merged_now(self) -> set[str]:
        """The media, by serial or directory, that a merge job is reading, or is to read soon."""
        return {
            job.script["media"]
            for job in self._catalog.jobs.list(include_done=False)
            if job.kind is JobKind.MEDIA_MERGE and isinstance(job.script, dict)
        }

    def forget_removed(self) -> None:
        """Forget sessions that were removed from their media by others, or by a job that was killed."""
        for one in online_media(self._catalog):
            for session in forget_removed(self._catalog, one):
                self._report_line(
                    "N5174", session=session.number, media=one.label.name, scenario=session.scenario_name
                )

    def collect(self, *, now: bool = False) -> None:
        """Free what no session uses: once a day, sooner of media that have something pending, or `now`."""
        for one in online_media(self._catalog):
            if self._stopping.is_set():
                return
            if now or self._is_due(one) or media.has_fossils(one.path):
                self._collect(one)

    def _is_due(self, one: OnlineMedia) -> bool:
        """Whether a collection was long ago: it reads what every session refers to."""
        told = self._catalog.settings.get(_COLLECTED.format(serial=one.label.serial), "")
        last = datetime.fromisoformat(told) if told else one.label.created_at
        return datetime.now(UTC) - last > timedelta(seconds=_GRACE_S)

    def _collect(self, one: OnlineMedia) -> None:
        try:
            report = collect_garbage(self._catalog, one, grace_s=_GRACE_S, canceled=self._stopping.is_set)
        except CanceledError:
            return
        except ArcxoError as error:
            self._report_once("W5175", media=one.label.name, details=str(error))
            return
        if not self._stopping.is_set():
            key = _COLLECTED.format(serial=one.label.serial)
            self._catalog.settings.put(key, datetime.now(UTC).isoformat())
        if report.freed_packs:
            size = size_text(report.freed_bytes)
            self._report_line("N5172", media=one.label.name, packs=report.freed_packs, size=size)

    def finish_erasing(self) -> None:
        """Forget and remove media that a job which was killed had erased."""
        finish_erasing(self._catalog)
        settle_labels(self._catalog)
        introduce_sets(media_sets(self._catalog))
        for device in self._catalog.media.devices():
            try:
                erased = media.erased_media(device.path)
            except ArcxoError:
                continue  # the device is not here now
            for serial in erased:
                self._catalog.media.remove_media(serial)
                media.remove_erased(device.path, serial)

    def prune(self) -> None:
        """Drop the names in sessions older than the setting `detail_days` (0 = never) from the catalog.

        What was merged again counts from then on.
        """
        days = int(self._catalog.settings.get(DETAIL_SETTING, "0"))
        if days <= 0:
            return
        before = datetime.now(UTC) - timedelta(days=days)
        for session in chosen_by_age(self._catalog.sessions.list(), before, DETAIL_KEPT):
            if session.detail_at is not None and session.detail_at > before:
                continue
            try:
                self._catalog.sessions.drop_detail(session.media_serial, session.number)
            except (NotFoundError, UsageError):
                continue  # removed meanwhile, or what the next backup builds on
            self._report_line("N5612", session=session.number, media=session.media_name)

    def move_in_pools(self) -> None:
        """Move media from the save sets of pools to scratch, by the pools' rules."""
        move_due(self._catalog, datetime.now(UTC), self._report_line)

    def migrate(self) -> None:
        """Copy sessions of staging groups on, and purge them there, by their policies."""
        carry_out(self._catalog, datetime.now(UTC), self._report_changed)

    def note_deletions(self) -> None:
        """Compare sessions that follow each other and were not compared yet, for queries of what went."""
        self._catalog.sessions.note_deletions(self._check_stopping, most_s=_COMPARING_S)

    def forget_old(self) -> None:
        """Delete jobs and log lines older than the setting `history_days` (0 = keep them for ever)."""
        days = int(self._catalog.settings.get(HISTORY_SETTING, _HISTORY_DAYS))
        if days > 0:
            before = datetime.now(UTC) - timedelta(days=days)
            self._catalog.log.prune(before)
            self._catalog.jobs.prune(before)

    def _run(self) -> None:
        self._step(self.finish_erasing)
        self._step(self.forget_removed)
        self._step(lambda: self.recover(own=True))
        self.recovered.set()
        swept_at = -_SWEEP_EVERY_S
        recovered_at = time.monotonic()
        staged_at = -_STAGING_EVERY_S
        while not self._stopping.is_set():
            if time.monotonic() - swept_at > _SWEEP_EVERY_S:
                self._step_on_duty(self.prune)
                self._step_on_duty(self._catalog.sessions.sweep)
                self._step_on_duty(self.forget_old)
                self._step(self.finish_erasing)
                swept_at = time.monotonic()
            if time.monotonic() - staged_at > _STAGING_EVERY_S:
                self._step_on_duty(self.migrate)
                self._step_on_duty(self.note_deletions)
                staged_at = time.monotonic()
            if time.monotonic() - recovered_at > _RECOVER_EVERY_S:
                self._step(self.finish_erasing)
                self._step(self.forget_removed)
                self._step(self.recover)
                self._step_on_duty(self.move_in_pools)
                self._step_on_duty(self.order)
                self._step(self.collect)
                recovered_at = time.monotonic()
            self._stopping.wait(_LOOK_S)

    def _step_on_duty(self, work: Callable[[], object]) -> None:
        """What one of several servers does for all; the others go on without it."""
        if self._on_duty():
            self._step(work)

    def _step(self, work: Callable[[], object]) -> None:
        try:
            work()
        except ArcxoError as error:
            _LOG.info("housekeeping stopped for now: %s", error)
        except Exception:  # noqa: BLE001 - a bug ends this step, not the server
            _LOG.exception("unexpected failure in housekeeping")

    def _report_once(self, code: str, **params: object) -> None:
        """What cannot be recovered is told once, not at every look."""
        key = (code, params.get("session"), params.get("media"))
        if key not in self._told:
            self._told.add(key)
            self._report_line(code, **params)

    def _report_changed(self, code: str, **params: object) -> None:
        """What stays true for long is told once."""
        if code.startswith("W"):
            self._report_once(code, **({"media": params.get("group")} | params))
        else:
            self._report_line(code, **params)

    def _is_being_written(self, header: SessionHeader) -> bool:
        """Whether its job runs: it will publish the session itself."""
        try:
            return self._catalog.jobs.show(header.job_id).status is JobStatus.ACTIVE
        except NotFoundError:
            return False

    def _is_known(self, header: SessionHeader) -> bool:
        """Whether the job that wrote it is in this catalog."""
        try:
            job = self._catalog.jobs.show(header.job_id)
        except NotFoundError:
            return False
        return job.kind is JobKind.BACKUP and job.created_at <= header.started_at

    def _key_of(self, header: SessionHeader) -> bytes | None:
        """The key of a session from the password that its job still has, sealed."""
        try:
            sealed = self._catalog.jobs.credentials(header.job_id)
            password = JobSecrets.unseal(self._store, sealed).session_password
            if not password:
                return None
            place = find_media(self._catalog, header.media_serial).path
            return media.unlock(place, password, header.key_id).data_key
        except ArcxoError:
            return None
