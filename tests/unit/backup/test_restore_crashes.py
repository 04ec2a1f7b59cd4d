"""Restores and undos that die at any durable call: what is left, how they go on."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.backup.api import RestoreTask, UndoTask, restore, undo
from app.model.errors import NotFoundError
from app.model.job import Conflict
from tests.support.cuts import at_cuts, every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.restore_model import Leaf, Tree, expected, make, random_tree, read

SESSION: Tree = {
    b"new": Leaf(b"new content", 3_000_000_000),
    b"both": Leaf(b"from the session", 4_000_000_000),
    b"sub": Leaf(None, mode=0o750),
    b"sub/inner": Leaf(b"x" * 5000, 5_000_000_000),
    b"link": Leaf(b"new", 6_000_000_000, link=True, mode=0o777),
    b"was-file": Leaf(None, mode=0o755),
    b"was-file/deep": Leaf(b"deep", 7_000_000_000),
}
THERE: Tree = {
    b"both": Leaf(b"local", 8_000_000_000),
    b"sub": Leaf(None, mode=0o700),
    b"sub/extra": Leaf(b"extra", 9_000_000_000),
    b"gone": Leaf(None, mode=0o711),
    b"gone/one": Leaf(b"one", 1_000_000_000),
    b"was-file": Leaf(b"a file", 2_000_000_000),
}


def never(*_: object) -> bool:
    return False


class Case:
    """A session, a destination with other things in it, and the task that restores one over the other."""

    def __init__(self, directory: Path, session: Tree = SESSION, there: Tree = THERE) -> None:
        self.out = directory / "out"
        self.state = directory / "state"
        self.session, self.there = session, there
        make(directory / "source", session)
        self.media = new_media(directory)
        back_up(self.media, directory / "source")
        self.task = RestoreTask(
            self.media,
            1,
            (),
            ((MASTER, os.fsencode(self.out)),),
            exact=True,
            state=str(self.state),
            undo_days=7,
        )
        self.back = UndoTask(str(self.state), (os.fsencode(self.out),))
        self.done = expected(there, session, Conflict.OVERWRITE, exact=True)

    def begin(self) -> None:
        """The destination as it was before, nothing known of earlier runs."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)
        make(self.out, self.there)

    def check_between(self) -> None:
        """Every file is whole: what was there, or what the session has."""
        for path, leaf in read(self.out).items():
            if not leaf.is_directory:
                assert leaf in (self.there.get(path), self.session.get(path)), path


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


@at_cuts
def test_a_restore_cut_anywhere_goes_on_or_is_taken_back_exactly(case, cuts):
    case.begin()
    calls = durable_calls(lambda: restore(case.task, never, never))
    for at in cuts(calls):
        for go_on in (True, False):
            case.begin()
            # The number of calls varies a little with the threads: the last may not come.
            with CutAt(at, partial=True), contextlib.suppress(Cut):
                restore(case.task, never, never)
            case.check_between()
            if go_on:
                events = Events()
                restore(case.task, events, never)
                assert events.problems == [], at
                assert read(case.out) == case.done, at
            events = Events()
            with contextlib.suppress(NotFoundError):  # nothing was begun
                undo(case.back, events, never)
            assert events.problems == [], at
            assert read(case.out) == case.there, at


def test_an_undo_cut_anywhere_is_finished_by_another(case):
    case.begin()
    restore(case.task, never, never)
    for at in every_call(durable_calls(lambda: undo(case.back, never, never))):
        case.begin()
        restore(case.task, never, never)
        with CutAt(at, partial=True), contextlib.suppress(Cut):
            undo(case.back, never, never)
        case.check_between()
        events = Events()
        undo(case.back, events, never)
        assert events.problems == [], at
        assert read(case.out) == case.there, at


def test_a_restore_that_goes_on_does_not_write_again_what_is_in_place(case):
    case.begin()
    restore(case.task, never, never)
    inodes = {path: os.lstat(case.out / os.fsdecode(path)).st_ino for path in case.done}
    result = restore(case.task, never, never)
    assert result.resumed == sum(1 for leaf in SESSION.values() if not leaf.is_directory)
    assert {path: os.lstat(case.out / os.fsdecode(path)).st_ino for path in case.done} == inodes
    assert result.files == result.resumed


def test_what_someone_changed_after_the_restore_is_left_and_told_and_taken_back_only_by_force(case):
    case.begin()
    restore(case.task, never, never)
    (case.out / "both").write_text("a person's work")
    (case.out / "new").unlink()
    (case.out / "new").write_text("another file")
    (case.out / "gone").mkdir()
    events = Events()
    result = undo(case.back, events, never)
    assert {path for code, path in events.codes() if code == "W4241"} == {
        os.fsencode(case.out / name) for name in ("both", "new")
    }
    assert result.changed == 2
    assert (case.out / "both").read_text() == "a person's work"
    assert (case.out / "new").read_text() == "another file"
    assert (case.out / "sub/extra").read_text() == "extra"
    forced = Events()
    undo(UndoTask(case.back.state, case.back.directories, force=True), forced, never)
    assert forced.problems == []
    assert read(case.out) == THERE


def run_killed(module_code: str, delay_s: float) -> bool:
    """Run a program and kill it after a while; returns whether it had ended before."""
    process = subprocess.Popen([sys.executable, "-c", module_code])
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    assert process.returncode == 0
    return True


RESTORE = """
import pickle, sys
from app.backup.api import restore
restore(pickle.loads({task!r}), lambda event: None, lambda: False)
"""
UNDO = RESTORE.replace("restore", "undo")


@pytest.mark.deep
@pytest.mark.parametrize("block", range(20))
def test_restores_and_undos_killed_at_random_moments(tmp_path, block):
    import pickle

    seed = f"{random.SystemRandom().getrandbits(48)} {block}"
    print("seed", seed)
    chance = random.Random(seed)
    session = random_tree(chance, entries=400, stamp=1)
    for number in range(600):
        session[b"many-%d" % number] = Leaf(chance.randbytes(200), number * 1_000_000)
    there = random_tree(chance, entries=400, stamp=2)
    for number in range(0, 900, 2):
        there[b"many-%d" % number] = Leaf(b"local", number * 1_000_001)
    case = Case(tmp_path, session, there)
    case.begin()
    task, back = pickle.dumps(case.task), pickle.dumps(case.back)
    began = time.monotonic()
    restore(case.task, never, never)
    usual = time.monotonic() - began + 0.5
    case.begin()
    for _ in range(8):
        if run_killed(RESTORE.format(task=task), chance.uniform(0.2, usual)):
            break
        case.check_between()
    assert run_killed(RESTORE.format(task=task), 60)
    assert read(case.out, hidden=True) == case.done
    for _ in range(8):
        if run_killed(UNDO.format(task=back), chance.uniform(0.2, usual)):
            break
        case.check_between()
    assert run_killed(UNDO.format(task=back), 60)
    assert read(case.out, hidden=True) == there
