"""What jobs and services ask of the catalog about sessions: staged, kept, browsed, searched. See `api`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from app.model.entry import EntryKind
from app.model.folder_comparison import FolderComparison
from app.model.media import CatalogEntry, FileVersion, SessionInfo
from app.model.search import Machine, Query


class SessionEntry(NamedTuple):
    """One path of a session. `path` is the master's, absolute. `content_id` "" for all but files.

    A directory's content_id may be anything that is equal while its metadata is.
    """

    path: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    content_id: str = ""


class Staging(Protocol):
    """The rows of one session to be, invisible until `publish`. Use from one thread.

    Every call raises BusyError E6003 when the claim it was begun with is no longer held.
    """

    def add(self, entries: Iterable[SessionEntry]) -> None:
        """Entries present in this session. Full: all of them; incremental: new and changed ones."""
        ...

    def remove(self, paths: Iterable[bytes]) -> None:
        """Incremental only: paths that are gone, each with everything beneath it."""
        ...

    def publish(self, session: SessionInfo) -> None:
        """Make the session visible, in one short transaction. `session` must match machine and entity."""
        ...

    def discard(self) -> None:
        """Drop the rows. Needless after `publish`; may be repeated."""
        ...


class Sessions(Protocol):
    """Sessions on media and their rows."""

    def begin(
        self,
        machine: str,
        entity: str,
        set_id: str,
        roots: Sequence[bytes],
        *,
        job_id: int | None = None,
        fence: int = 0,
        full: bool = True,
        base: tuple[str, int] | None = None,
    ) -> Staging:
        """Start staging. `roots`: the session's top directories on the master, absolute.

        With `full=False` only what changed since `newest(machine, entity, set_id)` is added or removed; with
        `base` (media serial, number) that session must still be the newest: E6019 when it was removed.
        Without `job_id` (merge) no claim is checked. Raises BusyError E6004 while another staging of this
        lineage is alive.
        """
        ...

    def newest(self, machine: str, entity: str, set_id: str, roots: Sequence[bytes]) -> SessionInfo | None:
        """The newest session of these roots: what an incremental staging of them builds on."""
        ...

    def list(self, media_serial: str = "") -> Sequence[SessionInfo]:
        """Newest first."""
        ...

    def of_job(self, job_id: int) -> Sequence[SessionInfo]: ...
    def show(self, media: str, number: int) -> SessionInfo:
        """`media` as in `MediaRecords.show_media`."""
        ...

    def mark_verified(self, media_serial: str, number: int, *, damaged: bool = False) -> None: ...
    def mark_restore_tested(self, media_serial: str, number: int, *, percent: int = 100) -> None:
        """Record that a restore of it, or of `percent` of its files, was checked."""
        ...

    def remove(self, media_serial: str, number: int) -> None: ...
    def copies(self, session: SessionInfo) -> Sequence[SessionInfo]:
        """Sessions with the very same content on other media: copies of it, and what it is a copy of."""
        ...

    def drop_detail(self, media_serial: str, number: int) -> None:
        """Forget the names in a session that stays. UsageError E6025 for the newest of its lineage."""
        ...

    def sweep(self) -> int:
        """Drop rows of dead stagings and of removed sessions, in short steps. Returns how many rows."""
        ...

    def note_deletions(
        self, checkpoint: Callable[[], None] = lambda: None, *, most_s: float = float("inf")
    ) -> int:
        """Find out what is gone between sessions that follow each other, so that queries need not.

        For one server at a time, in short steps; `checkpoint` is called between them and may raise. Returns
        how many pairs of sessions were compared; none is begun after `most_s` seconds, but the first.
        """
        ...


class Browsing(Protocol):
    """Indexed reads over the sessions' rows. Listings: folders first, then by name."""

    def machines(self) -> Sequence[Machine]: ...
    def browse_tree(
        self, machine: str, path: bytes, *, as_of: datetime | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]: ...
    def newest_sessions(self, machine: str, *, as_of: datetime | None = None) -> Sequence[SessionInfo]:
        """What `browse_tree` shows: of each entity the newest session (until `as_of`)."""
        ...

    def browse_session(
        self, media_serial: str, session: int, path: bytes, *, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]: ...
    def versions(self, machine: str, path: bytes) -> Sequence[FileVersion]:
        """Distinct contents of a path, newest first."""
        ...

    def compare_folders(
        self, machine: str, path: bytes, older: tuple[str, int], newer: tuple[str, int], *, limit: int = 1000
    ) -> FolderComparison:
        """What differs beneath a folder between two sessions. NotFoundError E6009, ArcxoError E6031."""
        ...

    def beneath(self, media_serial: str, session: int, path: bytes) -> tuple[int, int]:
        """How many files (all that is no folder) a session has beneath a folder, and their bytes.

        NotFoundError E6009, ArcxoError E6031.
        """
        ...

    def query(self, query: Query) -> Sequence[CatalogEntry]:
        """One entry per path: its newest version that matches. Ordered by path name, then folder."""
        ...
