"""The names in a session that the catalog does not have: they are read from its media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.model.entry import EntryKind
from app.model.errors import CredentialsError, NotFoundError
from app.model.media import CatalogEntry, SessionInfo

if TYPE_CHECKING:
    from app.catalog.api import Catalog


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
