"""The media utilities as services: scan, merge, compare, copy, prune."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.model.job import Job
from app.model.media import SessionInfo


class UtilityService(Protocol):
    """Work on media beside backup and restore; all but `contents` are jobs.

    `media` is a serial, a name or ID where that is unique, or the absolute directory of a media, which need
    be in no device. `passwords` open encrypted sessions, each those it opens.
    """

    def contents(self, media: str) -> Sequence[SessionInfo]:
        """What the media itself says it holds, oldest first, whatever the catalog has. Blocks on it."""
        ...

    def scan(
        self, media: str, session: int = 0, *, contents: bool = False, passwords: Sequence[str] = ()
    ) -> Job:
        """List the sessions in the job's log and read their directories; `contents`: every byte of them too.

        Session 0: all of them. The catalog is not written.
        """
        ...

    def merge(self, media: str, passwords: Sequence[str] = ()) -> Job: ...
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
        """Compare with the replica, the master, or an absolute directory of this machine.

        Incomplete when something differs; each path that does is named in the job's log.
        """
        ...

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
        """Copy sessions (none named = all) to the media `to`, or to one of a device group: one of another set
        with room, called `name` if that is given, else a new one.
        """
        ...

    def plan_prune(self, media: str = "", *, before: datetime, keep: int = 1) -> Sequence[SessionInfo]:
        """The sessions whose names `prune` by age would drop now, newest first. Changes nothing."""
        ...

    def prune(
        self, media: str = "", sessions: Sequence[int] = (), *, before: datetime | None = None, keep: int = 1
    ) -> Job:
        """Drop the names in sessions from the catalog: those named, and all of `media` ("" = of every media)
        that finished before a time, but for the newest `keep` of each volume.
        """
        ...
