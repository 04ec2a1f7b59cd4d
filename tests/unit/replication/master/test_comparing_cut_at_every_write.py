"""Shadow and spool, cut at every write, then walked: the replica always ends equal."""

import os
import shutil

import pytest

from app.model.scenario import Filters
from app.replication.master.compare import ComparedRoot, Comparer
from app.replication.master.filters import PathFilter
from app.replication.master.outlet import Outlet
from app.replication.master.shadow import Shadow, ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.walker import fill, sweep
from tests.support.faults import Cut, CutAt, count_calls
from tests.support.replication_naive import NaiveReplica, Unguarded
from tests.support.trees import picture


class Bench:
    """A master without threads: compares what it is told, then what a walk finds."""

    def __init__(self, base, replica):
        self.root = ComparedRoot(0, os.fsencode(base / "master"))
        self.root.identify()
        self.shadow = Shadow(str(base / "shadow"))
        self.spool = Spool(str(base / "spool"), segment_bytes=4096)
        self.filters = PathFilter(Filters())
        self.outlet = Outlet(self.spool, self.shadow)
        self.comparer = Comparer(
            [self.root], self.shadow, self.outlet, self.filters, self, Unguarded(), lambda: True
        )
        self.replica = replica
        self.waiting = []

    def begin(self):
        self.spool.reset("e" * 32)
        fill(self.root, self.shadow, self.filters, self._never, lambda: False)
        self.shadow.commit()

    def _never(self, path, error):
        raise AssertionError((path, error))

    def again(self, root, path, *, content, tree, delay):
        self.waiting.append((path, content, tree))

    def young(self, root, path):
        pass

    def recorded(self, root, path, cost_s):
        pass

    def trouble(self, root, path, error):
        raise AssertionError((path, error))

    def fine(self, root, path):
        pass

    def is_pending(self, root, path):
        return False

    def take(self, moves, paths):
        for old, new in moves:
            self.comparer.move(0, old, new)
        self.waiting += [(path, True, False) for path in paths]
        while self.waiting:
            path, content, tree = self.waiting.pop(0)
            self.waiting += [
                (p, content, tree) for p in self.comparer.compare(0, path, content=content, tree=tree)
            ]
        self.outlet.commit()

    def walk(self):
        reader = ShadowReader(self.shadow.path)
        found = []
        sweep(self.root, reader, self.filters, self._never, lambda p, c: found.append(p), lambda: False)
        reader.close()
        self.take([], found)

    def send(self, applied):
        while records := self.spool.read(applied, 1 << 20):
            for record in records:
                self.replica.apply(record.data)
                applied = record.seq
        return applied

    def close(self):
        self.shadow.close()
        self.spool.close()


def _start(base):
    (base / "master/d/e").mkdir(parents=True)
    (base / "master/d/e/small").write_text("small")
    (base / "master/big").write_bytes(bytes(range(256)) * 8192)
    (base / "master/link").symlink_to("big")
    (base / "master/one").write_text("one")
    os.link(base / "master/one", base / "master/two")
    shutil.copytree(base / "master", base / "replica", symlinks=True)
    os.unlink(base / "replica/two")
    os.link(base / "replica/one", base / "replica/two")


def _change(master):
    os.rename(master / "d", master / "moved")
    (master / "moved/e/small").write_text("changed")
    with (master / "big").open("r+b") as file:
        file.seek(100_000)
        file.write(b"other")
    (master / "one").write_text("through a link")
    os.link(master / "moved/e/small", master / "third")
    (master / "link").unlink()
    (master / "large").write_bytes(os.urandom(2_500_000))
    os.chmod(master / "large", 0o600)


_MOVES = [(b"d", b"moved")]
_PATHS = [b"moved/e/small", b"big", b"one", b"third", b"link", b"large", b"", b"moved/e"]


def test_a_replica_follows_every_change(tmp_path):
    _start(tmp_path)
    bench = Bench(tmp_path, NaiveReplica(os.fsencode(tmp_path / "replica")))
    bench.begin()
    _change(tmp_path / "master")
    bench.take(_MOVES, _PATHS)
    applied = bench.send(0)
    assert picture(tmp_path / "replica") == picture(tmp_path / "master")
    kinds = {type(record).__name__ for record in bench.replica.seen}
    assert {"Rename", "ReplaceFile", "WriteBlocks", "MakeLink", "Remove", "StageContent"} <= kinds
    bench.walk()
    assert bench.spool.last_seq == applied
    bench.close()


@pytest.mark.parametrize("partial", [False, True])
def test_a_cut_at_any_write_loses_nothing(tmp_path, partial):
    _start(tmp_path / "count")
    bench = Bench(tmp_path / "count", None)
    bench.begin()
    _change(tmp_path / "count/master")
    count = count_calls(lambda: bench.take(_MOVES, _PATHS))
    bench.close()
    assert count >= 5
    for at in range(1, count + 1):
        base = tmp_path / f"{at}"
        _start(base)
        replica = NaiveReplica(os.fsencode(base / "replica"))
        bench = Bench(base, replica)
        bench.begin()
        _change(base / "master")
        with CutAt(at, partial=partial), pytest.raises(Cut):
            bench.take(_MOVES, _PATHS)
        applied = bench.send(0)
        bench.close()
        bench = Bench(base, replica)
        bench.walk()
        bench.send(applied)
        assert picture(base / "replica") == picture(base / "master"), at
        bench.close()
