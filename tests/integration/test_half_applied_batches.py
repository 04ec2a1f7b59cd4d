"""What taking back a batch needs stays as long as the disk refuses to take it back."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from app.replication.replica import replica, replica_store
from app.replication.replica.replica_store import ReplicaStore
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture


@pytest.mark.parametrize("rewind_minutes", [0, 60])
def test_tending_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewind_minutes: int) -> None:
    monkeypatch.setattr(replica, "_RETAIN_EVERY_S", 0.0)
    pair = Pair(tmp_path)
    try:
        pair.create(rewind_enabled=bool(rewind_minutes), rewind_minutes=rewind_minutes or 60)
        (pair.master / "old").write_text("content")
        pair.run()
        pair.settle()
        before = picture(pair.replica)

        def refuse(*_: object) -> None:
            raise OSError(errno.EIO, "refused")

        with monkeypatch.context() as patch:
            patch.setattr(ReplicaStore, "commit", refuse)
            patch.setattr(replica_store.steps, "undo", refuse)
            (pair.master / "old").unlink()
            until(lambda: not (pair.replica / "old").exists(), what="a half applied batch")
            ours = pair.replica_engine.replica_of(pair.id)
            until(lambda: ours.applier.half_applied, what="the refusal")
            pair.engine.close()
            until(lambda: not ours.streaming, what="the end of the stream")
            pair.replica_engine.tend()
        with ours.lock:
            ours.opened()
        assert picture(pair.replica) == before
    finally:
        pair.close()
