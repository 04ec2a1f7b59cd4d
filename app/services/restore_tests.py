"""Restore tests enter the queue here, with their passwords tried."""

from __future__ import annotations

import os

from app.model.errors import CredentialsError, UsageError
from app.model.job import Job, JobKind, Schedule
from app.services.connections import Connections


def submit_restore_test(
    connections: Connections,
    media: str,
    session: int,
    percent: int,
    scratch: str,
    password: str,
    schedule: Schedule,
) -> Job:
    """See `LocalMedia.restore_test`."""
    from app.jobs.key_ring import KeyRing
    from app.jobs.media_choice import named_media
    from app.jobs.submission import submit_media
    from app.media import api

    if not 1 <= percent <= 100:
        raise UsageError("E1163", percent=percent)
    one = named_media(connections.catalog, media)
    # Of the sessions that are there now; a test that runs again asks anew.
    headers = [api.read_session(one.path, session)] if session else list(api.sessions(one.path))[-1:]
    keys = KeyRing(one.path, [password] if password else [])
    for header in headers:
        if header.encrypted and not password:
            raise CredentialsError("E1133", session=header.number, media=one.label.name)
        if not keys.is_open(header):
            raise CredentialsError("E1134", session=header.number, media=one.label.name)
    return submit_media(
        connections.catalog,
        JobKind.RESTORE_TEST,
        {
            "media": one.label.serial,
            "session": str(session),
            "percent": str(percent),
            "scratch": os.path.abspath(scratch) if scratch else "",
        },
        store=connections.secrets,
        session_password=password,
        schedule=schedule,
    )
