"""Large files that go while they are read leave nothing behind on the replica."""

import os

import pytest

from app.replication.master import files
from tests.support.comparing_bench import Bench
from tests.support.replication_naive import NaiveReplica
from tests.support.trees import picture

_SIZE = files.INLINE_MAX_BYTES + 100_000


@pytest.fixture
def bench(tmp_path):
    for side in ("master", "replica"):
        (tmp_path / side).mkdir()
    (tmp_path / "master/folder").mkdir()
    made = Bench(tmp_path, NaiveReplica(os.fsencode(tmp_path / "replica")))
    made.spool.reset("e" * 32)
    made.take([], [b"", b"folder"])
    yield made
    made.close()


def _while_it_is_read(monkeypatch, happens):
    windows = files.windows
    left = [happens]

    def interrupted(*arguments):
        yield from windows(*arguments)
        if left:
            left.pop()()

    monkeypatch.setattr(files, "windows", interrupted)
    return left


@pytest.mark.parametrize("known", [False, True], ids=["new", "known before"])
@pytest.mark.parametrize("way", ["removed", "moved", "a directory"])
def test_it_is_on_the_replica_as_it_is_then(bench, tmp_path, monkeypatch, way, known):
    master = tmp_path / "master"
    large = master / "large"
    if known:
        large.write_bytes(os.urandom(_SIZE))
        bench.take([], [b"large"])
    large.write_bytes(os.urandom(_SIZE))

    def happens():
        if way == "moved":
            large.rename(master / "final")
            return
        large.unlink()
        if way == "a directory":
            large.mkdir()

    left = _while_it_is_read(monkeypatch, happens)
    bench.take([], [b"large"])
    bench.take([], [b"final", b""])
    assert left == []
    bench.send(0)
    assert picture(tmp_path / "replica") == picture(master)


def test_it_is_removed_where_its_directory_was_moved_and_it_was_removed_there(bench, tmp_path, monkeypatch):
    # The file itself shows nothing of that: only its path leads nowhere when it was read.
    master = tmp_path / "master"
    (master / "folder/large").write_bytes(os.urandom(_SIZE))
    left = _while_it_is_read(monkeypatch, lambda: (master / "folder").rename(master / "moved"))
    bench.comparer.compare(0, b"folder/large", content=True)
    assert left == []
    (master / "moved/large").unlink()
    bench.take([(b"folder", b"moved")], [b"", b"moved"])
    bench.send(0)
    assert picture(tmp_path / "replica") == picture(master)
