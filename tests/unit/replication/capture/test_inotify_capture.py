import logging
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent

from app.replication.capture.linux import InotifySource
from tests.support.inotify_limits import few_watches
from tests.support.replication_pair import until
from tests.support.volumes import bind_mount, mounted_tmpfs


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


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """A root with a limit of four watches: the cookies, the root, a and a/b."""
    (tmp_path / "root/a/b").mkdir(parents=True)
    with few_watches(monkeypatch, 4) as watches:
        made = Watching(tmp_path)
        made.watches = watches
        yield made
        made.source.close()


def unwatched(watching):
    return [one.path for one in watching.source.unwatched()]


def test_a_reached_watch_limit_is_told_with_the_command(limited, tmp_path):
    before = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    (tmp_path / "over/deep/er").mkdir(parents=True)
    os.rename(tmp_path / "over", limited.root / "over")
    limited.drain()
    assert [one.path for one in limited.told.unwatched_seen] == [b"over", b"over/deep", b"over/deep/er"]
    assert unwatched(limited) == [b"over", b"over/deep", b"over/deep/er"]
    assert limited.source.watched() == 3
    name, _, value = limited.source.remedy().partition("=")
    assert name == "sysctl -w fs.inotify.max_user_watches"
    assert int(value) >= before + 3


def test_directories_are_watched_again_once_the_limit_is_raised(limited, tmp_path):
    (tmp_path / "over/deep").mkdir(parents=True)
    os.rename(tmp_path / "over", limited.root / "over")
    limited.drain()
    assert limited.source.rewatch() == []
    limited.watches.raise_to(5)
    assert limited.source.rewatch() == [b"over"]
    limited.watches.raise_to(100)
    assert limited.source.rewatch() == [b"over/deep"]
    assert (limited.source.watched(), unwatched(limited), limited.source.remedy()) == (5, [], "")
    (limited.root / "over/deep/new").touch()
    limited.drain()
    assert b"over/deep/new" in limited.told.paths()


def test_unwatched_directories_are_followed_when_they_move_and_forgotten_when_they_go(limited, tmp_path):
    (tmp_path / "over/deep").mkdir(parents=True)
    os.rename(tmp_path / "over", limited.root / "a/over")
    (limited.root / "gone").mkdir()
    limited.drain()
    os.rename(limited.root / "a/over", limited.root / "a/there")
    os.rename(limited.root / "a", limited.root / "z")
    (limited.root / "gone").rmdir()
    limited.drain()
    assert unwatched(limited) == [b"z/there", b"z/there/deep"]
    os.rename(limited.root / "z/there", tmp_path / "outside")
    limited.drain()
    until(lambda: limited.source.settle() or unwatched(limited) == [])


def test_a_watch_that_a_removed_directory_gave_up_is_taken(limited):
    (limited.root / "over").mkdir()
    limited.drain()
    shutil.rmtree(limited.root / "a")
    limited.drain()
    until(lambda: limited.source.watched() == 1)
    assert limited.source.rewatch() == [b"over"]
    assert limited.source.watched() == 2


def test_a_limit_that_leaves_no_watch_at_all_is_refused_with_the_command(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    (tmp_path / "cookies").mkdir()
    with few_watches(monkeypatch, 0), pytest.raises(OSError, match=r"sysctl -w fs.inotify.max_user_watches="):
        InotifySource(os.fsencode(tmp_path / "root"), os.fsencode(tmp_path / "cookies"), Told()).start()


def check_all(watching, *, thorough=True):
    watching.source.begin_check(thorough=thorough)
    for directory, _, _ in os.walk(watching.root):
        status = os.stat(directory)
        path = os.path.relpath(directory, watching.root)
        watching.source.check(b"" if path == "." else os.fsencode(path), status.st_dev, status.st_ino)
    watching.source.end_check()


def test_a_check_mends_watches_of_which_nothing_was_told(watching, monkeypatch, tmp_path):
    """As after lost events: a directory made, one moved, one removed, one replaced with its inode number."""
    root, source = watching.root, watching.source
    for name in ("moved/in", "gone/in", "replaced"):
        (root / name).mkdir(parents=True)
    watching.drain()
    monkeypatch.setattr(InotifySource, "on_event", lambda *_: None)
    monkeypatch.setattr(InotifySource, "on_watch_deleted", lambda *_: None)
    (root / "made/in").mkdir(parents=True)
    os.rename(root / "moved", root / "a/there")
    shutil.rmtree(root / "gone")
    (root / "replaced").rmdir()
    (root / "replaced").mkdir()
    time.sleep(0.1)
    monkeypatch.undo()
    check_all(watching)
    directories = [os.path.relpath(d, root) for d, _, _ in os.walk(root)]
    assert source.watched() == len(directories)
    assert ("doubt",) not in watching.told.log
    watching.told.log.clear()
    for directory in directories:
        (root / directory / "new").touch()
    watching.drain()
    expected = {os.fsencode(os.path.normpath(os.path.join(d, "new"))) for d in directories}
    assert expected <= watching.told.paths()


@pytest.mark.needs_root
def test_an_unmounted_file_system_beneath_the_root_is_told_and_what_it_hid_is_watched(tmp_path):
    (tmp_path / "root/a/hidden").mkdir(parents=True)
    with mounted_tmpfs(tmp_path / "root/a"):
        (tmp_path / "root/a/b/c").mkdir(parents=True)
        watching = Watching(tmp_path)
        assert watching.source.watched() == 4
    try:
        until(lambda: ("tree", b"a") in watching.told.log)
        watching.drain()
        until(lambda: watching.source.watched() == 3)
        (watching.root / "a/hidden/new").touch()
        watching.drain()
        assert b"a/hidden/new" in watching.told.paths()
        assert ("doubt",) not in watching.told.log
    finally:
        watching.source.close()


@pytest.mark.needs_root
def test_a_file_system_mounted_beneath_the_root_is_watched_after_the_next_check(watching):
    with mounted_tmpfs(watching.root / "a"):
        (watching.root / "a/deep").mkdir()
        check_all(watching, thorough=False)
        (watching.root / "a/deep/new").touch()
        watching.drain()
        assert b"a/deep/new" in watching.told.paths()
        assert watching.source.watched() == 3


@pytest.mark.needs_root
@pytest.mark.parametrize(("source", "second"), [("root", [b"a/b", b"a/b/a"]), ("root/a", [b"a/b"])])
def test_a_directory_mounted_at_two_places_is_watched_at_one(watching, source, second, tmp_path):
    with bind_mount(tmp_path / source, watching.root / "a/b"):
        for _ in range(3):
            check_all(watching)
        watching.drain()
        assert unwatched(watching) == second
        assert ("doubt",) not in watching.told.log
        (watching.root / "a/new").touch()
        watching.drain()
        assert b"a/new" in watching.told.paths()


@pytest.mark.needs_root
def test_the_unmounting_of_the_root_is_told(tmp_path):
    (tmp_path / "root").mkdir()
    with mounted_tmpfs(tmp_path / "root"):
        watching = Watching(tmp_path)
    try:
        until(lambda: ("lost", "unmounted") in watching.told.log)
    finally:
        watching.source.close()


def test_a_thread_that_died_is_not_overlooked(watching, monkeypatch):
    monkeypatch.setattr(watching.told, "changed", lambda *_args, **_: 1 / 0)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    (watching.root / "new").touch()
    until(lambda: not watching.source._inotify.is_alive())
    with pytest.raises(OSError, match="has ended"):
        watching.source.settle()


def test_names_that_are_not_utf8_arrive_as_they_are(watching):
    os.mkdir(os.fsencode(watching.root) + b"/d\xff")
    with open(os.fsencode(watching.root) + b"/d\xff/\xfe\n", "w"):
        pass
    watching.drain()
    assert b"d\xff/\xfe\n" in watching.told.paths() or ("tree", b"d\xff") in watching.told.log
