"""Replicas that are held until a time: resumed then, by hand before, over restarts of the engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.model.errors import UsageError
from app.model.scenario import ReplicaState
from tests.support.replication_group import Group
from tests.support.replication_pair import until


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    made = Group(tmp_path, "one", "two")
    (made.master / "file").write_text("x")
    yield made
    made.close()


def in_(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def shown(group: Group, host: str) -> datetime | None:
    return next(one for one in group.engine.status(group.id).replicas if one.host == host).suspended_until


def test_a_replica_is_resumed_when_its_time_has_come_and_others_stay(group: Group) -> None:
    group.run()
    soon, later = in_(0.8), in_(3600)
    group.engine.suspend(group.id, "one", soon)
    group.engine.suspend(group.id, "two", later)
    (group.master / "new").write_bytes(os.urandom(10_000))
    assert (shown(group, "one"), shown(group, "two")) == (soon, later)
    group.wait_same("one")
    assert datetime.now(UTC) >= soon
    assert shown(group, "one") is None
    assert shown(group, "two") == later
    assert not group.same("two")
    group.engine.resume(group.id, "two")
    group.wait_same("two")
    assert shown(group, "two") is None


def test_another_time_or_none_replaces_the_first_and_a_past_one_is_refused(group: Group) -> None:
    group.run()
    group.engine.suspend(group.id, "one", in_(0.5))
    group.engine.suspend(group.id, "one")
    assert shown(group, "one") is None
    for wrong in (in_(-1), in_(400 * 86_400), datetime(2999, 1, 1)):  # noqa: DTZ001 - without a zone
        with pytest.raises(UsageError, match="ER00244"):
            group.engine.suspend(group.id, "one", wrong)
    group.engine.suspend(group.id, "two", in_(0.3))
    until(lambda: all(one.suspended_until is None for one in group.engine.status(group.id).replicas))
    group.wait("two", ReplicaState.REPLICATING)
    assert group.engine.status(group.id).replicas[0].state is ReplicaState.SUSPENDED


def test_the_time_holds_over_a_restart_and_one_that_passed_meanwhile_is_resumed(group: Group) -> None:
    group.run()
    later = in_(3600)
    group.engine.suspend(group.id, "two", later)
    group.engine.suspend(group.id, "one", in_(0.2))
    group.engine.close()
    group.engine = group.open_engine()
    assert shown(group, "two") in (None, later)
    until(lambda: shown(group, "two") == later)
    (group.master / "new").write_bytes(os.urandom(10_000))
    group.wait_same("one")
    assert not group.same("two")


@pytest.mark.deep
def test_stopping_forgets_the_time(group: Group) -> None:
    group.run()
    group.engine.suspend(group.id, "one", in_(3600))
    group.engine.stop(group.id)
    group.engine.run(group.id)
    group.wait_same("one")
    assert shown(group, "one") is None
