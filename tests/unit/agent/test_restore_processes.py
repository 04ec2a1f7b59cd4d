"""The processes of one large restore: one of them killed, or the one that they help."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.agent.api import RestoreOrder, RestoreResult, UndoOrder
from app.agent.restores import Restores
from app.model.errors import ArcxoError
from app.model.job import Conflict, Structure
from tests.support.agent_processes import children_of, wait_until
from tests.support.media_samples import MASTER, back_up, new_media
from tests.support.trees import assert_identical
from tests.unit.agent.test_agent_restores import host, workers

__all__ = ["host"]
_FILES = 1300


def helpers() -> list[int]:
    return [one for worker in workers() for one in children_of(worker, "app.agent.restore_helper")]


@pytest.fixture
def order(tmp_path: Path) -> RestoreOrder:
    source = tmp_path / "source"
    for number in range(_FILES):
        folder = source / f"{number % 40}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_bytes(b"%d" % number * 50)
        if number % 20 == 0:
            (folder / f"{number}-again").hardlink_to(folder / f"{number}")
    # Large enough that it is still being made when the processes are there.
    (source / "large").write_bytes(os.urandom(48 << 20))
    media, out = new_media(tmp_path), tmp_path / "out"
    back_up(media, source)
    out.mkdir()
    targets = ((MASTER, os.fsencode(out)),)
    return RestoreOrder(1, 1, media, 1, (), targets, Conflict.OVERWRITE, Structure.NONE, undo_days=7)


def run(restores: Restores, order: RestoreOrder) -> Any:
    return [one for one in restores.restore(order, threading.Event()) if one is not None][-1]


@pytest.mark.deep
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor: no process helps")
@pytest.mark.parametrize("victims", [helpers, workers])
def test_one_of_them_is_killed_and_the_restore_comes_to_its_end(
    host: Any, order: RestoreOrder, tmp_path: Path, victims: Callable[[], list[int]]
) -> None:
    ended: list[Any] = []

    def restore() -> None:
        try:
            ended.append(run(host.restores, order))
        except ArcxoError as error:
            ended.append(error)

    thread = threading.Thread(target=restore)
    thread.start()
    wait_until(helpers)
    left = helpers()
    for victim in victims():
        os.kill(victim, signal.SIGKILL)
    thread.join(60)
    wait_until(lambda: not any(os.path.exists(f"/proc/{one}") for one in left))
    (first,) = ended
    if victims is workers:
        assert isinstance(first, ArcxoError)
        assert first.code == "AE1025"
        first = run(host.restores, order)
    assert isinstance(first, RestoreResult)
    assert (first.problems, first.mismatches) == (0, 0)
    assert_identical(tmp_path / "source", tmp_path / "out")
    list(host.restores.undo(UndoOrder(2, 1, 1, False, False), threading.Event()))
    assert not os.listdir(tmp_path / "out")
