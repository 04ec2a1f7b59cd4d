"""A catalog on real files, and sessions made of a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from app.catalog.sessions_api import SessionEntry
from app.catalog.store import SqlCatalog
from app.model.entry import EntryKind
from app.model.job import BackupScript, JobKind
from app.model.media import CatalogEntry, Consistency, SessionInfo

MACHINE, ENTITY, SET, ROOT = "master", "/", "set-1", b"/data"
START = datetime(2026, 1, 1, tzinfo=UTC)


def hour(number: int) -> datetime:
    """When the session of that number finished."""
    return START + timedelta(hours=number)


def session(
    number: int, *, serial: str = "S1", at: datetime | None = None, entity: str = ENTITY
) -> SessionInfo:
    finished_at = at or hour(number)
    return SessionInfo(
        media_serial=serial,
        media_name="media one",
        media_id="9C43",
        number=number,
        job_id=None,
        scenario_id=7,
        scenario_name="files",
        machine=MACHINE,
        replica="replica",
        entity=entity,
        started_at=finished_at - timedelta(minutes=1),
        finished_at=finished_at,
        files=1,
        directories=1,
        size_bytes=1,
        new_bytes=1,
        stored_bytes=1,
        consistency=Consistency.QUIET,
        snapshot_provider="hard links",
        written_at=finished_at,
    )


def file(path: bytes, content: str, size: int = 10, modified: int = 1) -> SessionEntry:
    return SessionEntry(path, EntryKind.FILE, size, modified, content)


def folder(path: bytes) -> SessionEntry:
    return SessionEntry(path, EntryKind.DIRECTORY, 0, 1, "")


def tree(files: Mapping[bytes, str]) -> list[SessionEntry]:
    """Entries of `files` (path beneath the root → content) with all their directories."""
    folders = {ROOT}
    for name in files:
        parts = name.split(b"/")[:-1]
        folders |= {b"/".join([ROOT, *parts[: depth + 1]]) for depth in range(len(parts))}
    entries = [folder(path) for path in sorted(folders)]
    return entries + [file(ROOT + b"/" + name, content) for name, content in sorted(files.items())]


def back_up(
    catalog: SqlCatalog, number: int, entries: Iterable[SessionEntry], **kwargs: object
) -> SessionInfo:
    """Publish a full session."""
    info = session(number, **kwargs)  # type: ignore[arg-type]
    staging = catalog.sessions.begin(MACHINE, info.entity, SET, [ROOT])
    staging.add(entries)
    staging.publish(info)
    return info


def back_up_changes(
    catalog: SqlCatalog, number: int, changed: Iterable[SessionEntry], removed: Iterable[bytes] = ()
) -> SessionInfo:
    """Publish an incremental session."""
    info = session(number)
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT], full=False)
    staging.remove(removed)
    staging.add(changed)
    staging.publish(info)
    return info


def contents(catalog: SqlCatalog, number: int, path: bytes = ROOT) -> dict[bytes, int]:
    """Every file of a session beneath a folder, found by browsing: path → size."""
    found: dict[bytes, int] = {}
    for entry in catalog.browsing.browse_session("S1", number, path):
        if entry.kind is EntryKind.DIRECTORY:
            found |= contents(catalog, number, entry.path)
        else:
            found[entry.path] = entry.size_bytes
    return found


def names(entries: Iterable[CatalogEntry]) -> list[bytes]:
    return [entry.path for entry in entries]


def new_job(**kwargs: object) -> object:
    from app.catalog.api import NewJob

    return NewJob(JobKind.BACKUP, "job", BackupScript((1,), ("files",)), "owner", **kwargs)  # type: ignore[arg-type]
