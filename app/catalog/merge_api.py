"""What merging asks of the catalog: reading sessions from media into it, and keeping them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.model.media import SessionInfo

if TYPE_CHECKING:
    from app.catalog.sessions_api import SessionEntry


@dataclass(frozen=True, slots=True, order=True)
class LineageKey:
    """Sessions that follow each other: of one entity of a machine, with the same roots, in one media set."""

    machine: str
    entity: str
    set_id: str
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A session on a media."""

    serial: str
    number: int


@dataclass(frozen=True, slots=True)
class Base:
    """What the rows that are open now are the state of: nothing (`empty`), a session, or nobody knows."""

    session: Source | None = None
    empty: bool = False


class MergeStaging(Protocol):
    """The rows of one session on their way in, as `app.catalog.api.Staging`, but that it can be resumed.

    Only differences from `base` are staged; without one (`expect_all`) everything is. Every call raises
    BusyError E6003 when the claim it was begun with is no longer held.
    """

    base: Base
    position: bytes
    """Up to here an earlier run has staged; `b""` = from the start."""
    resumed: bool

    def add(self, entries: Iterable[SessionEntry]) -> None: ...
    def remove(self, paths: Iterable[bytes]) -> None: ...
    def remove_names(self, paths: Iterable[bytes]) -> None: ...
    def take_over(self, source: Source) -> bool: ...
    def expect_all(self) -> None: ...
    def note_position(self, path: bytes) -> None: ...
    def publish(self, session: SessionInfo) -> None: ...
    def leave(self) -> None: ...
    def discard(self) -> None: ...


class LineageRebuild(Protocol):
    """A lineage on its way to be in order of time. Readers see the old rows until `run` returns."""

    rows: int
    """Rows copied so far, those of earlier runs not counted."""

    def run(self, checkpoint: Callable[[], None]) -> None:
        """Copy the rows that are left, then swap. What `checkpoint` raises ends it, to be gone on with."""
        ...


class Merging(Protocol):
    """Reading sessions from media into the catalog."""

    def begin(
        self, key: LineageKey, source: Source, *, job_id: int | None = None, fence: int = 0
    ) -> MergeStaging: ...
    def record(self, key: LineageKey, session: SessionInfo) -> None: ...
    def disordered(self) -> Sequence[LineageKey]: ...
    def rebuild(self, key: LineageKey, *, job_id: int | None = None, fence: int = 0) -> LineageRebuild: ...
