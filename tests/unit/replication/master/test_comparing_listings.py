"""What a comparison of two listings finds; nothing here touches a disk."""

import stat

import pytest

from app.model.entry import EntryKind
from app.model.errors import ArcxoError
from app.model.scenario import Filters, ScenarioProperties
from app.replication.master.differences import What, compare, kept_extras
from app.replication.master.filters import PathFilter
from app.replication.master.shadow import ShadowEntry
from app.replication.sync_frames import ListedEntry

ROOT = ShadowEntry(b"", 0, 1, 2, stat.S_IFDIR | 0o755, 0, 0, 0, 5, 5, b"", b"", 0)


def ours(path, inode, **more):
    entry = ShadowEntry(path, 0, inode, 1, stat.S_IFREG | 0o644, 0, 0, 10, 5, 5, b"", b"", 0)
    return entry._replace(**more)


def directory(path, inode):
    return ours(path, inode, mode=stat.S_IFDIR | 0o755, size=0, links=2)


KINDS = {stat.S_IFREG: EntryKind.FILE, stat.S_IFDIR: EntryKind.DIRECTORY, stat.S_IFLNK: EntryKind.SYMLINK}


def theirs(entry, **more):
    """The same, as the replica lists it."""
    listed = ListedEntry(
        entry.path, KINDS[stat.S_IFMT(entry.mode)], entry.mode & 0o7777, entry.uid, entry.gid, entry.size,
        entry.modified_ns, entry.xattrs, entry.target, entry.rdev, 9, 1000 + entry.inode, entry.links,
    )  # fmt: skip
    return listed._replace(**more)


def found(mine, listed, *, trust=True, same=None, **properties):
    keeps = kept_extras(ScenarioProperties(**properties), PathFilter(Filters(exclude=("*.tmp",))))
    equal = [] if same is None else same
    compared = compare(
        iter([ROOT, *mine]),
        iter([theirs(ROOT), *listed]),
        keeps=keeps,
        trust_size_time=trust,
        on_same=equal.append,
    )
    return [(difference.what, difference.path) for difference in compared]


def test_equal_listings_have_no_difference():
    mine = [ours(b"a", 2), directory(b"d", 3), ours(b"d/x", 4), ours(b"d.x", 5)]
    same = []
    assert found(mine, [theirs(entry) for entry in mine], same=same) == []
    assert same == [ROOT, *mine]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"size_bytes": 11}, What.CONTENT),
        ({"modified_ns": 6}, What.CONTENT),
        ({"permissions": 0o600}, What.METADATA),
        ({"uid": 7}, What.METADATA),
        ({"gid": 7}, What.METADATA),
        ({"xattrs": b"x" * 16}, What.METADATA),
        ({"kind": EntryKind.SYMLINK, "link_target": b"t"}, What.REPLACED),
    ],
)
def test_each_kind_of_difference_is_found(change, what):
    entry = ours(b"a", 2)
    assert found([entry], [theirs(entry, **change)]) == [(what, b"a")]
    assert found([entry], []) == [(What.MISSING, b"a")]


def test_without_trust_in_size_and_time_no_content_is_proved():
    entry = ours(b"a", 2)
    assert found([entry], [theirs(entry)], trust=False) == [(What.UNPROVED, b"a")]


def test_an_extra_directory_is_told_once_and_what_filters_leave_out_not_at_all():
    extra = [theirs(directory(b"e", 3)), theirs(ours(b"e/x", 4)), theirs(ours(b"f.tmp", 5))]
    assert found([], extra) == [(What.EXTRA, b"e")]
    assert found([], extra, keep_deleted_during_sync=True) == []


def test_what_was_beneath_a_replaced_directory_is_gone_with_it():
    mine = [ours(b"d", 3), ours(b"e", 4)]
    listed = [theirs(directory(b"d", 3)), theirs(ours(b"d/x", 5)), theirs(ours(b"e", 4))]
    assert found(mine, listed) == [(What.REPLACED, b"d")]


def test_names_of_one_file_are_told_apart_from_copies():
    mine = [ours(b"a", 2, links=2), ours(b"b", 2, links=2)]
    joined = [theirs(entry) for entry in mine]
    assert found(mine, joined) == []
    assert found(mine, [joined[0], joined[1]._replace(inode=77)]) == [(What.LINK, b"b")]
    apart = [ours(b"a", 2), ours(b"b", 3)]
    listed = [theirs(entry, inode=55, links=2) for entry in apart]
    assert found(apart, listed) == [(What.JOINED, b"b")]


def test_other_names_follow_a_first_one_that_may_be_replaced():
    mine = [ours(b"a", 2, links=2), ours(b"b", 2, links=2)]
    listed = [theirs(mine[0], size_bytes=3), theirs(mine[1], size_bytes=3)]
    assert found(mine, listed) == [(What.CONTENT, b"a"), (What.LINK, b"b")]


@pytest.mark.parametrize("paths", [(b"b", b"a"), (b"a", b"a"), (b"a.x", b"a/x")])
def test_a_listing_that_is_not_in_order_is_refused(paths):
    listed = [theirs(ours(path, number)) for number, path in enumerate(paths)]
    with pytest.raises(ArcxoError, match="ER00301"):
        found([], listed)


def test_files_that_the_replica_has_as_one_are_found_among_those_with_a_name_elsewhere():
    mine = [ours(b"%03d" % number, number, links=1 + number % 3 // 2) for number in range(300)]
    listed = [theirs(entry, links=2) for entry in mine]
    assert found(mine, listed) == []
    listed[7] = listed[7]._replace(inode=listed[3].inode)
    listed[8] = listed[8]._replace(inode=listed[3].inode)
    listed[9] = listed[9]._replace(inode=listed[3].inode, device=8)
    assert found(mine, listed) == [(What.JOINED, b"007"), (What.JOINED, b"008")]
