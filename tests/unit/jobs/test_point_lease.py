from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.agent.api import Agent, AnyPoint
from app.jobs.point_lease import kept_alive
from app.model.errors import ArcxoError
from tests.support.agent_processes import wait_until


class _Agent:
    def __init__(self, error: ArcxoError | None = None) -> None:
        self.renewed: list[str] = []
        self.error = error

    def renew_backup(self, point_id: str) -> None:
        self.renewed.append(point_id)
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, ArcxoError("AE1039", host="h", version="0", what="w")])
def test_the_point_of_the_moment_is_renewed_until_the_job_ends(error: ArcxoError | None) -> None:
    agent, point = _Agent(error), SimpleNamespace(id="first")
    with kept_alive(cast("Agent", agent), lambda: cast("AnyPoint", point), every_s=0.01):
        wait_until(lambda: agent.renewed.count("first") > 2)
        point.id = "second"
        wait_until(lambda: "second" in agent.renewed)
    count = len(agent.renewed)
    assert not any(one.name == "point-lease" for one in threading.enumerate())
    assert len(agent.renewed) == count


def test_a_killed_job_renews_nothing_more() -> None:
    agent = _Agent()

    def job() -> None:
        point: Any = SimpleNamespace(id="p")
        with kept_alive(cast("Agent", agent), lambda: point, every_s=60):
            raise RuntimeError("the job failed")

    with pytest.raises(RuntimeError):
        job()
    assert not any(one.name == "point-lease" for one in threading.enumerate())
