"""Sessions that were written but not published, because a server died between the two, are published."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from app.catalog.api import Catalog
from app.catalog.merge_api import Source
from app.jobs.media_choice import OnlineMedia
from app.jobs.session_reading import SessionReading
from app.jobs.session_records import missing_sessions
from app.media import api as media
from app.media.api import SessionHeader
from app.model.errors import ArcxoError, CanceledError, CredentialsError

_LOG = logging.getLogger(__name__)
_PASSING = frozenset({"E6001", "E6004", "E6020", "E6040"})
"""Another is at work on the catalog, the lineage or this very session: the next look finds what is left."""

KeyOf = Callable[[SessionHeader], bytes | None]
"""The data key of an encrypted session, or None when it is not known."""


def recover_sessions(
    catalog: Catalog,
    media_of_group: list[OnlineMedia],
    key_of: KeyOf,
    report: Callable[..., None],
    *,
    leave: Callable[[SessionHeader], bool] = lambda _: False,
    checkpoint: Callable[[], None] = lambda: None,
) -> int:
    """Publish what was committed to media but not in the catalog (a server died between the two).

    A session that can't be read now is reported and left where it is, as are those that `leave` names. What
    `checkpoint` raises ends it, to be gone on with. Returns how many were published.
    """
    recovered = 0
    for one in media_of_group:
        try:
            missing = missing_sessions(catalog, one)
        except ArcxoError as error:
            _LOG.info("media %s can't be read: %s", one.label.name, error)
            continue
        reading = SessionReading(catalog, one.path, one.label, _Here(one, key_of))
        for header in missing:
            if leave(header):
                continue
            names = {
                "session": header.number,
                "media": one.label.name,
                "scenario": header.scenario_name,
                "job": header.job_id,
            }
            data_key = key_of(header) if header.encrypted else None
            if header.encrypted and data_key is None:
                report("W5136", **names)
                continue
            try:
                catalog.media.put_media(one.info)
                reading.read(header, data_key, checkpoint)
            except CredentialsError:
                report("W5136", **names)
            except CanceledError:
                raise
            except ArcxoError as error:
                if error.code in _PASSING:
                    continue
                report("W5137", **names, details=str(error))
            else:
                recovered += 1
                report("N5135", **names, at=datetime.now(UTC).isoformat())
    return recovered


class _Here:
    """Where the session before can be read: on the same media, or not."""

    def __init__(self, one: OnlineMedia, key_of: KeyOf) -> None:
        self._one = one
        self._key_of = key_of

    def __call__(self, source: Source) -> tuple[str, SessionHeader, bytes | None] | None:
        if source.serial != self._one.label.serial:
            return None
        try:
            header = media.read_session(self._one.path, source.number)
        except ArcxoError:
            return None
        data_key = self._key_of(header) if header.encrypted else None
        return None if header.encrypted and data_key is None else (self._one.path, header, data_key)
