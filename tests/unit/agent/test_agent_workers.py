from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.api import ArchiveResult
from app.agent.children import Spawner
from app.agent.workers import SpareWorker, run_archive
from app.media.api import sessions
from app.model.errors import ArcxoError, CanceledError
from tests.support.agent_processes import children_of, wait_until
from tests.support.media_samples import archive_task, new_media


@pytest.fixture
def spawner(tmp_path: Path) -> Iterator[Spawner]:
    fd = os.open(tmp_path, os.O_RDONLY)
    made = Spawner(fd, str(tmp_path / "worker.log"))
    yield made
    made.close()
    os.close(fd)


def workers() -> list[int]:
    return children_of(os.getpid(), "app.agent.worker_main")


def test_a_tree_is_archived_by_a_worker(spawner: Spawner, source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    task = archive_task(media, source)
    events = list(run_archive(spawner, task, {}, threading.Event()))
    result = events[-1]
    assert isinstance(result, ArchiveResult)
    assert [header.number for header in sessions(media)] == [result.session]
    assert workers() == []


def test_errors_of_the_work_arrive_as_themselves(spawner: Spawner, source: Path, tmp_path: Path) -> None:
    task = archive_task(str(tmp_path / "no-media"), source)
    with pytest.raises(ArcxoError) as caught:
        list(run_archive(spawner, task, {}, threading.Event()))
    assert caught.value.code.startswith("E41")


def test_a_worker_that_dies_fails_the_archive_and_leaves_no_session(
    spawner: Spawner, source: Path, tmp_path: Path
) -> None:
    media = new_media(tmp_path)
    (source / "big").write_bytes(os.urandom(64 << 20))
    stream = run_archive(spawner, archive_task(media, source), {}, threading.Event())
    next(stream)
    os.kill(workers()[0], signal.SIGKILL)
    with pytest.raises(ArcxoError) as caught:
        list(stream)
    assert caught.value.code == "AE0458"
    assert caught.value.params["reason"] == "the worker ended with -9"
    assert list(sessions(media)) == []


def test_a_caller_that_goes_away_ends_the_worker(spawner: Spawner, source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    (source / "big").write_bytes(os.urandom(64 << 20))
    gone = threading.Event()
    stream = run_archive(spawner, archive_task(media, source), {}, gone)
    next(stream)
    gone.set()
    with pytest.raises(CanceledError):
        list(stream)
    wait_until(lambda: not workers())
    assert list(sessions(media)) == []


def test_dropping_the_iterator_ends_the_worker(spawner: Spawner, source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    (source / "big").write_bytes(os.urandom(64 << 20))
    stream = run_archive(spawner, archive_task(media, source), {}, threading.Event())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert workers() == []


def test_a_spare_worker_is_taken_once_and_a_dead_one_replaced(spawner: Spawner) -> None:
    spare = SpareWorker(spawner)
    spare.prepare()
    wait_until(lambda: len(workers()) == 1)
    first = spare.take()
    assert [first.process.pid] == workers()
    second = spare.take()
    assert second.process.pid != first.process.pid
    first.end()
    second.end()
    spare.prepare()
    wait_until(lambda: len(workers()) == 1)
    dead = workers()[0]
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: ") Z " in Path(f"/proc/{dead}/stat").read_text())
    third = spare.take()
    assert third.process.poll() is None
    third.end()
    spare.prepare()
    wait_until(lambda: len(workers()) == 1)
    spare.close()
    assert workers() == []
    spare.prepare()
    assert workers() == []
