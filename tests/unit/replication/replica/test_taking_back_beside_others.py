"""A batch that fails, or is cut, is taken back although others changed directories meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.records import Remove
from app.replication.replica.replica_store import ReplicaStore
from tests.support.faults import Cut
from tests.support.replica_tree import begin_stream, make, open_store, picture, put


def _remove(directory: Path) -> None:
    (directory / "deeper").rmdir()
    directory.rmdir()


def _put_something_else(directory: Path) -> None:
    _remove(directory)
    directory.write_text("of somebody else")


@pytest.mark.parametrize("meanwhile", [_remove, _put_something_else])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "refused"), Cut()], ids=["failed", "cut"])
def test_all_else_is_taken_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    meanwhile: Callable[[Path], None],
) -> None:
    state, root = tmp_path / "state", tmp_path / "one"
    store = open_store(state, root)
    applier = begin_stream(store)
    made = [make(b"d"), make(b"d/deeper"), put(b"d/deeper/file", b"old"), put(b"other", b"old")]
    applier.apply_stream("e", 1, made)
    before = picture(root)

    def commit(*_: object) -> None:
        meanwhile(root / "d")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ReplicaStore, "commit", commit)
        with pytest.raises((ArcxoError, Cut)) as told:
            applier.apply_stream("e", 5, [put(b"other", b"new"), Remove(0, b"d/deeper/file")])
    if isinstance(error, Cut):
        store.close()
        store = open_store(state, root)
        applier = begin_stream(store)
    else:
        assert isinstance(told.value, ArcxoError)
        assert told.value.code == "ER00408"
    now = picture(root)
    assert now[b"other"] == before[b"other"]
    if meanwhile is _remove:
        assert now[b"d/deeper/file"] == before[b"d/deeper/file"]
    assert store.change == store.index.position.change == len(made)
    applier.apply_stream("e", 5, [put(b"more", b"new")])
    lacking = [] if meanwhile is _remove else [(0, b"d", "ER00402")]
    assert store.index.troubles() == lacking
    assert os.listdir(store.trees[0].side.path + b"/new") == []
    store.close()
