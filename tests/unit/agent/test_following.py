"""A backup begins to read while its point is still being frozen, and nothing is lost by that."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from app.agent.api import ArchiveOrder, BackupPoint
from app.agent.following import followed
from app.agent.role_process import RoleProcess
from app.backup.followed import FollowedManifest
from app.model.drift import DriftReport
from app.model.errors import ArcxoError, CanceledError
from app.replication.replica.engine import FrozenReplica
from app.snapshot.hardlink import HardLinkProvider
from tests.support.arcxo_command import until
from tests.unit.agent.test_backup_points import FrozenTree, Host


class SlowTree(FrozenTree):
    """Says how many freezes hold it."""

    held = 0

    @contextlib.contextmanager
    def freeze(self, scenario_id: int) -> Iterator[FrozenReplica]:
        self.held += 1
        try:
            with super().freeze(scenario_id) as frozen:
                yield frozen
        finally:
            self.held -= 1

    def drift(self, scenario_id: int, limit: int) -> DriftReport:
        assert self.held, "asked while the replica is held: it cannot be asked from elsewhere"
        return cast("DriftReport", type("Report", (), {"count": 0}))


class SlowHost(Host):
    """Its links wait for `go`."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(directory)
        self.tree.__class__ = SlowTree
        self.go = threading.Event()
        self.refused = False
        link = os.link

        def slow(*arguments: Any, **more: Any) -> None:
            if "src_dir_fd" in more:  # not the one that finds out whether links can be made
                assert self.go.wait(20)
                if self.refused:
                    raise OSError(28, "No space left on device")
            link(*arguments, **more)

        monkeypatch.setattr(os, "link", slow)

    def begin(self, job: int = 1) -> BackupPoint:
        return self.points.begin(self.scenario, "localhost", (("/", (0,)),), job, 1, early=True)

    def order(self, point: BackupPoint) -> ArchiveOrder:
        return ArchiveOrder(point.id, "/", "/no-media", 1, 1)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHost]:
    host = SlowHost(tmp_path, monkeypatch)
    yield host
    host.go.set()
    host.events.close()


def held(host: SlowHost) -> int:
    return cast("SlowTree", host.tree).held


def test_a_point_can_be_archived_before_all_of_it_is_frozen_and_the_applier_is_held_until_then(
    host: SlowHost,
) -> None:
    point = host.begin()
    task, manifests = host.points.archive_task(host.order(point))
    assert task.following
    assert list(manifests) == [b"/master"]
    waiting = threading.Thread(target=host.points.frozen, args=(point.id,))
    waiting.start()
    assert held(host)
    host.go.set()
    waiting.join(20)
    assert not held(host)
    assert (Path(os.fsdecode(task.roots[0].directory)) / "file").read_text() == "content"


def test_a_quiet_cut_is_proved_while_it_is_being_frozen(host: SlowHost) -> None:
    point = host.begin()
    proved = host.points.prove_quiet(point.id)
    assert proved is not None
    assert proved.consistency.value == "quiet"
    host.go.set()
    host.points.frozen(point.id)
    assert host.points.archive_task(host.order(point))[0].consistency.value == "quiet"


def test_a_point_is_kept_or_released_only_when_it_is_frozen(host: SlowHost) -> None:
    points = [host.begin(1).id]
    ending = threading.Thread(target=host.points.end, args=points, kwargs={"keep": True})
    ending.start()
    ending.join(0.05)
    assert ending.is_alive()
    host.go.set()
    ending.join(20)
    points += [host.begin(2).id]
    host.points.end(points[1], keep=False)
    assert host.snapshots() == {points[0]}


def test_a_job_that_begins_again_waits_for_what_it_began_before(host: SlowHost) -> None:
    host.begin()
    again: list[BackupPoint] = []
    beginning = threading.Thread(target=lambda: again.append(host.begin()))
    beginning.start()
    beginning.join(0.05)
    assert beginning.is_alive()
    host.go.set()
    beginning.join(20)
    host.points.frozen(again[0].id)
    assert host.snapshots() == {again[0].id}


def test_a_freeze_that_fails_later_is_told_to_whoever_follows_it_and_leaves_nothing(host: SlowHost) -> None:
    point = host.begin()
    host.refused = True
    host.go.set()
    for ask in (lambda: host.points.frozen(point.id), lambda: host.points.archive_task(host.order(point))):
        with pytest.raises(ArcxoError) as caught:
            ask()
        assert caught.value.code == "AE0460"
    host.points.end(point.id, keep=True)
    assert host.snapshots() == set()
    assert not held(host)


def test_what_a_crash_leaves_of_a_freeze_is_released(host: SlowHost) -> None:
    host.begin()
    later = host.start()  # the file as the next process finds it
    host.go.set()
    until(lambda: not held(host), "the freeze to end")
    later.releases.release_abandoned()
    later.releases.tend()
    assert host.snapshots() == set()


class Replica:
    """A replica's process that answers how a freeze went."""

    def __init__(self, error: ArcxoError | None) -> None:
        self.error = error

    def call(self, method: str, point_id: str, *, timeout_s: float) -> None:
        assert (method, point_id) == ("frozen", "p")
        if self.error is not None:
            raise self.error


def read_until_stopped(replica: Replica) -> None:
    with followed(cast("RoleProcess", replica), "p", threading.Event(), following=True) as stop:
        until(stop.is_set, "the worker to be stopped")
        raise CanceledError("E4290")


def read_at_once(replica: Replica) -> None:
    with followed(cast("RoleProcess", replica), "p", threading.Event(), following=True):
        pass


@pytest.mark.parametrize("read", [read_until_stopped, read_at_once])
def test_the_failure_of_a_freeze_stops_the_worker_and_is_what_is_raised(
    read: Callable[[Replica], None],
) -> None:
    with pytest.raises(ArcxoError) as caught:
        read(Replica(ArcxoError("AE0460", name="n", id=1, host="h", reason="r")))
    assert caught.value.code == "AE0460"


def test_a_caller_that_is_gone_stops_the_worker_of_a_freeze_too() -> None:
    gone = threading.Event()
    with followed(cast("RoleProcess", Replica(None)), "p", gone, following=True) as stop:
        assert not stop.is_set()
        gone.set()
        assert stop.is_set()


def test_a_manifest_without_an_end_is_waited_for_until_the_archive_is_canceled(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_text("x")
    made = HardLinkProvider().create(os.fsencode(tmp_path / "root"), os.fsencode(tmp_path), "s", None)
    assert made.manifest is not None
    whole = Path(os.fsdecode(made.manifest)).read_bytes()
    Path(os.fsdecode(made.manifest)).write_bytes(whole[:-3])
    canceled = threading.Event()
    rows = FollowedManifest(made.manifest, canceled.is_set).rows()
    assert [next(rows)[0], next(rows)[0]] == [b"", b"file"]
    canceled.set()
    with pytest.raises(CanceledError):
        next(rows)
