"""Restores of which other processes make a part: the same result, whatever becomes of them."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.backup.api import HelperProcess, RestoreTask, UndoTask, restore, undo
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError, CanceledError
from tests.support.media_samples import MASTER, Events, back_up, new_key, new_media
from tests.support.restore_helpers import ProcessHelper, ThreadHelper, helped
from tests.support.trees import assert_identical, fill, picture, without_folder_times

__all__ = ["helped"]
pytestmark = pytest.mark.usefixtures("helped")
FILES = 300


class Place:
    """A session of a tree with everything in it, and a destination."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.source, self.out, self.state = (directory / name for name in ("source", "out", "state"))
        self.source.mkdir()
        fill(self.source)
        for number in range(FILES):
            folder = self.source / f"folder-{number % 30}"
            folder.mkdir(exist_ok=True)
            (folder / f"file-{number}").write_bytes(b"%d " % number * (number % 400))
            if number % 10 == 0:
                (self.source / f"link-{number}").hardlink_to(folder / f"file-{number}")
        (self.source / "large").write_bytes(os.urandom(3 << 20))
        media = new_media(directory)
        key = new_key(media)
        back_up(media, self.source, key=key)
        self.out.mkdir()
        self.task = RestoreTask(
            media, 1, (), ((MASTER, os.fsencode(self.out)),),
            data_key=key.data_key, state=str(self.state), undo_days=7,
        )  # fmt: skip
        self.started: list[Any] = []

    def restore(self, start: Callable[[], HelperProcess], **more: Any) -> Events:
        def begin() -> HelperProcess:
            self.started.append(start())
            helper: HelperProcess = self.started[-1]
            return helper

        events = Events()
        self.result = restore(replace(self.task, **more), events, self.canceled, None, begin)
        return events

    def canceled(self) -> bool:
        return False

    def check(self, *, resumed: bool = False) -> None:
        assert_identical(self.source, self.out)
        assert (self.result.problems, self.result.mismatches) == (0, 0)
        assert (self.result.resumed > 0) == resumed
        undo(UndoTask(str(self.state), (os.fsencode(self.out),)), Events(), lambda: False)
        assert not os.listdir(self.out)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_processes_make_a_part_and_all_of_it_is_there_checked_and_undone(place: Place) -> None:
    place.restore(lambda: ProcessHelper(place.directory / "log"))
    assert len(place.started) == 2
    assert place.result.verified_files >= FILES
    place.check()
    for helper in place.started:
        with pytest.raises(ProcessLookupError):
            helper.signal(signal.SIGKILL)


def test_names_of_one_file_that_several_processes_meet_are_one_file_again(place: Place) -> None:
    place.restore(ThreadHelper)
    assert all(helper.orders for helper in place.started)
    for number in range(0, FILES, 10):
        assert (place.out / f"link-{number}").samefile(place.out / f"folder-{number % 30}" / f"file-{number}")
    place.check()


@pytest.mark.parametrize("at", [1, 2, 5])
def test_what_a_helper_was_making_when_it_was_killed_is_made_by_the_others(place: Place, at: int) -> None:
    helpers: list[ProcessHelper] = []

    def killed_at(order: int) -> ProcessHelper:
        helper = ProcessHelper(place.directory / "log")
        helpers.append(helper)
        send, count = helper.line.send, [0]

        def counted(value: Any) -> None:
            send(value)
            count[0] += 1
            if count[0] > order:
                helper.signal(signal.SIGKILL)

        helper.line.send = counted  # type: ignore[method-assign, assignment]
        return helper

    place.restore(lambda: killed_at(at))
    place.check()


def test_a_helper_that_cannot_read_the_media_leaves_it_to_the_restorer(place: Place) -> None:
    def refuse(_: Any) -> None:
        raise ArcxoError("E4125", media="", object="", reason="gone")

    place.restore(lambda: ThreadHelper(refuse))
    place.check()


def test_a_process_that_cannot_be_started_is_done_without(place: Place) -> None:
    def refuse() -> HelperProcess:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    place.restore(refuse)
    place.check()


def test_a_full_disk_met_by_a_helper_ends_all_and_names_the_path(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if bytes(data).startswith(b"123 123 "):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ArcxoError) as told:
        place.restore(ThreadHelper)
    assert told.value.code == "E4226"
    assert told.value.params["path"] == os.fsdecode(MASTER) + "/folder-3/file-123"
    assert not [name for name in os.listdir(place.out) if name.startswith(".arcxo")]
    monkeypatch.undo()
    events = Events()
    place.result = restore(place.task, events, lambda: False)
    place.check(resumed=place.result.resumed > 0)


def test_a_damaged_block_met_by_a_helper_is_told_of_each_file(place: Place) -> None:
    reader_cut = ChunkReader.cut

    def damaged(self: Any, block: bytes, offset: int, length: int, chunk_id: bytes) -> memoryview:
        data = reader_cut(self, block, offset, length, chunk_id)
        if bytes(data).startswith(b"77 77 "):
            raise ArcxoError("E4125", media="", object="pack", reason="damaged")
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChunkReader, "cut", damaged)
        events = place.restore(ThreadHelper)
    assert events.codes() == [("E4223", MASTER + b"/folder-17/file-77")]
    expected = without_folder_times(picture(place.source))
    del expected[b"folder-17/file-77"]
    assert without_folder_times(picture(place.out)) == expected


def test_a_stop_is_honoured_though_a_helper_stands_still(place: Place) -> None:
    stopped = threading.Event()
    began = 0.0

    def still() -> ProcessHelper:
        nonlocal began
        helper = ProcessHelper(place.directory / "log")
        helper.signal(signal.SIGSTOP)
        began = time.monotonic()
        threading.Timer(0.3, stopped.set).start()
        return helper

    place.canceled = stopped.is_set  # type: ignore[method-assign]
    with pytest.raises(CanceledError):
        place.restore(still)
    assert time.monotonic() - began < 5
    assert not [name for name in os.listdir(place.out) if name.startswith(".arcxo")]
    place.canceled = lambda: False  # type: ignore[method-assign]
    place.restore(ThreadHelper)
    place.check(resumed=place.result.resumed > 0)
