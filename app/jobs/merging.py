"""Merge jobs: the sessions of a media become sessions of the catalog.

What the catalog has is left alone. Sessions are read in the order of their times, one lineage after the
other; a run that is stopped or killed is gone on with, where it was, by the next one. A session that nobody
can read now is recorded without the names in it, so that it can at least be restored whole.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from app.catalog.api import Catalog
from app.catalog.merge_api import LineageKey, Source
from app.jobs.control import JobControl
from app.jobs.key_ring import KeyRing
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, online_media
from app.jobs.media_sets import lacking, out_of_reach
from app.jobs.session_reading import SessionReading, is_damage, lineage_key
from app.jobs.session_records import session_info
from app.media import api as media
from app.media.api import SessionHeader
from app.model.errors import ArcxoError, BusyError, CanceledError, NotFoundError
from app.model.job import JobKind, JobPhase, JobResult
from app.model.media import SessionInfo

_LINEAGE_BUSY = "E6004"
_LOST_CLAIM = "E6003"
_PUBLISHED = "E6020"


class Merge:
    """One merge job on one media."""

    def __init__(
        self, catalog: Catalog, lanes: Lanes, control: JobControl, one: OnlineMedia, keys: KeyRing
    ) -> None:
        self._catalog = catalog
        self._lanes = lanes
        self._control = control
        self._media = one
        self._keys = keys
        self._known = {item.number: item for item in catalog.sessions.list(one.label.serial)}
        self._headers: dict[int, SessionHeader] = {}
        self._merged = 0
        self._without_names = 0
        self._left_out = 0
        self._reading = SessionReading(
            catalog,
            one.path,
            one.label,
            self._whereabouts,
            job_id=control.job.id,
            fence=control.fence,
        )

    def run(self) -> JobResult:
        """Merge everything that can be; Incomplete when something was left out or has no names."""
        control, one = self._control, self._media
        self._catalog.media.put_media(one.info)
        self._headers = {header.number: header for header in media.sessions(one.path)}
        self._keys.check(list(self._headers.values()))
        self._tell_twins()
        self._tell_damaged_headers()
        control.begin_phase(JobPhase.CATALOG)
        missing = [header for header in self._headers.values() if self._is_missing(header)]
        control.progress(
            media=one.label.name, files_total=sum(header.files + header.directories for header in missing)
        )
        missing.sort(key=lambda header: (lineage_key(header), header.finished_at, header.number))
        for key, group in itertools.groupby(missing, key=lineage_key):
            text = f"a backup of {key.entity} on {key.machine}"
            lane = ("lineage", key.machine, key.entity, key.set_id)
            with self._lanes.hold(control, lane, text):
                for header in group:
                    self._merge(header)
                self._order(key)
        control.note(
            "N5166", media=one.label.name, count=self._merged, skipped=self._without_names + self._left_out
        )
        return JobResult.INCOMPLETE if self._without_names or self._left_out else JobResult.FINISHED

    def _is_missing(self, header: SessionHeader) -> bool:
        """Whether a session is to be read; one that is another than the catalog's of that number is told."""
        known = self._known.get(header.number)
        if known is None:
            return True
        facts = (known.machine, known.entity, known.started_at, known.finished_at, known.files)
        if facts != (header.machine, header.entity, header.started_at, header.finished_at, header.files):
            self._left_out += 1
            self._control.note(
                "W5601", session=header.number, media=self._media.label.name, path=self._media.path
            )
            return False
        return not known.detail

    def _merge(self, header: SessionHeader) -> None:
        control, name = self._control, self._media.label.name
        control.check_cancelled()
        control.progress(session=header.number)
        info = self._info(header)
        if not self._keys.is_open(header):
            self._record(header, info)
            control.note("W5602", session=header.number, media=name, scenario=header.scenario_name)
            return
        before = control.state.files
        absent = lacking(self._catalog, self._media, header.number)

        def checkpoint() -> None:
            control.check_cancelled()
            control.progress(files=before + self._reading.entries - entries)

        entries = self._reading.entries
        while True:
            try:
                self._reading.read(header, self._keys.key_of(header), checkpoint, info)
            except CanceledError:
                raise
            except ArcxoError as error:
                if error.code == _LINEAGE_BUSY:
                    self._wait_for_lineage(header)
                    continue
                if error.code == _PUBLISHED:
                    return  # by somebody else, meanwhile
                if isinstance(error, BusyError) or control.canceled:
                    raise
                if is_damage(error) and absent is not None:
                    self._record(header, info)
                    missing = out_of_reach(self._catalog, self._media.label.set_id, absent.missing)
                    control.note("W5629", session=header.number, media=name, missing=missing)
                    return
                control.error(error, session=header.number, scenario=header.scenario_name)
                if is_damage(error):
                    self._record(header, replace(info, damaged=True))
                    control.note("W5603", session=header.number, media=name, scenario=header.scenario_name)
                else:
                    self._left_out += 1
            else:
                self._merged += 1
                control.progress(files=before + header.files + header.directories)
                control.note(
                    "N5604",
                    session=header.number,
                    media=name,
                    scenario=header.scenario_name,
                    entries=f"{header.files + header.directories:,}",
                )
            return

    def _record(self, header: SessionHeader, info: SessionInfo) -> None:
        self._catalog.merging.record(lineage_key(header), info)
        self._without_names += 1

    def _wait_for_lineage(self, header: SessionHeader) -> None:
        """Another server works on the lineage: wait a little, visibly."""
        looked = itertools.count()
        self._control.wait_for(
            f"the catalog rows of another backup of {header.entity} on {header.machine}",
            lambda: next(looked) > 1,  # after one wait
            poll_s=0.5,
        )

    def _order(self, key: LineageKey) -> None:
        """Put the lineage in the order of time, if what was merged is older than what was there."""
        if key not in self._catalog.merging.disordered():
            return
        control = self._control
        try:
            rebuild = self._catalog.merging.rebuild(key, job_id=control.job.id, fence=control.fence)
        except BusyError as error:
            if error.code != _LINEAGE_BUSY:
                raise
            return  # what is read is right in any order; housekeeping orders it
        control.note("N5605", machine=key.machine, entity=key.entity)
        rebuild.run(control.check_cancelled)

    def _info(self, header: SessionHeader) -> SessionInfo:
        """What is recorded: the job's number only if that job is one of this home's."""
        info = session_info(header, self._media.label)
        try:
            job = self._catalog.jobs.show(header.job_id)
            own = job.kind is JobKind.BACKUP and job.created_at <= header.started_at
        except NotFoundError:
            own = False
        return info if own else replace(info, job_id=None)

    def _tell_twins(self) -> None:
        """Other directories with the same label, and other media that the same ID is of."""
        label = self._media.label
        for other in online_media(self._catalog):
            if other.label.serial == label.serial and other.path != self._media.path:
                self._control.note("W5600", media=label.name, path=self._media.path, other=other.path)
        for known in self._catalog.media.media():
            if known.media_id == label.media_id and known.serial != label.serial:
                self._control.note(
                    "N5606", media=label.name, media_id=label.media_id, other=known.name, serial=label.serial
                )

    def _tell_damaged_headers(self) -> None:
        for number, error in media.unreadable_sessions(self._media.path):
            self._control.error(error, session=number)
            self._left_out += 1

    def _whereabouts(self, source: Source) -> tuple[str, SessionHeader, bytes | None] | None:
        """Where the session of a source can be read, by this job."""
        if source.serial == self._media.label.serial:
            header = self._headers.get(source.number)
            if header is None or not self._keys.is_open(header):
                return None
            return self._media.path, header, self._keys.key_of(header)
        for one in online_media(self._catalog):
            if one.label.serial == source.serial:
                try:
                    header = media.read_session(one.path, source.number)
                except ArcxoError:
                    return None
                return None if header.encrypted else (one.path, header, None)
        return None
