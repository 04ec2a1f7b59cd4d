"""Which session a path is restored from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli.restore_choice import group_by_session, session_of_path
from app.model.entry import EntryKind
from app.model.errors import NotFoundError
from app.model.job import RestoreSelection
from app.model.media import Consistency, FileVersion, SessionInfo

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
PATH = b"/data/file"


def session(number: int) -> SessionInfo:
    at = WHEN + timedelta(days=number)
    return SessionInfo(
        media_serial="S1",
        media_name="M",
        media_id="0001",
        number=number,
        job_id=number,
        scenario_id=7,
        scenario_name="files",
        machine="localhost",
        replica="localhost",
        entity="/",
        started_at=at,
        finished_at=at + timedelta(minutes=1),
        files=1,
        directories=1,
        size_bytes=1,
        new_bytes=1,
        stored_bytes=1,
        consistency=Consistency.QUIET,
        snapshot_provider="hard links",
    )


def version(first: int, last: int) -> FileVersion:
    return FileVersion("localhost", PATH, EntryKind.FILE, 1, 1, "c", session(first), session(last))


def services(versions: list[FileVersion], count: int = 9) -> Any:
    return SimpleNamespace(
        restores=SimpleNamespace(versions=lambda _machine, _path: versions),
        media=SimpleNamespace(sessions=lambda: [session(number) for number in range(1, count + 1)]),
    )


def test_the_newest_session_that_holds_the_path_is_taken() -> None:
    assert session_of_path(services([version(5, 8), version(1, 3)]), "localhost", PATH).number == 8


@pytest.mark.parametrize(("day", "expected"), [(9, 8), (7, 7), (5, 5), (4, 3), (2, 2)])
def test_as_of_takes_the_newest_session_not_after_it(day: int, expected: int) -> None:
    found = session_of_path(
        services([version(5, 8), version(1, 3)]), "localhost", PATH, WHEN + timedelta(days=day, hours=1)
    )
    assert found.number == expected


def test_a_path_that_no_session_holds_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="E1119"):
        session_of_path(services([]), "localhost", PATH)
    with pytest.raises(NotFoundError, match="E1119"):
        session_of_path(services([version(2, 3)]), "localhost", PATH, WHEN)


def test_paths_are_grouped_by_session_without_repeats() -> None:
    grouped = group_by_session([("S", 1, b"/a"), ("S", 2, b"/b"), ("S", 1, b"/c"), ("S", 1, b"/a")])
    assert grouped == (RestoreSelection("S", 1, (b"/a", b"/c")), RestoreSelection("S", 2, (b"/b",)))
