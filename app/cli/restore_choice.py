"""Which session holds the instance of a path that a person means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.model.errors import NotFoundError
from app.model.job import RestoreSelection
from app.model.media import FileVersion, SessionInfo
from app.model.paths import shown
from app.services.api import Services


def session_of_path(
    services: Services, machine: str, path: bytes, as_of: datetime | None = None
) -> SessionInfo:
    """The newest session that holds `path`, or the newest one at or before `as_of` that does.

    Raises:
        NotFoundError: E1119 no session holds it (then).
    """
    versions = services.restores.versions(machine, path)
    if as_of is None:
        held = [version.last_session for version in versions]
    else:
        sessions = services.media.sessions()
        held = [
            session
            for version in versions
            for session in [*_between(version, sessions), version.first_session, version.last_session]
            if session.started_at <= as_of
        ]
    if not held:
        raise NotFoundError("E1119", path=shown(path), machine=machine)
    return max(held, key=lambda session: (session.started_at, session.number))


def group_by_session(found: Iterable[tuple[str, int, bytes]]) -> tuple[RestoreSelection, ...]:
    """(media serial, session, path) triples as one selection for each session, in the order met."""
    grouped: dict[tuple[str, int], list[bytes]] = {}
    for serial, number, path in found:
        grouped.setdefault((serial, number), []).append(path)
    return tuple(
        RestoreSelection(serial, number, tuple(dict.fromkeys(paths)))
        for (serial, number), paths in grouped.items()
    )


def _between(version: FileVersion, sessions: Iterable[SessionInfo]) -> list[SessionInfo]:
    """The sessions from the first to the last that hold one version."""
    first, last = version.first_session, version.last_session
    return [
        session
        for session in sessions
        if (session.machine, session.entity) == (first.machine, first.entity)
        and session.scenario_id == first.scenario_id
        and first.started_at <= session.started_at <= last.started_at
    ]
