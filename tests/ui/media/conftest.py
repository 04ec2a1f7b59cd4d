"""The media managers on memory services with damage, copies and an offline media."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.model.events import ActivityRecord, Severity
from app.model.media import MediaInfo
from app.ui.media.manager import MediaManager
from tests.support.memory_services import GB, now


@pytest.fixture
def stored(services):
    """Two media online, one offline, session 60 damaged and copied to the second."""
    first = replace(services.media.media()[0], last_written_at=now())
    second = MediaInfo(
        "FSD-2026-B", "77B2", "B2", 1, "S2", "FSD-B", "GROUP1", now() - timedelta(days=3), 20 * GB, 1,
        expires_at=now() + timedelta(days=9),
    )  # fmt: skip
    away = replace(
        second, name="FSD-2025-C", serial="C3", set_id="S3", device="", online=False, expires_at=None
    )
    services.media_ = [first, second, away]
    sessions = [
        replace(one, damaged=True, verified_at=now() - timedelta(hours=1)) if one.number == 60 else one
        for one in services.sessions
    ]
    copy = replace(
        sessions[2], media_serial="B2", media_name="FSD-2026-B", number=4, origin_serial="A1B2C3",
        origin_number=60, damaged=False,
    )  # fmt: skip
    services.sessions = [*sessions, copy]
    services.activity = [
        ActivityRecord(
            901, Severity.INFORMATION, now(), "BKP-SRV-01", "N5165", 88,
            params={"media": "FSD-2026-A", "sessions": "4", "packs": "80", "damaged": "1"},
        ),
        ActivityRecord(
            900, Severity.ERROR, now(), "BKP-SRV-01", "E5164", 88,
            params={"object": "packs/ab", "sessions": "60", "files": "/srv/sales/a, b.csv, /srv/sales/q3"},
        ),
    ]  # fmt: skip
    return services


@pytest.fixture
def manager(stored, context, put_up):
    return put_up(MediaManager(context), 1230, 820)
