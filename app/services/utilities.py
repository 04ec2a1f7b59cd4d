"""The media utilities."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime

from app.model.errors import CredentialsError, NotFoundError, UsageError
from app.model.job import Job, JobKind
from app.model.media import SessionInfo
from app.services.connections import Connections


class LocalUtilities:
    """`UtilityService` on the catalog, the media and the queue."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def contents(self, media: str) -> Sequence[SessionInfo]:
        """What a media says it holds. Raises NotFoundError E4105, E5140, E6010; E4142 unreadable."""
        from app.jobs.media_choice import named_media
        from app.jobs.session_records import session_info
        from app.media import api

        one = named_media(self._connections.catalog, _named(media))
        found = [session_info(header, one.label) for header in api.sessions(one.path)]
        return sorted(found, key=lambda session: (session.finished_at, session.number))

    def scan(
        self, media: str, session: int = 0, *, contents: bool = False, passwords: Sequence[str] = ()
    ) -> Job:
        """Submit a scan. Raises NotFoundError E6010 for a media nobody knows, CredentialsError E4131."""
        script = {"session": str(session), "contents": "true" if contents else "false"}
        return self._submit(JobKind.MEDIA_SCAN, media, script, passwords)

    def merge(self, media: str, passwords: Sequence[str] = ()) -> Job:
        """Submit a merge. Raises as `scan`."""
        # The name of a set means all its media.
        whole = {} if "/" in media or media == self._name(media) else {"set": "true"}
        return self._submit(JobKind.MEDIA_MERGE, media, whole, passwords)

    def compare(
        self,
        media: str,
        session: int,
        where: str = "replica",
        *,
        paths: Sequence[bytes] = (),
        metadata: bool = True,
        passwords: Sequence[str] = (),
    ) -> Job:
        """Submit a comparison. Raises as `scan`, and UsageError E5623 for a place that is none."""
        from app.jobs.comparing import check_with

        check_with(where)
        named = _named(media)
        if not os.path.isabs(named):
            # A name or an ID may be that of a whole set: the media of it that has the session is meant.
            # One that the catalog does not have is looked for by the job, on the media that is named.
            with contextlib.suppress(NotFoundError):
                media = self._connections.catalog.sessions.show(named, session).media_serial
        script = {
            "session": str(session),
            "with": where,
            "paths": "\n".join(os.fsdecode(path) for path in paths),
            "metadata": "true" if metadata else "false",
        }
        return self._submit(JobKind.MEDIA_COMPARE, media, script, passwords)

    def copy(
        self,
        media: str,
        sessions: Sequence[int] = (),
        *,
        to: str = "",
        group: str = "",
        name: str = "",
        passwords: Sequence[str] = (),
    ) -> Job:
        """Submit a copy. Raises as `scan`; UsageError E1170 no place to copy to, E5116 no such group."""
        if bool(to) == bool(group):
            raise UsageError("E1170")
        if group and group not in self._connections.catalog.media.groups():
            raise UsageError("E5116", group=group)
        script = {"sessions": ",".join(map(str, sorted(sessions))), "group": group, "name": name}
        if to:
            script["to"] = self._name(to)
        return self._submit(JobKind.MEDIA_COPY, media, script, passwords)

    def plan_prune(self, media: str = "", *, before: datetime, keep: int = 1) -> Sequence[SessionInfo]:
        """What a pruning by age would drop. Raises NotFoundError E6010 for a media nobody knows."""
        from app.jobs.pruning import chosen_by_age

        catalog = self._connections.catalog
        serial = catalog.media.show_media(media).serial if media else ""
        return chosen_by_age(catalog.sessions.list(serial), before, keep)

    def prune(
        self, media: str = "", sessions: Sequence[int] = (), *, before: datetime | None = None, keep: int = 1
    ) -> Job:
        """Submit a pruning. Raises NotFoundError E6009 for a session that the catalog does not know."""
        from app.jobs.submission import submit_media

        catalog = self._connections.catalog
        serial = catalog.media.show_media(media).serial if media else ""
        for number in sessions:
            catalog.sessions.show(serial, number)
        script = {
            "media": serial,
            "sessions": ",".join(map(str, sorted(sessions))),
            "before": before.isoformat() if before else "",
            "keep": str(keep),
        }
        name = "" if serial else "Prune all media"
        return submit_media(catalog, JobKind.MEDIA_PRUNE, script, name=name)

    def _name(self, media: str) -> str:
        """The serial of a media that is known, or the directory of one."""
        named = _named(media)
        return named if os.path.isabs(named) else self._connections.catalog.media.show_media(named).serial

    def _submit(self, kind: JobKind, media: str, script: dict[str, str], passwords: Sequence[str]) -> Job:
        from app.jobs.credentials import JobSecrets
        from app.jobs.submission import submit_media

        named = self._name(media)
        self._check(named, passwords)
        return submit_media(
            self._connections.catalog,
            kind,
            {"media": named, **script},
            store=self._connections.secrets,
            secrets=JobSecrets(session_passwords=tuple(("", 0, password) for password in passwords)),
        )

    def _check(self, media: str, passwords: Sequence[str]) -> None:
        """A wrong password is told before a job is made; a media that is away now is asked by the job."""
        from app.jobs.media_choice import named_media
        from app.media import api

        if not passwords:
            return
        one = named_media(self._connections.catalog, media)
        if not any(api.open_slots(one.path, password) for password in passwords):
            raise CredentialsError("E4131", media=one.label.name)


def _named(media: str) -> str:
    """A directory is meant where a name has a slash and is not one that the catalog has."""
    return os.path.abspath(media) if media.startswith((".", "/")) else media
