"""What is lost, told from the changes of a shadow."""

import stat

import pytest

from app.model.brake import BrakeDecision
from app.replication.master.losses import Losses, LossReader
from app.replication.master.shadow import Shadow, ShadowEntry

OLD_NS = 1_500_000_000 * 10**9


def entry(path, inode, *, size=5, mode=stat.S_IFREG | 0o644, modified_ns=OLD_NS):
    return ShadowEntry(path, 0, inode, 1, mode, 0, 0, size, modified_ns, modified_ns, b"", b"", 0)


class Bench:
    def __init__(self, directory):
        self.path = str(directory / "shadow")
        self.shadow = Shadow(self.path)
        self.losses = Losses(self.shadow)

    def have(self, *entries):
        for one in entries:
            self.shadow.put(0, one)
        self.shadow.commit()

    def remove(self, path):
        count = self.losses.removing(0, path)
        self.shadow.remove(0, path)
        self.shadow.commit()
        return count

    def create(self, one):
        count = self.losses.created(0, one)
        self.have(one)
        return count

    def counts(self):
        self.shadow.commit()
        reader = LossReader(self.path)
        counts, _ = reader.counts()
        reader.close()
        return counts


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.have(entry(b"d", 1, mode=stat.S_IFDIR | 0o755, size=0), entry(b"d/a", 2), entry(b"d/b", 3))
    yield made
    made.shadow.close()


def test_a_removed_directory_counts_its_files_once(bench):
    assert bench.remove(b"d/a") == 1
    assert bench.remove(b"d") == 1
    assert bench.remove(b"d") == 0
    assert bench.counts() == {"removed_files": 2, "removed_folders": 1, "undecided": 3}
    assert [loss.path for loss in bench.losses.undecided()] == [b"d", b"d/a", b"d/b"]


def test_a_directory_recorded_as_gone_and_new_was_moved(bench):
    assert bench.remove(b"d") == 2
    assert bench.create(entry(b"e", 1, mode=stat.S_IFDIR | 0o755, size=0)) == 0
    assert bench.create(entry(b"e/a", 2)) == 1
    assert bench.create(entry(b"e/b", 3)) == 1
    assert bench.counts() == {}
    assert bench.remove(b"e/a") == 1
    assert [loss.path for loss in bench.losses.undecided()] == [b"d/a"]


def test_what_no_replica_has_is_never_lost(bench):
    assert bench.create(entry(b"d/new", 9)) == 0
    assert bench.losses.rewriting(0, entry(b"d/new", 9)) == 0
    assert bench.remove(b"d/new") == 0
    assert bench.counts() == {}


def test_a_rewrite_counts_once_and_only_of_what_is_not_young(bench):
    assert bench.losses.rewriting(0, entry(b"d/a", 2)) == 1
    assert bench.losses.rewriting(0, entry(b"d/a", 2)) == 0
    assert bench.losses.rewriting(0, entry(b"d/b", 3, modified_ns=OLD_NS * 4)) == 0
    assert bench.losses.rewriting(0, entry(b"d/b", 3, size=0)) == 0
    assert bench.counts() == {"rewritten_files": 1, "undecided": 1}
    assert bench.remove(b"d/a") == 0
    assert bench.counts() == {"removed_files": 1, "undecided": 1}


def test_what_comes_back_as_it_was_needs_no_decision(bench):
    bench.remove(b"d/a")
    assert bench.create(entry(b"d/a", 77)) == 1
    assert bench.losses.undecided() == []
    assert bench.losses.any_restored()
    bench.remove(b"d/b")
    assert bench.create(entry(b"d/b", 78, size=9)) == 0
    assert bench.counts()["rewritten_files"] == 1


def test_a_renamed_file_that_is_removed_is_lost_where_the_replica_has_it(bench):
    row = bench.shadow.get(0, b"d/a")
    bench.losses.renamed(0, row, b"d/z")
    bench.shadow.rename(0, b"d/a", b"d/z")
    assert bench.remove(b"d/z") == 1
    assert [loss.path for loss in bench.losses.undecided()] == [b"d/a"]


def test_decisions_are_by_subtree_and_a_later_loss_is_decided_anew(bench):
    bench.remove(b"d")
    chosen = bench.losses.undecided(0, b"d/a")
    bench.losses.decide(chosen, BrakeDecision.ACCEPTED)
    assert [loss.path for loss in bench.losses.undecided()] == [b"d", b"d/b"]
    assert bench.counts()["accepted"] == 1
    bench.losses.decide(bench.losses.undecided(), BrakeDecision.RESTORED)
    bench.create(entry(b"d/b", 5))
    bench.remove(b"d/b")
    assert [loss.path for loss in bench.losses.undecided()] == [b"d/b"]
    bench.losses.clear()
    assert bench.counts() == {}


def test_another_kind_of_entry_with_its_name_decides_nothing(bench):
    bench.remove(b"d")
    assert bench.create(entry(b"d/a", 77, mode=stat.S_IFLNK | 0o777, size=0)) == 0
    assert bench.create(entry(b"d", 78)) == 0
    assert [loss.path for loss in bench.losses.undecided()] == [b"d", b"d/a", b"d/b"]
    counts = bench.counts()
    assert (counts["rewritten_files"], counts["rewritten_folders"], counts["removed_files"]) == (1, 1, 1)


def test_what_is_undecided_is_listed_first_where_not_all_is(bench):
    bench.have(*(entry(b"e%02d" % number, 100 + number) for number in range(20)))
    for number in range(20):
        bench.remove(b"e%02d" % number)
    losses = bench.losses.undecided()
    bench.losses.decide(losses[:15], BrakeDecision.ACCEPTED)
    bench.shadow.commit()
    reader = LossReader(bench.path)
    items, more = reader.items(7)
    assert [item.path for item in items] == [b"e00", b"e01", *(b"e%02d" % n for n in range(15, 20))]
    assert more
    assert (len(reader.items(20)[0]), reader.items(20)[1]) == (20, False)
    reader.close()
    assert bench.losses.holds(0, b"e01")
    assert not bench.losses.holds(0, b"elsewhere")
