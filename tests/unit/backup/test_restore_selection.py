"""Several sessions in one restore, one folder of many, links put in the way, and what is kept how long."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.backup import restorer
from app.backup.api import RestoreTask, UndoTask, plan_restore, restore, undo
from app.backup.journal import Journal, Record, Step, read_journal
from app.backup.sink import DirectorySink
from app.backup.states import About, States
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError, NotFoundError
from app.model.job import Conflict, Structure
from app.model.restore import RestoreAction, RestorePart
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.restore_model import Leaf, make, read


def never(*_: object) -> bool:
    return False


@pytest.fixture
def two(tmp_path: Path) -> RestoreTask:
    """Two sessions of one tree, to one directory: the older one is named first."""
    source = tmp_path / "source"
    make(source, {b"same": Leaf(b"old", 10**12), b"gone": Leaf(b"only in the first", 10**12)})
    media = new_media(tmp_path)
    back_up(media, source)
    (source / "gone").unlink()
    (source / "same").write_text("new")
    (source / "later").write_text("only in the second")
    back_up(media, source, base=1)
    targets = ((b"/", os.fsencode(tmp_path / "out")),)
    second = RestorePart(media, 2, (), targets)
    return RestoreTask(media, 1, (), targets, relocate=True, more=(second,))


def test_of_several_sessions_the_newest_has_each_place(two, tmp_path):
    planned = plan_restore(two)
    events = Events()
    result = restore(two, events, never)
    assert events.problems == []
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert texts == {"same": "new", "gone": "only in the first", "later": "only in the second"}
    assert planned.counts[RestoreAction.SKIP] == result.skipped == 1
    assert [item.reason for item in planned.items if item.action is RestoreAction.SKIP] == ["superseded"]
    assert planned.counts[RestoreAction.CREATE] == result.files + 1


def test_versions_of_several_sessions_stand_side_by_side_when_renamed(two, tmp_path):
    task = replace(two, conflict=Conflict.RENAME)
    planned = plan_restore(task)
    result = restore(task, never, never)
    assert planned.counts[RestoreAction.RENAME] == result.renamed == 1
    assert (tmp_path / "out/same").read_text() == "new"
    assert (tmp_path / "out/same.restored").read_text() == "old"


def test_exact_keeps_what_any_of_the_sessions_has(two, tmp_path):
    make(tmp_path / "out", {b"extra": Leaf(b"x"), b"same": Leaf(b"mine")})
    (tmp_path / "out/.arcxo-own").mkdir()
    task = replace(two, exact=True)
    assert plan_restore(task).counts[RestoreAction.DELETE] == 1
    assert restore(task, never, never).deleted == 1
    assert set(read(tmp_path / "out")) == {b"same", b"gone", b"later"}
    assert (tmp_path / "out/.arcxo-own").is_dir()


def test_one_folder_of_many_reads_the_nodes_above_it_alone(tmp_path, monkeypatch):
    source = tmp_path / "source"
    for number in range(200):
        (source / f"folder-{number}").mkdir(parents=True)
        (source / f"folder-{number}" / "file").write_text(f"{number}")
    media = new_media(tmp_path)
    back_up(media, source)
    asked: list[bytes] = []
    node = ChunkReader.node
    monkeypatch.setattr(ChunkReader, "node", lambda self, one: (asked.append(one), node(self, one))[1])
    targets = ((b"/", os.fsencode(tmp_path / "out")),)
    path = MASTER + b"/folder-77"
    restore(RestoreTask(media, 1, (path,), targets, relocate=True), never, never)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["file"]
    assert len(asked) <= 4


def test_windows_bound_the_memory_and_the_totals_are_known_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(restorer, "WINDOW", 7)
    source = tmp_path / "source"
    tree = {b"%02d" % number: Leaf(b"x" * number, 10**12) for number in range(30)}
    make(source, tree)
    os.link(source / "03", source / "zz-link-over-windows")
    media = new_media(tmp_path)
    back_up(media, source)
    events = Events()
    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(tmp_path / "out")),))
    result = restore(task, events, never)
    assert result.files == 31
    told = [event for event in events.all if getattr(event, "files_total", None) is not None]
    assert {event.files_total for event in told} == {31}
    assert os.stat(tmp_path / "out/03").st_nlink == 2


def test_a_link_that_comes_into_the_way_meanwhile_is_not_followed(tmp_path, monkeypatch):
    source, outside, out = tmp_path / "source", tmp_path / "outside", tmp_path / "out"
    make(source, {b"dir": Leaf(None), b"dir/file": Leaf(b"secret", 10**12)})
    outside.mkdir()
    (out / "dir").mkdir(parents=True)
    media = new_media(tmp_path)
    back_up(media, source)
    publish = DirectorySink.publish

    def swap(self, target, staged, metadata, *, replace):
        if not (out / "dir").is_symlink():
            self._places.forget(os.fsencode(out / "dir"))
            (out / "dir").rename(out / "moved")
            (out / "dir").symlink_to(outside)
        return publish(self, target, staged, metadata, replace=replace)

    monkeypatch.setattr(DirectorySink, "publish", swap)
    events = Events()
    restore(RestoreTask(media, 1, (), ((MASTER, os.fsencode(out)),)), events, never)
    assert list(outside.iterdir()) == []
    assert "E4225" in {code for code, _ in events.codes()}


def test_a_destination_that_vanishes_ends_the_restore_with_that_reason(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    make(source, {b"%04d" % number: Leaf(b"x", 10**12) for number in range(3000)})
    media = new_media(tmp_path)
    back_up(media, source)
    begun = threading.Event()

    def canceled() -> bool:
        if out.exists() and any(out.iterdir()) and not begun.is_set():
            begun.set()
            out.rename(tmp_path / "elsewhere")
        return False

    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(out)),))
    with pytest.raises(ArcxoError, match="E4237"):
        restore(task, lambda _: None, canceled)
    assert begun.is_set()


def test_exact_is_refused_for_a_session_that_lacks_something(tmp_path, monkeypatch):
    from app.backup import contents

    source = tmp_path / "source"
    make(source, {b"one": Leaf(b"1", 10**12), b"two": Leaf(b"2", 10**12)})
    media = new_media(tmp_path)
    opened = contents.open_regular

    def failing(path: bytes) -> tuple[int, os.stat_result]:
        if path.endswith(b"/two"):
            raise PermissionError(13, "Permission denied")
        return opened(path)

    monkeypatch.setattr(contents, "open_regular", failing)
    back_up(media, source)
    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(tmp_path / "out")),), exact=True)
    with pytest.raises(ArcxoError, match="E4234"):
        plan_restore(task)


# -- what is kept -------------------------------------------------------------------------------------


def about(job: int = 1, order: str = "x", days: int = 7) -> About:
    return About(job, 0, order, (b"/srv/out",), days)


def test_a_run_is_gone_on_with_until_it_has_ended_and_another_order_begins_anew(tmp_path):
    states = States(str(tmp_path / "restores"))
    first = states.begin(about())
    assert states.begin(about()).path == first.path
    assert states.begin(about(order="another")).path != first.path
    newest = states.of_job(1)[0]
    journal = Journal(newest.path)
    journal.append(Record(Step.END))
    journal.close()
    assert states.begin(about(order="another")).run == newest.run + 1
    assert states.of_job(2) == []


def test_what_is_past_its_time_goes_with_the_areas_it_names(tmp_path):
    states = States(str(tmp_path / "restores"))
    state = states.begin(about())
    far = tmp_path / ".arcxo-kept-1234"
    far.mkdir()
    (far / "old").write_text("kept")
    areas = Journal(state.path, "areas")
    areas.append(Record(Step.AREA, os.fsencode(far)))
    areas.append(Record(Step.AREA, os.fsencode(tmp_path / "not-ours")))
    areas.close()
    (tmp_path / "not-ours").mkdir()
    Journal(state.path).close()
    assert states.sweep() == []
    assert far.exists()
    in_a_week = time.time_ns() + 8 * 86_400 * 10**9
    assert [one.job_id for one in states.sweep(in_a_week)] == [1]
    assert not far.exists()
    assert (tmp_path / "not-ours").exists()
    assert os.listdir(tmp_path / "restores") == []


def test_a_torn_journal_is_read_to_its_last_whole_record_and_a_damaged_one_is_refused(tmp_path):
    journal = Journal(str(tmp_path))
    for name in (b"/one", b"/two"):
        journal.append(Record(Step.CREATE, name))
    journal.close()
    path = tmp_path / "journal"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert [record.target for record in read_journal(str(tmp_path))] == [b"/one"]
    again = Journal(str(tmp_path))
    again.append(Record(Step.CREATE, b"/three"))
    again.close()
    assert [record.target for record in read_journal(str(tmp_path))] == [b"/one", b"/three"]
    hostile = Journal(str(tmp_path / "hostile"))
    hostile.append(Record(Step.REPLACE, b"/srv/../etc/passwd", b"/kept"))
    hostile.close()
    with pytest.raises(ArcxoError, match="E4231"):
        undo(UndoTask(str(tmp_path / "hostile"), (b"/srv",)), never, never)
    with pytest.raises(NotFoundError, match="E4240"):
        undo(UndoTask(str(tmp_path / "nothing"), (b"/srv",)), never, never)


def test_structure_of_several_paths_is_kept(two, tmp_path):
    restore(replace(two, structure=Structure.FULL), never, never)
    assert (tmp_path / "out/srv/data/same").read_text() == "new"
