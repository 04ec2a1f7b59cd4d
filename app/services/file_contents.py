"""A part of one file as a session holds it, read from the session's media or from a copy of it."""

from __future__ import annotations

from app.model.content import FileContent
from app.model.errors import CredentialsError
from app.services.connections import Connections

MOST_BYTES = 64 << 20
"""More is not read at once: what is wanted whole is restored."""


def read_file(
    connections: Connections,
    media_serial: str,
    session: int,
    path: bytes,
    offset: int,
    limit: int,
    session_password: str,
) -> FileContent:
    """See `RestoreService.read_file`."""
    from app.jobs.copies import readable_session
    from app.media import api as media
    from app.services.restore_plan import unlock_session

    catalog = connections.catalog
    known = catalog.sessions.show(media_serial, session)
    if known.encrypted and not session_password:
        raise CredentialsError("E1133", session=known.number, media=known.media_name)
    try:
        key = unlock_session(catalog, known.media_serial, known.number, session_password)
    except CredentialsError as error:
        raise CredentialsError("E1134", session=known.number, media=known.media_name) from error
    found, one = readable_session(catalog, known)
    return media.read_content(one.path, found.number, path, key, offset=offset, limit=min(limit, MOST_BYTES))
