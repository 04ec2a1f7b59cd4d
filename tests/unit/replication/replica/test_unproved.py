"""What rewinds and restores touched is marked in listings until a synchronisation that had them has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.frame_codec import encode_listing
from app.replication.replica.applied import CHANGED, SUBTREE
from app.replication.replica.listing import in_parts, list_raw, list_root
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.unproved import Unproved, end_unproved, note_unproved
from app.replication.sync_frames import CONTENT_UNPROVED, raw_entries
from tests.support.replica_tree import open_store

_BEFORE, _REWOUND, _LATER = 4, 7, 9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "one", tmp_path / "two")
    for path in ("a/b", "c", "d"):
        (tmp_path / "one" / path).mkdir(parents=True)
    for path in ("a/b/in tree", "a/beside", "ab", "c/file", "d/file", "file", "first name"):
        (tmp_path / "one" / path).write_text(path)
    os.link(tmp_path / "one/first name", tmp_path / "one/d/second name")
    (tmp_path / "one/link").symlink_to("file")
    (tmp_path / "two/file").write_text("x")
    yield opened
    opened.close()


def _note(store: ReplicaStore, first: int = _BEFORE, last: int = _REWOUND) -> None:
    note_unproved(store.index, first, last)
    store.index.commit(store.index.position)


def _stamp(store: ReplicaStore, path: bytes, change: int = _REWOUND, kind: int = CHANGED) -> None:
    store.index.stamp(0, path, change, kind)
    store.index.commit(store.index.position)


def _marked(store: ReplicaStore, root: int = 0) -> set[bytes]:
    parts = (encode_listing(root, part) for part in in_parts(list_raw(store.trees[root].tree)))
    entries = [entry for part in Unproved(store, root).told(parts) for entry in raw_entries(part)]
    assert [entry[0] for entry in entries] == [entry[0] for entry in list_raw(store.trees[root].tree)]
    marked = {entry[0] for entry in entries if entry[12] & CONTENT_UNPROVED}
    # Each one on its own, as a difference report that goes on in the midst of a root has it.
    assert marked == {
        entry.path
        for one in list_root(store.trees[root].tree)
        for entry in Unproved(store, root).marked([one])
        if entry.links & CONTENT_UNPROVED
    }
    return marked


def _end(store: ReplicaStore) -> None:
    end_unproved(store)
    store.index.commit(store.index.position)


def test_files_that_were_touched_since_are_marked_and_nothing_else(store: ReplicaStore) -> None:
    for path, change in ((b"file", _REWOUND), (b"ab", _BEFORE), (b"c", _REWOUND), (b"link", _REWOUND)):
        _stamp(store, path, change)
    assert _marked(store) == set()
    _note(store)
    assert _marked(store) == {b"file"}
    # The stream may have set nothing but its permissions.
    _stamp(store, b"file", _LATER)
    assert _marked(store) == {b"file"}


def test_all_in_a_directory_that_came_is(store: ReplicaStore) -> None:
    _stamp(store, b"a", kind=SUBTREE)
    _stamp(store, b"d")
    _note(store)
    assert _marked(store) == {b"a/b/in tree", b"a/beside"}


def test_all_in_a_root_is_where_it_came_as_a_whole(store: ReplicaStore) -> None:
    _stamp(store, b"", kind=SUBTREE)
    _note(store)
    assert {b"file", b"ab", b"c/file", b"first name"} < _marked(store)
    assert _marked(store, 1) == set()


def test_all_names_of_a_file_are(store: ReplicaStore, tmp_path: Path) -> None:
    inode = (tmp_path / "one/first name").stat().st_ino
    for name in (b"first name", b"d/second name"):
        store.links.add(0, name, inode)
    _stamp(store, b"d", kind=SUBTREE)
    _note(store)
    assert _marked(store) == {b"d/file", b"d/second name", b"first name"}


def test_all_is_where_not_all_is_known_any_more(store: ReplicaStore) -> None:
    store.index.note("INSERT OR REPLACE INTO meta VALUES ('horizon', ?)", (str(_BEFORE + 1),))
    _note(store)
    assert {b"file", b"ab", b"c/file", b"first name"} < _marked(store)


def test_a_synchronisation_that_listed_it_ends_it(store: ReplicaStore) -> None:
    _stamp(store, b"file")
    _note(store)
    assert _marked(store) == {b"file"}
    _end(store)
    assert _marked(store) == {b"file"}, "the other root was not listed"
    Unproved(store, 1).marked([])
    _end(store)
    assert _marked(store) == {b"file"}, "a difference report compares nothing for good"
    _marked(store, 1)
    _end(store)
    assert _marked(store) == set()


def test_what_came_after_the_listing_is_left_for_the_next(store: ReplicaStore) -> None:
    _note(store)
    for root in (0, 1):
        _marked(store, root)
    _stamp(store, b"file", _LATER)
    _note(store, _REWOUND, _LATER)
    _end(store)
    assert _marked(store) == {b"file"}
    _marked(store, 1)
    _end(store)
    assert _marked(store) == set()
