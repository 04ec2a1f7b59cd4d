"""Shadow and spool, cut at every write, then walked: the replica always ends equal."""

import os
import shutil

import pytest

from tests.support.comparing_bench import Bench
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.replication_naive import NaiveReplica
from tests.support.trees import picture


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
    calls = durable_calls(lambda: bench.take(_MOVES, _PATHS))
    bench.close()
    assert len(calls) >= 5
    for at in every_call(calls):
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
