"""A walk and the recorder at work at the same time: nothing falls between what both of them have seen."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.support.replication_pair import Pair, until


def test_what_comes_back_while_it_is_being_recorded_as_gone_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path)
    (pair.master / "folder").mkdir()
    (pair.master / "folder/file").write_text("content")
    pair.run(brake_percent=0)
    pair.settle()
    parts = pair.engine._runs._running[pair.id]._parts
    recorder, source = parts.recorder, parts.sweeps._sources[0]
    gone, walking, go_on = threading.Event(), threading.Event(), threading.Event()
    commit, begin_check, on_event = recorder._outlet.commit, source.begin_check, source.on_event

    def slow_commit() -> None:
        gone.set()
        go_on.wait(20)
        commit()

    def begin(**how: bool) -> None:
        begin_check(**how)
        walking.set()

    def drop(event: object) -> None:
        # As for a directory that is on its way from one place to another: a walk has to find it.
        if event.wd == source._cookie_wd:
            on_event(event)

    try:
        with recorder.between_batches():
            # Told of, though nothing is written.
            (pair.master / "folder/file").open("r+").close()
            until(lambda: recorder.hints._busy)
            monkeypatch.setattr(source, "on_event", drop)
            monkeypatch.setattr(recorder._outlet, "commit", slow_commit)
            os.rename(pair.master / "folder", tmp_path / "other/folder")
        assert gone.wait(20)
        os.rename(tmp_path / "other/folder", pair.master / "folder")
        monkeypatch.setattr(source, "begin_check", begin)
        source._listener.doubtful()
        assert walking.wait(20)
        # Time for the walk to get ahead of what is being recorded, which it must not.
        go_on.wait(0.2)
        go_on.set()
        pair.assert_equal()
        assert (pair.replica / "folder/file").read_text() == "content"
    finally:
        go_on.set()
        pair.close()
