"""Scan jobs: what is on a media, told in the job's log. The catalog is neither asked nor written."""

from __future__ import annotations

from app.jobs.control import JobControl
from app.jobs.key_ring import KeyRing
from app.jobs.media_choice import OnlineMedia
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import SessionHeader
from app.media.node import DIRECTORY, FILE, KIND, pieces
from app.media.reader import ChunkReader, open_session, walk
from app.model.errors import ArcxoError
from app.model.job import JobPhase, JobResult
from app.model.paths import shown

_DAMAGE = frozenset({"E4124", "E4125", "E4142"})
_NAMED_MAX = 100


class Scan:
    """One scan job on one media."""

    def __init__(self, control: JobControl, one: OnlineMedia, keys: KeyRing, *, contents: bool) -> None:
        self._control = control
        self._media = one
        self._keys = keys
        self._contents = contents
        self._read: set[bytes] = set()
        self._damaged = 0
        self._unread = 0

    def run(self, number: int = 0) -> JobResult:
        """List the sessions, or the one of a number (NotFoundError E4121), and read what can be read.

        Failed when something is damaged; Incomplete when a password was missing, or a media of the set.
        """
        control, one = self._control, self._media
        label = one.label
        headers = [media.read_session(one.path, number)] if number else list(media.sessions(one.path))
        self._keys.check(headers)
        control.begin_phase(JobPhase.VERIFY)
        control.note(
            "N5607",
            media=label.name,
            media_id=label.media_id,
            sequence=label.sequence,
            serial=label.serial,
            path=one.path,
        )
        control.progress(
            media=label.name, files_total=sum(header.files + header.directories for header in headers)
        )
        if not number:
            for damaged, error in media.unreadable_sessions(one.path):
                control.error(error, session=damaged)
                self._damaged += 1
        for header in headers:
            control.check_cancelled()
            self._session(header)
        control.note("N5609", media=label.name, count=len(headers), damaged=self._damaged)
        if self._damaged:
            return JobResult.FAILED
        return JobResult.INCOMPLETE if self._unread else JobResult.FINISHED

    def _session(self, header: SessionHeader) -> None:
        control = self._control
        control.progress(session=header.number)
        notes = [
            text
            for holds, text in ((header.encrypted, "encrypted"), (header.incomplete, "incomplete"))
            if holds
        ]
        control.note(
            "N5608",
            session=header.number,
            scenario=header.scenario_name,
            machine=header.machine,
            entity=header.entity,
            at=header.taken_at.isoformat(timespec="seconds"),
            files=f"{header.files:,}",
            directories=f"{header.directories:,}",
            size=size_text(header.size_bytes),
            stored=size_text(header.stored_bytes),
            consistency=header.consistency.value,
            provider=header.snapshot_provider,
            written_by=header.server or "-",
            notes=", ".join(notes) or "-",
        )
        if not self._keys.is_open(header):
            self._unread += 1
            control.note("W5610", session=header.number, media=self._media.label.name)
            return
        lacking = media.absence(self._media.path, header.number)
        if lacking is not None:
            # What is elsewhere is not damaged; and what is here says nothing without it.
            self._unread += 1
            control.warn(
                "W5179",
                session=header.number,
                media=self._media.label.name,
                size=size_text(lacking.size_bytes),
                missing=", ".join(lacking.missing),
            )
            return
        try:
            damaged = self._walk(header)
        except ArcxoError as error:
            if error.code not in _DAMAGE:
                raise
            control.error(error, session=header.number, scenario=header.scenario_name)
            damaged = True
        self._damaged += damaged

    def _walk(self, header: SessionHeader) -> bool:
        """Read every directory, and with `contents` every byte; whether something is damaged."""
        control = self._control
        _, reader = open_session(self._media.path, header.number, self._keys.key_of(header))
        files, directories, found, before = 0, 0, 0, control.state.files
        for path, entry in walk(reader, header.root_id):
            control.check_cancelled()
            if entry[KIND] == DIRECTORY:
                directories += 1
                continue
            files += 1
            control.progress(files=before + files + directories, current_path=path)
            if self._contents and entry[KIND] == FILE:
                reason = self._unreadable(reader, pieces(entry))
                found += bool(reason)
                if reason and found <= _NAMED_MAX:
                    control.fault("E5611", {"path": shown(path), "reason": reason}, session=header.number)
        return bool(found)

    def _unreadable(self, reader: ChunkReader, chunks: list[tuple[bytes, int]]) -> str:
        """Why a content cannot be read; "" when all of it was, here or in a session before."""
        for chunk_id, length in chunks:
            if chunk_id in self._read:
                continue
            self._control.check_cancelled()
            try:
                reader.chunk(chunk_id)
            except ArcxoError as error:
                if error.code not in _DAMAGE:
                    raise
                return error.params.get("reason", error.code)
            self._read.add(chunk_id)
            self._control.progress(read_bytes=self._control.state.read_bytes + length)
        return ""
