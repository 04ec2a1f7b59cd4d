"""Restores of a host: in workers, gone on with after a kill, taken back; what waits for a program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.agent.api import RestoreOrder, RestoreResult, UndoOrder
from app.agent.children import Spawner
from app.agent.restores import Restores
from app.model.archive import Progress, RestoreItems, UndoItems
from app.model.errors import ArcxoError, BusyError, CanceledError, NotFoundError, Problem
from app.model.job import Conflict, Structure
from app.model.restore import RestoreAction, RestorePlan, UndoResult
from app.replication.events import EventStore
from tests.support.agent_processes import children_of, wait_until
from tests.support.media_samples import MASTER, back_up, new_media
from tests.support.trees import assert_identical


class Host:
    """The restores of a home without an agent around them."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        (self.home / "engine").mkdir(parents=True)
        self._fd = os.open(directory, os.O_RDONLY)
        self._spawner = Spawner(self._fd, str(directory / "worker.log"))
        self.events = EventStore(str(directory / "events.sqlite3"), "localhost", repair=True)
        self.restores = self.another()

    def another(self) -> Restores:
        """As the next start of the agent has them."""
        engine = str(self.home / "engine")
        return Restores(str(self.home), engine, self._spawner, cast("Any", None), self.events)

    def run(self, order: RestoreOrder) -> list[Any]:
        return [event for event in self.restores.restore(order, threading.Event()) if event is not None]

    def undo(self, job_id: int, *, force: bool = False, plan_only: bool = False) -> list[Any]:
        order = UndoOrder(2, 1, job_id, force, plan_only)
        return [event for event in self.restores.undo(order, threading.Event()) if event is not None]

    def kept(self) -> list[str]:
        return [one for one in os.listdir(self.home / "engine/restores") if "." in one]

    def close(self) -> None:
        self.restores.close()
        self._spawner.close()
        self.events.close()
        os.close(self._fd)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


def order_of(media: str, out: Path, **more: Any) -> RestoreOrder:
    targets = ((MASTER, os.fsencode(out)),)
    more.setdefault("undo_days", 7)
    return RestoreOrder(1, 1, media, 1, (), targets, Conflict.OVERWRITE, Structure.NONE, **more)


def workers() -> list[int]:
    return children_of(os.getpid(), "app.agent.worker_main")


def test_a_plan_comes_path_by_path_and_changes_nothing(host: Host, source: Path, tmp_path: Path) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    result, _ = back_up(media, source)
    events = host.run(order_of(media, out, plan_only=True))
    items = [item for event in events if isinstance(event, RestoreItems) for item in event.items]
    plan = events[-1]
    assert isinstance(plan, RestorePlan)
    # The destination itself is made, too.
    assert plan.counts[RestoreAction.CREATE] == len(items) == result.files + result.directories
    assert not out.exists()
    assert workers() == []
    few = host.run(order_of(media, out, plan_only=True, items_max=2))
    assert sum(len(event.items) for event in few if isinstance(event, RestoreItems)) == 2
    assert few[-1].counts == plan.counts


def told(events: list[Any]) -> dict[bytes, RestoreAction]:
    items = [item for event in events if isinstance(event, RestoreItems) for item in event.items]
    assert len({one.target for one in items}) == len(items)
    return {one.target: one.action for one in items}


def test_a_restore_tells_what_came_of_each_path_if_it_is_asked(
    host: Host, source: Path, tmp_path: Path
) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    result, _ = back_up(media, source)
    first = told(host.run(order_of(media, out, tell_items=True)))
    # The destination itself is there by then.
    assert len(first) == result.files + result.directories - 1
    assert set(first.values()) == {RestoreAction.CREATE}
    extra = out / "extra"
    extra.write_text("x")
    again = told(host.run(replace(order_of(media, out, tell_items=True, exact=True), job_id=2)))
    assert again[os.fsencode(extra)] is RestoreAction.DELETE
    assert RestoreAction.OVERWRITE in again.values()
    assert told(host.run(replace(order_of(media, out), job_id=3))) == {}


def test_a_restore_is_kept_until_it_is_undone(host: Host, source: Path, tmp_path: Path) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "plain").mkdir()
    (out / "plain/one.txt").write_text("mine")
    back_up(media, source)
    result = host.run(order_of(media, out))[-1]
    assert isinstance(result, RestoreResult)
    assert (result.mismatches, result.kept_bytes) == (0, 4)
    assert_identical(source, out)
    (kept,) = host.restores.kept()
    assert (kept.job_id, kept.kept_bytes, kept.pending) == (1, 4, 0)
    assert kept.until_ns > time.time_ns() + 6 * 86_400 * 10**9
    planned = host.undo(1, plan_only=True)
    assert isinstance(planned[-1], UndoResult)
    assert any(isinstance(event, UndoItems) for event in planned)
    assert_identical(source, out)
    done = host.undo(1)[-1]
    assert isinstance(done, UndoResult)
    assert (done.brought_back, done.changed, done.problems) == (1, 0, 0)
    assert [path.name for path in out.rglob("*")] == ["plain", "one.txt"]
    assert (out / "plain/one.txt").read_text() == "mine"
    assert host.kept() == []
    with pytest.raises(NotFoundError, match="E4240"):
        host.undo(1)


def test_a_restore_without_a_way_back_keeps_nothing(host: Host, source: Path, tmp_path: Path) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "link").write_text("mine")
    back_up(media, source)
    host.run(order_of(media, out, undo_days=0))
    assert_identical(source, out)
    assert host.kept() == []


def test_more_than_may_be_kept_is_refused_before_anything_is_done(
    host: Host, source: Path, tmp_path: Path
) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    (out / "plain").mkdir(parents=True)
    (out / "plain/one.txt").write_text("mine")
    back_up(media, source)
    with pytest.raises(ArcxoError, match="E4236"):
        host.run(order_of(media, out, undo_max_bytes=3))
    assert [path.name for path in out.rglob("*")] == ["plain", "one.txt"]


def test_a_worker_that_is_killed_is_gone_on_with(host: Host, tmp_path: Path) -> None:
    source, media, out = tmp_path / "many", new_media(tmp_path), tmp_path / "out"
    source.mkdir()
    for number in range(6000):
        (source / f"file-{number}").write_bytes(b"%d " % number * 200)
    back_up(media, source)
    order = order_of(media, out)
    stream = host.restores.restore(order, threading.Event())
    for event in stream:
        if isinstance(event, Progress) and event.files >= 500:
            break
    os.kill(workers()[0], signal.SIGKILL)
    with pytest.raises(ArcxoError, match="AE1025"):
        list(stream)
    wait_until(lambda: workers() == [])
    host.restores = host.another()
    result = host.run(replace(order, fence=2))[-1]
    assert isinstance(result, RestoreResult)
    assert result.resumed >= 500
    assert (result.files, result.mismatches, result.problems) == (6000, 0, 0)
    assert_identical(source, out)
    host.undo(1)
    assert not out.exists()


def test_a_stop_is_honoured_at_once(host: Host, tmp_path: Path) -> None:
    source, media = tmp_path / "many", new_media(tmp_path)
    source.mkdir()
    (source / "big").write_bytes(os.urandom(96 << 20))
    back_up(media, source)
    gone = threading.Event()
    stream = host.restores.restore(order_of(media, tmp_path / "out"), gone)
    next(filter(None, stream))  # it has begun: None is a sign of life
    gone.set()
    began = time.monotonic()
    with pytest.raises(CanceledError):
        list(stream)
    assert workers() == []
    assert time.monotonic() - began < 5
    assert [name for name in os.listdir(tmp_path / "out") if name.startswith(".arcxo")] == []


def test_the_home_and_the_media_are_never_restored_over(host: Host, source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source)
    with pytest.raises(ArcxoError, match="E4243"):
        host.run(order_of(media, host.home / "engine"))
    with pytest.raises(ArcxoError, match="E4243"):
        host.run(order_of(media, Path(media) / "packs"))
    # Above them, what would become a part of them is left out and told.
    (source / "home").mkdir()
    (source / "home/engine").mkdir()
    (source / "home/engine/agent.json").write_text("hostile")
    back_up(media, source)
    told = host.run(replace(order_of(media, tmp_path), session=2))
    codes = [(event.code, event.path) for event in told if isinstance(event, Problem)]
    assert ("E4233", MASTER + b"/home") in codes
    assert not (host.home / "engine/agent.json").exists()


class Busy:
    """A program that has a file open for writing."""

    def __init__(self, path: Path) -> None:
        with path.open("ab") as file:
            self._process = subprocess.Popen(["sleep", "600"], stdout=file)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def test_a_file_that_a_program_has_open_waits_and_takes_its_place_when_the_program_ends(
    host: Host, source: Path, tmp_path: Path
) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    back_up(media, source)
    shutil.copytree(source / "plain", out / "plain")
    live = out / "plain/inner/two.bin"
    live.write_bytes(b"in use")
    program = Busy(live)
    try:
        events = host.run(order_of(media, out, leave_open=True))
        assert [event.code for event in events if isinstance(event, Problem)] == ["W4238"]
        assert events[-1].pending == 1
        assert live.read_bytes() == b"in use"
        waiting = live.with_name("two.bin.TMP")
        assert waiting.read_bytes() == (source / "plain/inner/two.bin").read_bytes()
        # The agent was started again meanwhile.
        host.restores = host.another()
        host.restores.tend()
        (pending,) = host.restores.pending()
        assert (pending.job_id, pending.target, pending.waiting) == (
            1,
            os.fsencode(live),
            os.fsencode(waiting),
        )
        assert host.restores.kept()[0].pending == 1
    finally:
        program.end()
    wait_until(lambda: list(host.restores.pending()) == [], 60)
    assert live.read_bytes() == (source / "plain/inner/two.bin").read_bytes()
    assert not waiting.exists()
    wait_until(lambda: [event.code for event in host.events.newer_than(0, 10)] == ["AN1051"], 60)
    wait_until(lambda: _can_undo(host), 60)
    assert live.read_bytes() == b"in use"


def test_an_undo_takes_away_what_waits(host: Host, source: Path, tmp_path: Path) -> None:
    media, out = new_media(tmp_path), tmp_path / "out"
    back_up(media, source)
    (out / "plain").mkdir(parents=True)
    live = out / "plain/one.txt"
    live.write_bytes(b"in use")
    program = Busy(live)
    try:
        host.run(order_of(media, out, leave_open=True))
        assert (out / "plain/one.txt.TMP").exists()
        host.undo(1)
        assert [path.name for path in out.rglob("*")] == ["plain", "one.txt"]
        assert live.read_bytes() == b"in use"
        assert list(host.restores.pending()) == []
    finally:
        program.end()


def _can_undo(host: Host) -> bool:
    try:
        return host.undo(1)[-1].problems == 0
    except BusyError:
        return False
