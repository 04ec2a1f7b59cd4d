"""A session's header as the catalog records it, and which headers it has not recorded."""

from __future__ import annotations

from app.catalog.api import Catalog
from app.jobs.media_choice import OnlineMedia
from app.media import api as media
from app.media.api import Label, SessionHeader
from app.model.media import SessionInfo


def session_info(header: SessionHeader, label: Label) -> SessionInfo:
    """A session's header as the catalog records it. What it says of `written_at` is when it was committed."""
    return SessionInfo(
        media_serial=label.serial,
        media_name=label.name,
        media_id=label.media_id,
        number=header.number,
        job_id=header.job_id,
        scenario_id=header.scenario_id or None,
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
        origin_serial=header.origin_serial,
        origin_number=header.origin_number,
        filters=header.filters,
        left_out=header.left_out,
    )


def missing_sessions(catalog: Catalog, one: OnlineMedia) -> list[SessionHeader]:
    """The committed sessions of a media that the catalog does not have, by number."""
    known = {session.number for session in catalog.sessions.list(one.label.serial)}
    return [header for header in media.sessions(one.path) if header.number not in known]
