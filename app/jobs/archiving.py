"""One entity of a backup point becomes a session on a media, and its rows in the catalog."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.agent.api import Agent, AnyPoint, ArchiveOrder, EntityPoint
from app.catalog.api import Catalog
from app.jobs.archived_rows import ArchivedRows
from app.jobs.control import JobControl
from app.jobs.filtering import filters_here, note_filter, note_left_out, same_filter
from app.jobs.lanes import Lanes
from app.jobs.media_choice import MEDIA_FULL, OnlineMedia, online_media
from app.jobs.media_rules import MediaChoice
from app.jobs.read_lines import ReadLines
from app.jobs.session_keys import key_for_backup
from app.jobs.session_records import session_info
from app.jobs.stream import CancellableStream
from app.media import api as media
from app.media.api import KeyInfo, SessionHeader
from app.model.archive import ArchiveResult, CatalogRows, Progress
from app.model.errors import ArcxoError, Problem
from app.model.job import BackupScript, JobPhase, JobProgress
from app.model.media import PoolSet, SessionInfo
from app.model.owners import HostOwners

NO_MEDIA = "E5141"
_MEDIA_WAIT_SETTING = "media_wait_seconds"
_MEDIA_WAIT_S = "300"
_WANTS_WHOLE = frozenset({"AE1051", "E4202"})


@dataclass(frozen=True, slots=True)
class Archived:
    """A session that is committed on its media and published in the catalog."""

    media: OnlineMedia
    session: SessionInfo
    problems: int


def owners_of(agent: Agent) -> HostOwners | None:
    """The users and groups of an agent's host; None when it does not say. A backup is good without them."""
    try:
        return agent.owners()
    except ArcxoError:
        return None


class EntityArchiver:
    """Archives the entities of one backup point, each into one session.

    `point` is the one that is archived now: where it holds too little of what changed, another is made of
    everything, once. `owners` are the users and groups of the machine whose paths the sessions have.
    """

    def __init__(
        self,
        catalog: Catalog,
        lanes: Lanes,
        agent: Agent,
        point: AnyPoint,
        control: JobControl,
        password: str,
        server: str,
        owners: HostOwners | None = None,
    ) -> None:
        self._catalog = catalog
        self._lanes = lanes
        self._agent = agent
        self.point = point
        self._control = control
        self._password = password
        self._server = server
        self._owners = owners
        self._whole = False
        self._filter_told: set[str] = set()
        assert isinstance(control.job.script, BackupScript)
        self._script = control.job.script
        self._choice = MediaChoice(catalog, lanes, control, self._script)
        self._read = ReadLines(control, point.label)

    def archive(self, entity: EntityPoint) -> Archived:
        """Back up an entity; a media that gets full is followed by the next one of its group.

        Raises:
            ArcxoError: E5141 no media of the group has room; faults of agent, archiver, media and catalog.
            CanceledError: E5131.
        """
        filled: OnlineMedia | None = None
        start = self._control.state
        while True:
            chosen = self._media(filled)
            self._begin_again(start)
            try:
                return self._archive_into(chosen, entity)
            except ArcxoError as error:
                if error.code in _WANTS_WHOLE and not self._whole and self.point.scenario_id:
                    self._whole = True
                    self.point = self._everything()
                    continue
                if error.code != MEDIA_FULL:
                    raise
                self._choice.note_full(chosen.device)
                # What was written so far is shared by what goes on elsewhere, and stays.
                self._note_used(chosen)
                filled = chosen
                self._control.warn(
                    "W5142",
                    scenario=self.point.label,
                    media=chosen.label.name,
                    device=chosen.device.name,
                )

    def _begin_again(self, start: JobProgress) -> None:
        """Another try counts everything anew, with what the one before has left on media."""
        self._control.progress(
            files=start.files,
            files_total=start.files_total,
            bytes_total=start.bytes_total,
            read_bytes=start.read_bytes,
            changed_bytes=start.changed_bytes,
            stored_bytes=start.stored_bytes,
        )

    def _note_used(self, chosen: OnlineMedia) -> None:
        """A figure: where it cannot be had, the next one is right again."""
        with contextlib.suppress(ArcxoError):
            used = media.used_bytes(chosen.path)
            self._catalog.media.put_media(replace(chosen.info, used_bytes=used))

    def close(self) -> None:
        """The job writes no more: its media may be erased again."""
        self._read.close()
        self._choice.release()

    def _everything(self) -> AnyPoint:
        """The point of a job that begins again holds everything; the one before is released."""
        point, control = self.point, self._control
        return self._agent.begin_backup(point.scenario_id, point.replica, control.job.id, control.fence)

    def _media(self, filled: OnlineMedia | None) -> OnlineMedia:
        """The media to write to: the one to begin with, or the one that follows a full one."""
        found: list[OnlineMedia] = []

        def look() -> bool:
            one = self._choice.first() if filled is None else self._choice.following(filled)
            if one is not None:
                found.append(one)
            return bool(found)

        group = self._script.device_group
        minutes = self._script.media_wait_minutes if filled is None else self._script.span_wait_minutes
        patience = float(self._catalog.settings.get(_MEDIA_WAIT_SETTING, _MEDIA_WAIT_S))
        if minutes is not None:
            patience = minutes * 60.0
        if not look():
            self._control.note("N5143", group=group, seconds=f"{patience:g}")
            text = f"media in device group {group}: none has room"
            if not self._control.wait_for(text, look, timeout_s=patience, poll_s=1.0):
                raise ArcxoError(NO_MEDIA, group=group)
        return found[0]

    def _archive_into(self, chosen: OnlineMedia, entity: EntityPoint) -> Archived:
        machine = self.point.machine
        lineage = ("lineage", machine, entity.entity, chosen.label.set_id)
        text = f"another backup of {entity.entity} on {machine}"
        with self._lanes.hold(self._control, lineage, text):
            key = key_for_backup(self._control, chosen.path, chosen.label.name, self._password)
            found, base_on = self._base(chosen, entity, key)
            order = self._order(chosen, entity, key, found, base_on)
            base = (found.media_serial, found.number) if found is not None else None
            rows = ArchivedRows(self._catalog, self._control, self.point, entity, chosen.label.set_id, base)
            try:
                result = self._stream(chosen, order, rows)
                return self._publish(chosen, result, rows)
            finally:
                rows.close()

    def _order(
        self,
        chosen: OnlineMedia,
        entity: EntityPoint,
        key: KeyInfo | None,
        base: SessionHeader | None,
        base_on: OnlineMedia,
    ) -> ArchiveOrder:
        filters = filters_here(self._script)
        if entity.entity not in self._filter_told:
            self._filter_told.add(entity.entity)
            note_filter(self._control, self.point.label, filters, changed=not same_filter(base, filters))
        return ArchiveOrder(
            point_id=self.point.id,
            entity=entity.entity,
            media_path=chosen.path,
            job_id=self._control.job.id,
            fence=self._control.fence,
            base_session=base.number if base else 0,
            # What the earlier filter left out is in no list of changes.
            base_incarnation=base.incarnation if base and same_filter(base, filters) else "",
            base_change=base.change if base else 0,
            base_media=base_on.path if base_on != chosen else "",
            data_key=key.data_key if key else None,
            key_id=key.key_id if key else "",
            verify=self._script.verify,
            server=self._server,
            owners=self._owners,
            include=filters.include,
            exclude=filters.exclude,
        )

    def _base(
        self, chosen: OnlineMedia, entity: EntityPoint, key: KeyInfo | None
    ) -> tuple[SessionHeader | None, OnlineMedia]:
        """The newest committed session of these roots, set and key, if the catalog's newest is that one; and
        the media that has it.

        The rows an archive tells are relative to its base, and the catalog takes them relative to the newest
        session of the lineage: where the two differ, everything is read and told. Another scenario's session
        of the same volume says nothing of these roots.
        """
        machine = self.point.machine
        roots = sorted(path for path, _ in entity.roots)
        newest = self._catalog.sessions.newest(machine, entity.entity, chosen.label.set_id, roots)
        if newest is None:
            return None, chosen
        of_set = [one for one in online_media(self._catalog) if one.label.set_id == chosen.label.set_id]
        holder = next((one for one in of_set if one.label.serial == newest.media_serial), None)
        if newest.media_serial == chosen.label.serial:
            holder = chosen
        committed = [
            header
            # Copies of a media have the same sessions.
            for path in {one.label.serial: one.path for one in [*of_set, chosen]}.values()
            for header in media.sessions(path)
            if (header.machine, header.entity, sorted(header.roots)) == (machine, entity.entity, roots)
        ]
        last = max(committed, key=lambda header: header.number, default=None)
        key_id = key.key_id if key else ""
        if holder is None or last is None or last.key_id != key_id:
            return None, chosen
        if (last.media_serial, last.number) != (newest.media_serial, newest.number):
            return None, chosen
        return last, holder

    def _stream(self, chosen: OnlineMedia, order: ArchiveOrder, rows: ArchivedRows) -> ArchiveResult:
        control = self._control
        start = control.state
        control.progress(media=chosen.label.name)
        result: ArchiveResult | None = None
        for event in CancellableStream(lambda: self._agent.archive(order), control):
            match event:
                case Progress():
                    if event.phase is JobPhase.VERIFY and control.state.phase is not JobPhase.VERIFY:
                        control.begin_phase(JobPhase.VERIFY)
                    control.progress(
                        current_path=event.path,
                        files=start.files + event.files,
                        files_total=event.files_total,
                        bytes_total=event.bytes_total,
                        read_bytes=start.read_bytes + event.read_bytes,
                        changed_bytes=start.changed_bytes + event.changed_bytes,
                        stored_bytes=start.stored_bytes + event.stored_bytes,
                    )
                case Problem():
                    control.problem(event, scenario=self.point.label)
                case CatalogRows():
                    rows.take(event)
                    self._read.take(event.rows)
                case ArchiveResult():
                    result = event
        if result is None:
            raise ArcxoError("E5144", entity=order.entity, host=self.point.replica)
        control.progress(
            files=start.files + result.files,
            read_bytes=max(control.state.read_bytes, start.read_bytes),
            changed_bytes=start.changed_bytes + result.new_bytes,
            stored_bytes=start.stored_bytes + result.stored_bytes,
            session=result.session,
        )
        return result

    def _publish(self, chosen: OnlineMedia, result: ArchiveResult, rows: ArchivedRows) -> Archived:
        control = self._control
        control.begin_phase(JobPhase.CATALOG)
        header = media.read_session(chosen.path, result.session)
        now = datetime.now(UTC)
        session = replace(
            session_info(header, chosen.label), written_at=now, verified_at=now if result.verified else None
        )
        rows.publish(session, incremental=result.incremental)
        note_left_out(control, self.point.label, header)
        if result.verified:
            self._catalog.sessions.mark_verified(chosen.label.serial, result.session)
        self._note_used(chosen)
        pool = PoolSet.SAVE if self._script.pool else None
        self._catalog.media.put_set(chosen.label.set_id, last_written_at=now, pool_set=pool)
        return Archived(chosen, session, result.problems)
