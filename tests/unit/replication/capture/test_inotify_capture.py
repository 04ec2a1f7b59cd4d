import logging
import os
import shutil
import time

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent

from app.replication.capture.linux import InotifySource
from tests.support.replication_pair import until


class Told:
    """A listener that writes down what it is told."""

    def __init__(self):
        self.log = []
        self.unwatched_seen = []
        self.left_out = set()

    def changed(self, path, *, content, settled):
        self.log.append(("changed", path, content, settled))

    def tree_changed(self, path):
        self.log.append(("tree", path))

    def left(self, path):
        self.log.append(("left", path))

    def moved(self, path, new_path, *, directory):
        self.log.append(("moved", path, new_path, directory))

    def cookie(self, name):
        self.log.append(("cookie", name))

    def unwatched(self, directory):
        self.unwatched_seen.append(directory)

    def overflowed(self):
        self.log.append(("overflow",))

    def doubtful(self):
        self.log.append(("doubt",))

    def root_lost(self, cause):
        self.log.append(("lost", cause))

    def excluded(self, path):
        return path in self.left_out

    def paths(self):
        return {entry[1] for entry in self.log if entry[0] in ("changed", "tree")}


class Watching:
    def __init__(self, base):
        self.root = base / "root"
        self.cookies = base / "cookies"
        self.cookies.mkdir()
        self.told = Told()
        self.source = InotifySource(os.fsencode(self.root), os.fsencode(self.cookies), self.told)
        self.source.start()
        self._number = 0

    def drain(self):
        """Wait until everything done so far has been told."""
        self._number += 1
        name = f"c{self._number}"
        (self.cookies / name).touch()
        until(lambda: ("cookie", name.encode()) in self.told.log)


@pytest.fixture
def watching(tmp_path):
    (tmp_path / "root/a/b").mkdir(parents=True)
    made = Watching(tmp_path)
    yield made
    made.source.close()


def test_every_name_of_a_storm_is_told(watching):
    for number in range(5_000):
        (watching.root / f"a/f{number}").write_bytes(b"x")
    watching.drain()
    assert {f"a/f{number}".encode() for number in range(5_000)} <= watching.told.paths()
    assert ("overflow",) not in watching.told.log


def test_kinds_of_change_are_told_apart(watching):
    path = watching.root / "f"
    path.write_text("x")
    os.chmod(path, 0o600)
    watching.drain()
    assert ("changed", b"f", True, True) in watching.told.log
    assert ("changed", b"f", False, False) in watching.told.log
    assert ("changed", b"", False, False) in watching.told.log


def test_moves_inside_are_paired_and_watches_follow_the_directory(watching):
    os.rename(watching.root / "a", watching.root / "z")
    (watching.root / "z/b/new").touch()
    watching.drain()
    assert ("moved", b"a", b"z", True) in watching.told.log
    assert ("changed", b"z/b/new", True, True) in watching.told.log
    assert watching.source.watched() == 3


def test_a_move_out_drops_its_watches_and_holds_nothing_back(watching, tmp_path):
    os.rename(watching.root / "a", tmp_path / "outside")
    began = time.monotonic()
    (watching.root / "after").touch()
    watching.drain()
    assert time.monotonic() - began < 0.2
    assert ("left", b"a") in watching.told.log
    until(lambda: watching.source.settle() or watching.source.watched() == 1)
    (tmp_path / "outside/b/unseen").touch()
    watching.drain()
    assert not any(path.endswith(b"unseen") for path in watching.told.paths())


def test_a_move_in_is_watched_and_scanned(watching, tmp_path):
    (tmp_path / "outside/deep").mkdir(parents=True)
    os.rename(tmp_path / "outside", watching.root / "in")
    watching.drain()
    assert ("tree", b"in") in watching.told.log
    (watching.root / "in/deep/new").touch()
    watching.drain()
    assert b"in/deep/new" in watching.told.paths()


def test_nested_new_trees_are_watched_or_scanned_completely(watching, tmp_path):
    source = tmp_path / "source"
    for first in range(10):
        for second in range(10):
            (source / f"{first}/{second}").mkdir(parents=True)
            (source / f"{first}/{second}/file").touch()
    shutil.copytree(source, watching.root / "copy")
    watching.drain()
    assert watching.source.watched() == 3 + 1 + 10 + 100
    seen = watching.told.paths()
    trees = {entry[1] for entry in watching.told.log if entry[0] == "tree"}
    for first in range(10):
        for second in range(10):
            path = f"copy/{first}/{second}/file".encode()
            above = {path.rsplit(b"/", depth)[0] for depth in (1, 2, 3)}
            assert path in seen or above & trees


def test_removed_directories_leave_the_table(watching):
    shutil.rmtree(watching.root / "a")
    watching.drain()
    until(lambda: watching.source.watched() == 1)
    assert b"a" in watching.told.paths()


def test_the_loss_of_the_root_is_told(watching, tmp_path):
    os.rename(watching.root, tmp_path / "elsewhere")
    until(lambda: ("lost", "moved") in watching.told.log)


def test_an_overflow_reaches_the_listener(watching, monkeypatch):
    monkeypatch.setattr(logging.getLogger("watchdog.observers.inotify_c"), "disabled", True)
    event = InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b"")
    watching.source._inotify.handle_event(event)
    assert watching.told.log.count(("overflow",)) == 1


def test_a_reached_watch_limit_is_told_with_the_command(watching, monkeypatch):
    real = watching.source._inotify.add_callback

    def limited(path, *args):
        if path.endswith(b"/over"):
            raise OSError(28, "inotify watch limit reached")
        return real(path, *args)

    monkeypatch.setattr(watching.source._inotify, "add_callback", limited)
    (watching.root / "over").mkdir()
    watching.drain()
    (found,) = watching.told.unwatched_seen
    assert found.path == b"over"
    assert found.command.startswith("sysctl fs.inotify.max_user_watches=")
    assert watching.source.unwatched_directories() == 1
    monkeypatch.undo()
    watching.source.rewatch()
    assert watching.source.unwatched_directories() == 0
    assert ("tree", b"over") in watching.told.log


def test_names_that_are_not_utf8_arrive_as_they_are(watching):
    os.mkdir(os.fsencode(watching.root) + b"/d\xff")
    with open(os.fsencode(watching.root) + b"/d\xff/\xfe\n", "w"):
        pass
    watching.drain()
    assert b"d\xff/\xfe\n" in watching.told.paths() or ("tree", b"d\xff") in watching.told.log
