"""Backup points: kept, given up for space, tried again, and never stranded."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from app.agent import point_files, point_releases
from app.agent.api import ArchiveOrder
from app.agent.backup_points import BackupPoints
from app.agent.home import AgentHome
from app.messages import render
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.job import VerifyMode
from app.model.media import Consistency
from app.model.rewind import PointKind
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ScenarioProperties, ServerType
from app.replication.events import EventStore
from app.replication.replica.engine import LOOK_WAIT_S, FrozenReplica, ReplicaEngine


class FrozenTree:
    """An engine that has one replica and lets it be frozen."""

    def __init__(self, scenario: Scenario, root: Path, side: Path) -> None:
        self.scenario, self.root, self.side = scenario, root, side
        self.points: list[str] = []
        self.incarnation = "one"
        self.looking = False
        self.stamps: list[tuple[int, bytes, str]] = []

    def stamp(self, path: bytes, kind: str = "changed") -> None:
        """Note a change of a path, as the applier would."""
        self.stamps.append((len(self.stamps) + 2, path, kind))

    @contextlib.contextmanager
    def freeze(self, scenario_id: int) -> Iterator[FrozenReplica]:
        roots, sides = (os.fsencode(self.root),), (os.fsencode(self.side),)
        now, change = datetime.now(UTC), len(self.stamps) + 1
        yield FrozenReplica(self.scenario, roots, sides, self.incarnation, change, now, Consistency.FUZZY)

    def is_look_awaited(self, scenario_id: int) -> bool:
        return self.looking

    def knows_changes(self, scenario_id: int, bases: Sequence[tuple[str, int]]) -> bool:
        return True

    def changed_since(
        self, scenario_id: int, incarnation: str, change: int, *, looked: bool = False
    ) -> list[tuple[int, bytes, str]] | None:
        if incarnation != self.incarnation:
            return None
        newest = {path: kind for at, path, kind in self.stamps if at > change}
        return [(0, path, kind) for path, kind in sorted(newest.items())]

    def add_point(self, scenario_id: int, kind: PointKind, text: str) -> None:
        assert (scenario_id, kind) == (self.scenario.id, PointKind.SNAPSHOT)
        self.points.append(text)


class Host:
    """Points of one replica; `full` says whether its volume is short of space."""

    def __init__(self, directory: Path, keep: int = 10) -> None:
        root, side = directory / "replica", directory / "side"
        root.mkdir()
        side.mkdir()
        (root / "file").write_text("content")
        self.scenario = Scenario(
            7,
            "Files",
            ServerType.FILE_SERVER,
            ProductType.DR,
            "localhost",
            (Root(b"/master"),),
            (ReplicaSpec("localhost", (os.fsencode(root),)),),
            properties=ScenarioProperties(snapshots_to_keep=keep),
        )
        self.home = AgentHome(str(directory / "home"))
        self.side = side
        self.events = EventStore(str(directory / "events.sqlite3"), "localhost")
        self.tree = FrozenTree(self.scenario, root, side)
        self.engine = cast("ReplicaEngine", self.tree)
        self.full = False
        self.points = self.start()

    def start(self) -> BackupPoints:
        """The points as the next process sees them."""
        return BackupPoints(self.home, self.engine, self.events, lambda _: self.full)

    def keep_one(self, job: int) -> str:
        """Change a file, make a point and keep it."""
        (self.tree.root / "file").unlink()
        (self.tree.root / "file").write_text(f"content {job}")
        self.tree.stamp(b"file")
        point = self.points.begin(self.scenario, "localhost", (("/", (0,)),), job, 1)
        self.points.end(point.id, keep=True)
        return point.id

    def snapshots(self) -> set[str]:
        """The points whose snapshots are on the volume."""
        area = self.side / "snapshots"
        there = {path.name for path in area.iterdir()} if area.exists() else set()
        points = point_files.PointFiles(self.home.directory("points")).all()
        used = {os.path.basename(one.container).decode(): p.id for p in points for one in p.snapshots()}
        assert there == set(used), "nothing lies there that no point knows of"
        return set(used.values())

    def codes(self) -> list[str]:
        """The events so far."""
        return [event.code for event in self.events.newer_than(0)]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.events.close()


@pytest.mark.parametrize("keep", [False, True])
def test_a_point_is_in_use_until_its_end(host: Host, keep: bool) -> None:
    assert not host.points.releases.is_in_use
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)
    assert host.points.releases.is_in_use
    host.points.end(point.id, keep=keep)
    assert not host.points.releases.is_in_use
    assert not host.start().releases.is_in_use


def test_what_checks_a_list_of_changes_says_that_it_waits_for_the_look_at_all_paths(host: Host) -> None:
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)
    audit = ArchiveOrder(
        point.id,
        "/",
        "media",
        1,
        1,
        base_session=1,
        base_incarnation="one",
        base_change=1,
        verify=VerifyMode.AUDIT,
    )
    assert host.points.look_waited_for(audit) == 0
    host.tree.looking = True
    assert host.points.look_waited_for(audit) == LOOK_WAIT_S
    assert host.points.look_waited_for(replace(audit, verify=VerifyMode.COMPARE)) == LOOK_WAIT_S
    # These read no list of changes, or look at what is listed by themselves.
    assert host.points.look_waited_for(replace(audit, verify=VerifyMode.NONE)) == 0
    assert host.points.look_waited_for(replace(audit, base_session=0)) == 0
    assert host.points.look_waited_for(replace(audit, base_incarnation="another")) == 0
    assert host.points.look_waited_for(replace(audit, point_id="none")) == 0


def test_kept_snapshots_stay_while_there_is_space(host: Host) -> None:
    kept = {host.keep_one(job) for job in (1, 2, 3)}
    host.points.releases.tend()
    assert host.snapshots() == kept
    assert host.codes() == []


def test_a_volume_short_of_space_gives_up_the_oldest_kept_snapshot_first(host: Host) -> None:
    _, second, third = [host.keep_one(job) for job in (1, 2, 3)]
    host.full = True
    host.points.releases.tend()
    assert host.snapshots() == {second, third}
    assert host.codes() == ["AW1002"]
    host.full = False
    host.points.releases.tend()
    assert host.snapshots() == {second, third}


def test_a_point_in_use_is_not_given_up_for_space(host: Host) -> None:
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)
    host.full = True
    host.points.releases.tend()
    assert host.snapshots() == {point.id}


def test_a_point_is_given_up_minutes_after_its_server_was_last_heard(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.agent.point_releases.time.monotonic", lambda: now[0])
    host.points = host.start()
    silent = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 2, 1)
    kept = host.keep_one(3)
    for one in (point.id, kept):
        host.points.releases.renew(one)
    now[0] += point_releases.LEASE_S - 1
    host.points.releases.renew(point.id)
    now[0] += point_releases.LEASE_S - 1
    host.points.releases.tend()
    assert host.snapshots() == {silent.id, point.id, kept}
    now[0] += 2
    host.points.releases.tend()
    assert host.snapshots() == {silent.id, kept}
    for gone in (point.id, "never"):
        with pytest.raises(NotFoundError, match="AE1024"):
            host.points.releases.renew(gone)
    now[0] += point_releases.IDLE_S
    host.points.releases.tend()
    assert host.snapshots() == {kept}


def test_more_snapshots_than_the_scenario_keeps_are_released(tmp_path: Path) -> None:
    host = Host(tmp_path, keep=2)
    _, second, third = [host.keep_one(job) for job in (1, 2, 3)]
    host.points.releases.tend()
    assert host.snapshots() == {second, third}
    host.events.close()


def test_a_scenario_that_keeps_no_snapshots_leaves_none(tmp_path: Path) -> None:
    host = Host(tmp_path, keep=0)
    host.keep_one(1)
    host.points.releases.tend()
    assert host.snapshots() == set()
    host.events.close()


def test_a_snapshot_that_cannot_be_released_is_told_once_and_released_later(
    host: Host, monkeypatch: pytest.MonkeyPatch, expected_log: Callable[[str], None]
) -> None:
    expected_log("could not be released")
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)

    def refuse(snapshot: Any) -> None:
        raise ArcxoError("E4192", path="p", cause="busy")

    with monkeypatch.context() as patched:
        patched.setattr(point_releases, "release", refuse)
        host.points.end(point.id, keep=False)
        host.points.releases.tend()
    assert host.codes() == ["AE0461"]
    assert host.snapshots() == {point.id}
    host.points = host.start()
    host.points.releases.tend()
    assert host.snapshots() == set()


def test_a_point_whose_release_began_cannot_be_archived(
    host: Host, monkeypatch: pytest.MonkeyPatch, expected_log: Callable[[str], None]
) -> None:
    expected_log("could not be released")
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)

    def refuse(snapshot: Any) -> None:
        raise ArcxoError("E4192", path="p", cause="busy")

    monkeypatch.setattr(point_releases, "release", refuse)
    host.points.end(point.id, keep=False)
    from app.agent.api import ArchiveOrder

    with pytest.raises(ArcxoError) as raised:
        host.points.archive_task(ArchiveOrder(point.id, "/", "/media", 1, 1))
    assert raised.value.code == "AE1024"


def test_a_disk_that_fails_while_freezing_leaves_no_point(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(point_files.PointFiles, "write", full)
    with pytest.raises(ArcxoError) as raised:
        host.keep_one(1)
    assert raised.value.code == "AE0460"
    assert render("AE0460", raised.value.params).text.endswith(": No space left on device")
    assert os.listdir(host.home.directory("points")) == []


def test_a_damaged_point_file_keeps_no_other_point_from_its_end(
    host: Host, expected_log: Callable[[str], None]
) -> None:
    expected_log("cannot be understood")
    good = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 1, 1)
    Path(host.home.directory("points"), "damaged.json").write_text(json.dumps({"version": 9}))
    host.points = host.start()
    host.points.releases.release_abandoned()
    host.points.releases.tend()
    assert good.id not in host.snapshots()


def test_an_older_fence_is_refused(host: Host) -> None:
    host.points.check_fence(5, 3)
    with pytest.raises(BusyError) as raised:
        host.points.check_fence(5, 2)
    assert raised.value.code == "AE1023"


def test_a_volume_with_room_is_not_short_of_space(monkeypatch: pytest.MonkeyPatch) -> None:
    def volume(free: int, inodes: int) -> os.statvfs_result:
        return os.statvfs_result((4096, 4096, 1000, free, free, 1000, inodes, inodes, 0, 255))

    monkeypatch.setattr(os, "statvfs", lambda _: volume(51, 51))
    assert not point_releases.is_short_of_space(b"/")
    monkeypatch.setattr(os, "statvfs", lambda _: volume(49, 51))
    assert point_releases.is_short_of_space(b"/")
    monkeypatch.setattr(os, "statvfs", lambda _: volume(51, 49))
    assert point_releases.is_short_of_space(b"/")
