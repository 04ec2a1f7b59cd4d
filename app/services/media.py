"""Devices, media and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.model.errors import CredentialsError, NotFoundError
from app.model.job import Job, JobKind, Schedule
from app.model.media import Device, MediaInfo, PurgePlan, SessionInfo
from app.services.connections import Connections
from app.services.storage import with_space


class LocalMedia:
    """`MediaService` on the catalog; what changes media is a job."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def devices(self) -> Sequence[Device]:
        """All devices, with the space they have now."""
        return [with_space(device) for device in self._connections.catalog.media.devices()]

    def media(self) -> Sequence[MediaInfo]:
        """All media; those on devices that cannot be reached are offline."""
        reached = {device.name for device in self.devices() if device.online}
        return [
            replace(info, online=info.device in reached) for info in self._connections.catalog.media.media()
        ]

    def sessions(self, media_serial: str = "") -> Sequence[SessionInfo]:
        """Sessions of one media, or all."""
        return self._connections.catalog.sessions.list(media_serial)

    def session(self, media: str, number: int) -> SessionInfo:
        """One session. `media`: serial, or name, or 4-hex ID where that is unique."""
        return self._connections.catalog.sessions.show(media, number)

    def format(self, device: str, name: str) -> Job:
        """Submit a format job. Raises NotFoundError E1124 for a device that is not known."""
        if device not in {item.name for item in self.devices()}:
            raise NotFoundError("E1124", device=device)
        return self._submit(JobKind.MEDIA_FORMAT, {"device": device, "name": name})

    def verify(self, media: str, *, full: bool, heal: bool = False, session_password: str = "") -> Job:
        """Submit a verification job. The password names the files of encrypted sessions, and heals them."""
        serial = self._connections.catalog.media.show_media(media).serial
        self._check_password(serial, session_password)
        script = {"media": serial, "full": "true" if full else "false", "heal": "true" if heal else "false"}
        if media != serial:
            script["set"] = "true"  # the name of a set means all its media
        return self._submit(JobKind.MEDIA_VERIFY, script, session_password)

    def restore_test(
        self,
        media: str,
        session: int = 0,
        *,
        percent: int = 100,
        scratch: str = "",
        session_password: str = "",
        schedule: Schedule = Schedule(),
    ) -> Job:
        """Submit a restore test.

        Raises:
            CredentialsError: E1133 an encrypted session without a password, E1134 a wrong one.
            NotFoundError: E4121 no such session. UsageError: E1163 a percentage that is none.
        """
        from app.services.restore_tests import submit_restore_test

        return submit_restore_test(
            self._connections, media, session, percent, scratch, session_password, schedule
        )

    def merge(self, media: str, session_password: str = "") -> Job:
        """Submit a merge job; `media` may be a directory for a media the catalog does not know."""
        serial = media if "/" in media else self._connections.catalog.media.show_media(media).serial
        self._check_password(serial, session_password)
        script = {"media": serial}
        if "/" not in media and media != serial:
            script["set"] = "true"
        return self._submit(JobKind.MEDIA_MERGE, script, session_password)

    def plan_purge(self, media: str, sessions: Sequence[int] = ()) -> PurgePlan:
        """What a purge frees. Raises NotFoundError E5140 for a media that cannot be reached now."""
        from app.jobs.media_choice import find_media
        from app.jobs.purging import plan_purge

        catalog = self._connections.catalog
        return plan_purge(catalog, find_media(catalog, catalog.media.show_media(media).serial), sessions)

    def purge(self, media: str, sessions: Sequence[int] = ()) -> Job:
        """Submit a purge job. Raises NotFoundError E6009 for a session that the catalog does not know."""
        catalog = self._connections.catalog
        serial = catalog.media.show_media(media).serial
        for number in sessions:
            catalog.sessions.show(serial, number)
        return self._submit(
            JobKind.MEDIA_PURGE, {"media": serial, "sessions": ",".join(map(str, sorted(sessions)))}
        )

    def _check_password(self, media: str, password: str) -> None:
        """A wrong password is told before a job is made. `media`: serial or directory."""
        from app.jobs.media_choice import online_media
        from app.media import api

        if not password:
            return
        for one in online_media(self._connections.catalog):
            if media in (one.path, one.label.serial) and not api.open_slots(one.path, password):
                raise CredentialsError("E4131", media=one.label.name)

    def _submit(self, kind: JobKind, parameters: dict[str, str], session_password: str = "") -> Job:
        from app.jobs.submission import submit_media

        return submit_media(
            self._connections.catalog,
            kind,
            parameters,
            store=self._connections.secrets,
            session_password=session_password,
        )
