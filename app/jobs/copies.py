"""Which media a session is read from: its own, or the first at hand that has a copy of it."""

from __future__ import annotations

from collections.abc import Iterator

from app.catalog.api import Catalog
from app.jobs.media_choice import OnlineMedia, find_media
from app.jobs.media_sets import lacking
from app.media import api as media
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import SessionInfo

_AWAY = frozenset({"E5140", "E4105", "E4121", "E4122", "E4142"})


def readable_session(catalog: Catalog, session: SessionInfo) -> tuple[SessionInfo, OnlineMedia]:
    """The session, or a copy of it, that can be read now: one that is all there, if there is any.

    Raises NotFoundError E5140, or what is wrong with its own header, when there is no copy either.
    """
    partly: tuple[SessionInfo, OnlineMedia] | None = None
    fault: ArcxoError | None = None
    for found in _with_copies(catalog, session):
        try:
            one = _media_of(catalog, found)
        except ArcxoError as error:
            if error.code not in _AWAY:
                raise
            fault = fault or error
            continue
        if lacking(catalog, one, found.number) is None:
            return found, one
        partly = partly or (found, one)
    if partly is not None:
        return partly
    assert fault is not None
    raise fault


def _with_copies(catalog: Catalog, session: SessionInfo) -> Iterator[SessionInfo]:
    """The session, and its copies when they are asked for."""
    yield session
    yield from catalog.sessions.copies(session)


def _media_of(catalog: Catalog, session: SessionInfo) -> OnlineMedia:
    one = find_media(catalog, session.media_serial)
    header = media.read_session(one.path, session.number)
    if header.finished_at != session.finished_at or header.machine != session.machine:
        # Another session took its number on another copy of the media.
        raise NotFoundError("E4121", media=one.path, session=session.number)
    return one
