"""Copy jobs: sessions are copied to the media of another set, and to the catalog."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime

from app.catalog.api import Catalog
from app.catalog.merge_api import Source
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.home import automatic_media_name
from app.jobs.home_record import HomeRecorder
from app.jobs.key_ring import KeyRing
from app.jobs.lanes import Lanes
from app.jobs.media_choice import MEDIA_FULL, OnlineMedia, media_names, named_media, new_media, online_media
from app.jobs.media_rules import MediaChoice
from app.jobs.purging import numbers_of
from app.jobs.session_reading import SessionReading, lineage_key
from app.jobs.session_records import session_info
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import SessionHeader
from app.media.copying import CopyProgress, SessionCopier, find_copy, origin_of_session
from app.model.errors import ArcxoError, BusyError, CanceledError, UsageError
from app.model.job import BackupScript, JobPhase, JobResult
from app.model.media import SessionInfo

_PUBLISHED = "E6020"
_LEAST_ROOM_BYTES = 16 << 20


def _room(path: str) -> int:
    """Free bytes of a device; 0 when it cannot be asked."""
    try:
        state = os.statvfs(path)
    except OSError:
        return 0
    return state.f_bavail * state.f_frsize


class Copy:
    """One copy job."""

    def __init__(
        self,
        catalog: Catalog,
        lanes: Lanes,
        control: JobControl,
        secrets: JobSecrets,
        recorder: HomeRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._catalog = catalog
        self._lanes = lanes
        self._control = control
        self._secrets = secrets
        self._choice: MediaChoice | None = None
        self._full: set[str] = set()
        self._begun = control.state

    def run(self, script: dict[str, str]) -> JobResult:
        """Copy sessions, oldest first; Incomplete when some were left out.

        Raises:
            NotFoundError: E4121 no such session, E5140 a media is not at hand.
            UsageError: E4171 both media are of one set.
            ArcxoError: E5141 no media of the group has room.
        """
        try:
            return self._run(script)
        finally:
            self._lanes.release(self._control.job.id)

    def _run(self, script: dict[str, str]) -> JobResult:
        control = self._control
        source = named_media(self._catalog, script["media"])
        numbers = numbers_of(script)
        chosen = [media.read_session(source.path, number) for number in numbers] or list(
            media.sessions(source.path)
        )
        chosen.sort(key=lambda header: (header.finished_at, header.number))
        target = self._target(script, source)
        if target.label.set_id == source.label.set_id:
            raise UsageError("E4171", media=target.label.name)
        # Nobody takes the set away meanwhile.
        self._lanes.use(("set", target.label.set_id), control.job.id)
        control.begin_phase(JobPhase.BACK_UP)
        control.note("N5617", count=len(chosen), media=source.label.name, to=target.label.name)
        control.progress(media=target.label.name, files_total=len(chosen))
        copied = there = left = 0
        for header in chosen:
            control.check_cancelled()
            control.progress(session=header.number)
            try:
                known = find_copy(target.path, origin_of_session(header))
                if known is None:
                    target, copy = self._copy(source, target, header)
                    copied += 1
                else:
                    copy = known
                    there += 1
                    control.note(
                        "N5619",
                        session=header.number,
                        media=source.label.name,
                        to=target.label.name,
                        number=copy.number,
                    )
                self._publish(source, header, target, copy, fresh=known is None)
            except CanceledError:
                raise
            except ArcxoError as error:
                if isinstance(error, BusyError) or control.canceled or error.code in ("E5141", "E4170"):
                    raise
                control.error(error, session=header.number, scenario=header.scenario_name)
                left += 1
            control.progress(files=copied + there + left)
        used = media.used_bytes(target.path)
        self._catalog.media.put_media(replace(target.info, used_bytes=used))
        if self._recorder is not None and copied:
            self._recorder.record(control, [target])
        control.note("N5620", copied=copied, there=there, left=left)
        if left and not copied + there:
            return JobResult.FAILED
        return JobResult.INCOMPLETE if left else JobResult.FINISHED

    def _target(self, script: dict[str, str], source: OnlineMedia) -> OnlineMedia:
        if script.get("to"):
            return named_media(self._catalog, script["to"])
        group, name = script.get("group", ""), script.get("name", "")
        devices = [device for device in self._catalog.media.devices() if device.group == group]
        if not devices:
            raise UsageError("E5116", group=group)
        for one in online_media(self._catalog, group):
            # An earlier copy goes on where it was; else the newest media of another set.
            if one.label.set_id == source.label.set_id or (name and one.label.name != name):
                continue
            if _room(one.path) >= _LEAST_ROOM_BYTES:
                return one
        device = max(devices, key=lambda device: _room(device.path))
        if _room(device.path) < _LEAST_ROOM_BYTES:
            raise ArcxoError("E5141", group=group)
        name = name or automatic_media_name(self._control.started_at, media_names(self._catalog))
        return new_media(self._catalog, device, name)

    def _copy(
        self, source: OnlineMedia, target: OnlineMedia, header: SessionHeader
    ) -> tuple[OnlineMedia, SessionHeader]:
        """Copy one session; a media that gets full is followed by the next one of its set."""
        control = self._control
        while True:
            self._begun = control.state
            copier = SessionCopier(
                source.path,
                target.path,
                self._show,
                lambda: control.canceled,
                job_id=control.job.id,
                fence=control.fence,
            )
            try:
                copy = copier.copy(header.number)
            except ArcxoError as error:
                if error.code != MEDIA_FULL or not target.device.group:
                    raise
                control.warn(
                    "W5142",
                    scenario=header.scenario_name,
                    media=target.label.name,
                    device=target.device.name,
                )
                target = self._next(target)
                continue
            control.note(
                "N5618",
                session=header.number,
                media=source.label.name,
                to=target.label.name,
                number=copy.number,
                size=size_text(copy.stored_bytes),
                scenario=header.scenario_name,
            )
            return target, copy

    def _show(self, step: CopyProgress) -> None:
        self._control.progress(
            current_path=step.object_name.encode(),
            read_bytes=self._begun.read_bytes + step.copied_bytes + step.checked_bytes,
            stored_bytes=self._begun.stored_bytes + step.copied_bytes,
            bytes_total=step.total_bytes,
        )

    def _next(self, target: OnlineMedia) -> OnlineMedia:
        group = target.device.group
        if self._choice is None:
            script = BackupScript((), (), device_group=group, media_name=target.label.name)
            self._choice = MediaChoice(self._catalog, self._lanes, self._control, script)
        self._control.check_cancelled()
        self._full.add(target.path)
        # What is full is known by the room there was at the last look: the first look is made here.
        for _ in range(2):
            self._choice.note_full(target.device)
            found = self._choice.following(target)
            if found is None or found.path not in self._full:
                break
        if found is None or found.label.set_id != target.label.set_id or found.path in self._full:
            raise ArcxoError("E5141", group=group)
        return found

    def _publish(
        self,
        source: OnlineMedia,
        original: SessionHeader,
        target: OnlineMedia,
        copy: SessionHeader,
        *,
        fresh: bool,
    ) -> None:
        """The copy is a session of the catalog, with the names that the original has there."""
        known = {one.number: one for one in self._catalog.sessions.list(target.label.serial)}
        if copy.number in known and known[copy.number].detail:
            return
        control = self._control
        self._catalog.media.put_media(target.info)
        key = lineage_key(copy)
        info = self._info(source, original, target, copy, fresh=fresh)
        text = f"a backup of {key.entity} on {key.machine}"
        with self._lanes.hold(control, ("lineage", key.machine, key.entity, key.set_id), text):
            try:
                if self._take_over(original, copy, info):
                    return
                keys = KeyRing.of(target.path, self._secrets)
                if not keys.is_open(copy):
                    self._catalog.merging.record(key, info)
                    control.note("W5621", session=original.number, to=target.label.name)
                    return
                reading = SessionReading(
                    self._catalog,
                    target.path,
                    target.label,
                    lambda _: None,
                    job_id=control.job.id,
                    fence=control.fence,
                )
                reading.read(copy, keys.key_of(copy), control.check_cancelled, info)
            except ArcxoError as error:
                if error.code != _PUBLISHED:
                    raise  # else somebody found it on the media and published it meanwhile

    def _take_over(self, original: SessionHeader, copy: SessionHeader, info: SessionInfo) -> bool:
        control = self._control
        staging = self._catalog.merging.begin(
            lineage_key(copy),
            Source(copy.media_serial, copy.number),
            job_id=control.job.id,
            fence=control.fence,
        )
        try:
            if not staging.take_over(Source(original.media_serial, original.number)):
                staging.discard()
                return False
            staging.publish(info)
        except BaseException:
            staging.leave()
            raise
        return True

    def _info(
        self,
        source: OnlineMedia,
        original: SessionHeader,
        target: OnlineMedia,
        copy: SessionHeader,
        *,
        fresh: bool,
    ) -> SessionInfo:
        """What is recorded: written and verified now, and by which job only as far as that is known here."""
        info = session_info(copy, target.label)
        known = {one.number: one for one in self._catalog.sessions.list(source.label.serial)}
        mine = known.get(original.number)
        info = replace(info, job_id=mine.job_id if mine is not None else None)
        if fresh:
            info = replace(info, written_at=datetime.now(UTC), verified_at=datetime.now(UTC))
        return info
