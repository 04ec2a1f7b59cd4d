"""Which media a session is read from: its own, or the first at hand that has a copy of it."""

from __future__ import annotations

from app.catalog.api import Catalog
from app.jobs.media_choice import OnlineMedia, find_media
from app.media import api as media
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import SessionInfo

_AWAY = frozenset({"E5140", "E4105", "E4121", "E4122", "E4142"})


def readable_session(catalog: Catalog, session: SessionInfo) -> tuple[SessionInfo, OnlineMedia]:
    """The session, or a copy of it, that can be read now.

    Raises NotFoundError E5140, or what is wrong with its own header, when there is no copy either.
    """
    try:
        return session, _media_of(catalog, session)
    except ArcxoError as error:
        if error.code not in _AWAY:
            raise
        fault = error
    for copy in catalog.sessions.copies(session):
        try:
            return copy, _media_of(catalog, copy)
        except ArcxoError as error:
            if error.code not in _AWAY:
                raise
    raise fault


def _media_of(catalog: Catalog, session: SessionInfo) -> OnlineMedia:
    one = find_media(catalog, session.media_serial)
    header = media.read_session(one.path, session.number)
    if header.finished_at != session.finished_at or header.machine != session.machine:
        # Another session took its number on another copy of the media.
        raise NotFoundError("E4121", media=one.path, session=session.number)
    return one
