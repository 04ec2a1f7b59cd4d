"""Sessions on media become sessions of the catalog: one at its backup, or many from media that have more."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from app.catalog.api import Catalog, SessionEntry
from app.jobs.media_choice import OnlineMedia
from app.media import api as media
from app.media.api import Label, SessionHeader
from app.model.errors import ArcxoError, CredentialsError
from app.model.media import SessionInfo
from app.model.paths import is_beneath

_LOG = logging.getLogger(__name__)
_ROWS_AT_ONCE = 2000
_PASSING = frozenset({"E6001", "E6004", "E6020"})
"""Another is at work on the catalog, the lineage or this very session: the next look finds what is left."""

KeyOf = Callable[[SessionHeader], bytes | None]
"""The data key of an encrypted session, or None when it is not known."""


def session_info(header: SessionHeader, label: Label) -> SessionInfo:
    """A session's header as the catalog records it. What it says of `written_at` is when it was committed."""
    return SessionInfo(
        media_serial=label.serial,
        media_name=label.name,
        media_id=label.media_id,
        number=header.number,
        job_id=header.job_id,
        scenario_id=header.scenario_id,
        scenario_name=header.scenario_name,
        machine=header.machine,
        replica=header.replica,
        entity=header.entity,
        started_at=header.started_at,
        finished_at=header.finished_at,
        files=header.files,
        directories=header.directories,
        size_bytes=header.size_bytes,
        new_bytes=header.new_bytes,
        stored_bytes=header.stored_bytes,
        consistency=header.consistency,
        snapshot_provider=header.snapshot_provider,
        encrypted=header.encrypted,
        incomplete=header.incomplete,
        problems=header.problems,
        written_at=header.finished_at,
    )


def missing_sessions(catalog: Catalog, one: OnlineMedia) -> list[SessionHeader]:
    """The committed sessions of a media that the catalog does not have, by number."""
    known = {session.number for session in catalog.sessions.list(one.label.serial)}
    return [header for header in media.sessions(one.path) if header.number not in known]


def merge_session(
    catalog: Catalog,
    one: OnlineMedia,
    header: SessionHeader,
    data_key: bytes | None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> SessionInfo:
    """Read a session's names from its media into the catalog.

    Raises:
        CredentialsError: E4132 it is encrypted and `data_key` is None or another's.
        ArcxoError: media faults 41xx; E6004 while a backup of the same lineage stages rows.
    """
    entries = (
        SessionEntry(
            entry.path,
            entry.metadata.kind,
            entry.metadata.size_bytes,
            entry.metadata.modified_ns,
            entry.content_id,
        )
        for entry in media.session_entries(one.path, header.number, data_key)
        # The directories that lead to the roots are in the session's tree, not in its catalog rows.
        if any(is_beneath(entry.path, root) for root in header.roots)
    )
    catalog.media.put_media(one.info)
    staging = catalog.sessions.begin(
        header.machine, header.entity, header.set_id, list(header.roots), full=True
    )
    try:
        for batch in _batches(entries):
            check_cancelled()
            staging.add(batch)
        info = session_info(header, one.label)
        staging.publish(info)
    except BaseException:
        staging.discard()
        raise
    return info


def recover_sessions(
    catalog: Catalog,
    media_of_group: list[OnlineMedia],
    key_of: KeyOf,
    report: Callable[..., None],
    *,
    leave: Callable[[SessionHeader], bool] = lambda _: False,
) -> int:
    """Publish what was committed to media but not in the catalog (a server died between the two).

    A session that can't be read now is reported and left where it is, as are those that `leave` names.
    Returns how many were published.
    """
    recovered = 0
    for one in media_of_group:
        try:
            missing = missing_sessions(catalog, one)
        except ArcxoError as error:
            _LOG.info("media %s can't be read: %s", one.label.name, error)
            continue
        for header in missing:
            if leave(header):
                continue
            names = {
                "session": header.number,
                "media": one.label.name,
                "scenario": header.scenario_name,
                "job": header.job_id,
            }
            try:
                merge_session(catalog, one, header, key_of(header) if header.encrypted else None)
            except CredentialsError:
                report("W5136", **names)
            except ArcxoError as error:
                if error.code in _PASSING:
                    continue
                report("W5137", **names, details=str(error))
            else:
                recovered += 1
                report("N5135", **names, at=datetime.now(UTC).isoformat())
    return recovered


def _batches(entries: Iterator[SessionEntry]) -> Iterator[list[SessionEntry]]:
    while batch := list(itertools.islice(entries, _ROWS_AT_ONCE)):
        yield batch
