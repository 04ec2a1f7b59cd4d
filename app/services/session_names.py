"""The names in a session that the catalog does not have: they are read from its media."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from app.model.entry import EntryKind
from app.model.errors import ArcxoError, CredentialsError, NotFoundError
from app.model.media import CatalogEntry, SessionInfo

if TYPE_CHECKING:
    from app.catalog.api import Catalog


def list_unnamed(
    catalog: Catalog, machine: str, path: bytes, as_of: datetime | None, limit: int
) -> list[CatalogEntry]:
    """A folder of those newest sessions of a machine (until `as_of`) that the catalog has no names of.

    What is encrypted, or on no media at hand, is left out: its sessions can be chosen by themselves.
    """
    found: dict[bytes, CatalogEntry] = {}
    for session in catalog.browsing.newest_sessions(machine, as_of=as_of):
        if session.detail or session.encrypted:
            continue
        try:
            for entry in list_folder(catalog, session, path, limit, 0):
                found.setdefault(entry.path, entry)
        except ArcxoError:
            continue
    return list(found.values())


def with_unnamed(
    named: Sequence[CatalogEntry], unnamed: Sequence[CatalogEntry], limit: int, offset: int
) -> Sequence[CatalogEntry]:
    """A page of both together: folders first, then by name; a folder that both have is one."""
    entries = {entry.path: entry for entry in [*unnamed, *named]}
    ordered = sorted(entries.values(), key=lambda one: (one.kind is not EntryKind.DIRECTORY, one.path))
    return ordered[offset : offset + limit]


def list_folder(
    catalog: Catalog, session: SessionInfo, path: bytes, limit: int, offset: int
) -> Sequence[CatalogEntry]:
    """A folder of a session, folders first, then by name; empty when there is none like that.

    Raises:
        NotFoundError: E5140 no media that has the session is at hand.
        CredentialsError: E1173 it is encrypted: merging with its password brings the names to the catalog.
    """
    from app.jobs.copies import readable_session
    from app.media import api as media

    found, one = readable_session(catalog, session)
    if found.encrypted:
        raise CredentialsError("E1173", session=session.number, media=session.media_name)
    try:
        entries = media.list_directory(one.path, found.number, path)
    except NotFoundError as error:
        if error.code != "E4123":
            raise
        return []
    listed = sorted(entries, key=lambda item: (item.metadata.kind is not EntryKind.DIRECTORY, item.path))
    return [
        CatalogEntry(
            path=entry.path,
            kind=entry.metadata.kind,
            size_bytes=entry.metadata.size_bytes,
            modified_ns=entry.metadata.modified_ns,
            session_number=session.number,
            media_serial=session.media_serial,
            machine=session.machine,
        )
        for entry in listed[offset : offset + limit]
    ]
