"""The master's comparison on real files without threads: told what to compare, then walked over."""

import os

from app.model.scenario import Filters
from app.replication.master.compare import ComparedRoot, Comparer
from app.replication.master.filling import fill
from app.replication.master.filters import PathFilter
from app.replication.master.outlet import Outlet
from app.replication.master.shadow import Shadow, ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.walker import sweep
from tests.support.replication_naive import Unguarded


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
        self.young_paths = []
        self.unproved_paths = []
        self.pending = set()

    def begin(self):
        self.spool.reset("e" * 32)
        fill(
            self.root,
            self.shadow,
            self.filters,
            self._never,
            lambda: False,
            lambda _path, _device, _inode: None,
            lambda _root, _key, _rows: None,
        )
        self.shadow.commit()

    def _never(self, path, error):
        raise AssertionError((path, error))

    def again(self, root, path, *, content, tree, delay):
        self.waiting.append((path, content, tree))

    def changing(self, root, path, delay):
        self.waiting.append((path, True, False))

    def young(self, root, path):
        self.young_paths.append(path)

    def unproved(self, root, path):
        self.unproved_paths.append(path)

    def recorded(self, root, path, cost_s):
        pass

    def trouble(self, root, path, error, *, force=False):
        raise AssertionError((path, error))

    def gone(self, root, path, *, beneath):
        pass

    def moved(self, root, path, new_path):
        pass

    def fine(self, root, path, *, full):
        pass

    def is_pending(self, root, path):
        return path in self.pending

    def is_written(self, root, path):
        return path in self.pending

    def take(self, moves, paths, *, content=True):
        for old, new in moves:
            self.comparer.move(0, old, new)
        self.waiting += [(path, content, False) for path in paths]
        self._compare()

    def _compare(self):
        while self.waiting:
            path, content, tree = self.waiting.pop(0)
            self.waiting += [
                (p, content, tree) for p in self.comparer.compare(0, path, content=content, tree=tree)
            ]
        self.outlet.commit()

    def walk(self, *, all_told=False):
        reader = ShadowReader(self.shadow.path)
        found = []
        sweep(
            self.root, reader, self.filters, self._never, lambda p, c: found.append((p, c)), lambda: False,
            all_told=all_told,
        )  # fmt: skip
        reader.close()
        self.waiting += [(path, content, False) for path, content in found]
        self._compare()

    def send(self, applied):
        while records := self.spool.read(applied, 1 << 20):
            for record in records:
                self.replica.apply(record.data)
                applied = record.seq
        return applied

    def close(self):
        self.shadow.close()
        self.spool.close()
