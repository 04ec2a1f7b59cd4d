"""What a purge by age takes, and how its plan is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.cli.purging import chosen_by_age, plan_text
from app.model.media import PurgePlan, SessionInfo
from tests.support.catalog_rows import START, session

DAY = timedelta(days=1)


def made(number: int, day: int, *, entity: str = "/", scenario_id: int = 7) -> SessionInfo:
    return replace(session(number, at=START + day * DAY, entity=entity), scenario_id=scenario_id)


SESSIONS = [made(1, 1), made(2, 2), made(3, 3), made(4, 1, entity="/srv"), made(5, 2, scenario_id=8)]


@pytest.mark.parametrize(
    ("before", "keep", "expected"),
    [(10, 1, [1, 2]), (2, 1, [1]), (10, 0, [1, 2, 3, 4, 5]), (10, 2, [1]), (0, 0, []), (10, 9, [])],
)
def test_the_newest_of_each_volume_stay_whatever_their_age(
    before: int, keep: int, expected: list[int]
) -> None:
    assert chosen_by_age(SESSIONS, START + before * DAY, keep) == expected


def test_a_plan_names_the_exact_bytes_and_what_stays() -> None:
    plan = PurgePlan("S", "M1", (2, 3), 4, 1_234_567, 2, 1000, 1_200_000, 1, 5_000_000, 3)
    told = plan_text(plan)
    assert "1,234,567 bytes" in told
    assert "2, 3; 4 remain" in told
    assert "1 backup(s) that run now" in told
    assert "4.8 MB stay in 3 pack(s)" in told or "4.8 MiB stay in 3 pack(s)" in told
    repacked = plan_text(PurgePlan("S", "M1", (2,), 4, 9_000, 2, repacks_bytes=5_000, repacks_packs=3))
    assert "3 pack(s) that are written anew" in repacked
    nothing = plan_text(PurgePlan("S", "M1", (), 4, 0, 0))
    assert "none; 4 remain" in nothing
    assert "stay" not in nothing
