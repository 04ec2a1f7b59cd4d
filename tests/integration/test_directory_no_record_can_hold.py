"""A directory that no record can hold any more keeps nothing of what is in it from being sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scenario import ScenarioState
from app.replication.master import recordable
from tests.support.capabilities import missing
from tests.support.replication_pair import Pair, until


@pytest.fixture
def attributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A pair with a recorded `folder`, whose attributes are more by now than a record takes."""
    pair = Pair(tmp_path)
    try:
        folder = pair.master / "folder"
        folder.mkdir()
        (folder / "file").write_text("content")
        pair.run()
        pair.settle()
        monkeypatch.setattr(recordable, "XATTRS_MAX_BYTES", 10)
        try:
            os.setxattr(folder, "user.more", b"more than ten bytes")
        except OSError as error:
            missing(f"extended attributes on {folder} ({error})")
        until(lambda: "WR00232" in pair.codes(), 10, "the refusal of the directory")
        yield pair
    finally:
        pair.close()


def test_what_is_in_it_is_sent_in_full_when_the_replica_asks(attributed: Pair) -> None:
    pair = attributed
    (pair.replica / "folder/file").unlink()
    recorder = pair.engine._runs._running[pair.id]._parts.recorder
    recorder.hints.add(0, b"folder/file", content=True, tree=True, force=True, delay=0.0)
    until((pair.replica / "folder/file").exists, 10, "the file")
    (pair.master / "other").write_text("other")
    until((pair.replica / "other").exists, 10, "what comes afterwards")
    status = pair.engine.status(pair.id)
    assert status.state is ScenarioState.REPLICATING
    assert [one.code for one in status.problems] == ["WR00232"]
