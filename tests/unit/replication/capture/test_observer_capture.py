"""Capture on other systems, run here: what the port promises of it, and that walks cover the rest.

With watchdog's observer that looks again and again: its one for Linux is not what other systems have.
"""

import os
import shutil

import pytest
from watchdog.observers.polling import PollingObserver

from app.replication import capture
from app.replication.capture import observer
from app.replication.capture.observer import ObserverSource
from tests.support.replication_pair import Pair, until
from tests.support.trees import fill


@pytest.fixture
def replication(tmp_path, monkeypatch):
    """A pair that captures as on a system without inotify."""
    monkeypatch.setattr(capture.platform, "system", lambda: "Other")
    monkeypatch.setattr(observer, "Observer", lambda: PollingObserver(timeout=0.1))
    made = Pair(tmp_path)
    yield made
    made.close()


def test_every_kind_of_change_is_replicated(replication):
    fill(replication.master)
    root = replication.master
    replication.run()
    running = replication.engine._runs._running[replication.id]
    assert isinstance(running._parts.sweeps._sources[0], ObserverSource)
    (root / "plain/one.txt").write_text("changed through one of two names\n")
    os.truncate(root / "sparse", 7_000_000)
    os.chmod(root / "empty", 0o750)
    os.utime(root / "dangling", ns=(1, 2), follow_symlinks=False)
    (root / "new/deep/er").mkdir(parents=True)
    (root / "new/deep/er/file").write_bytes(os.urandom(3_000_000))
    os.link(root / "new/deep/er/file", root / "new/second")
    os.rename(root / "plain", root / "renamed")
    os.unlink(root / "link")
    os.mkdir(root / "link")
    replication.assert_equal()
    shutil.rmtree(root / "new/deep")
    os.rename(root / "renamed", replication.base / "moved out")
    replication.assert_equal()
    os.rename(replication.base / "moved out", root / "back")
    (root / "back/after").write_text("x")
    replication.assert_equal()


def test_a_change_is_told_without_being_asked_for(replication):
    replication.run(sweep_minutes=0)
    (replication.master / "f").write_bytes(b"told")
    until(
        lambda: (replication.replica / "f").is_file() and (replication.replica / "f").read_bytes() == b"told"
    )


def test_a_barrier_walks_because_events_prove_nothing(replication):
    (replication.master / "f").write_bytes(b"before")
    os.link(replication.master / "f", replication.base / "outside")
    replication.run(sweep_minutes=0)
    replication.settle()
    (replication.base / "outside").write_bytes(b"past it")
    replication.assert_equal()
    assert (replication.replica / "f").read_bytes() == b"past it"


def test_what_it_can_say_of_its_watches(tmp_path, monkeypatch):
    monkeypatch.setattr(observer, "Observer", lambda: PollingObserver(timeout=0.1))
    for name in ("root", "cookies"):
        (tmp_path / name).mkdir()

    names = []

    class Listener:
        def cookie(self, name):
            names.append(name)

        def __getattr__(self, _name):
            return lambda *_args, **_more: None

    source = ObserverSource(os.fsencode(tmp_path / "root"), os.fsencode(tmp_path / "cookies"), Listener())
    source.start()
    try:
        assert (source.watched(), source.unwatched(), source.remedy(), source.rewatch()) == (1, [], "", [])
        assert not source.all_told
        (tmp_path / "cookies/passed").touch()
        until(lambda: b"passed" in names)
        source.settle()
    finally:
        source.close()
        source.close()
    assert source.watched() == 0


def test_the_loss_of_the_root_is_a_problem(replication):
    for number in range(20):
        (replication.master / f"f{number}").write_bytes(b"x")
    replication.run(sweep_minutes=0)
    replication.assert_equal()
    os.rename(replication.master, replication.base / "elsewhere")
    with pytest.raises(Exception, match="ER0022"):
        replication.settle(5)
    assert len(os.listdir(replication.replica)) == 20
