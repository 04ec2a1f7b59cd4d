"""Two sessions' states of a folder are compared by counts and path by path."""

from __future__ import annotations

import pytest

from app.catalog.store import SqlCatalog
from app.model.errors import ArcxoError, NotFoundError
from app.model.folder_comparison import Change, FolderComparison
from tests.support.catalog_rows import MACHINE, ROOT, back_up, session, tree

D = ROOT + b"/d"


@pytest.fixture
def two(catalog: SqlCatalog) -> SqlCatalog:
    before = {
        b"d/same": "1",
        b"d/changed": "1",
        b"d/gone": "1",
        b"d/e/deep": "1",
        b"outside": "1",
        b"d.x": "1",
    }
    after = {b"d/same": "1", b"d/changed": "2", b"d/new": "1", b"d/f/deep": "1", b"outside": "2", b"d.x": "2"}
    back_up(catalog, 1, tree(before))
    back_up(catalog, 2, tree(after))
    return catalog


def compare(catalog: SqlCatalog, path: bytes, limit: int = 1000) -> FolderComparison:
    serial = session(1).media_serial
    return catalog.browsing.compare_folders(MACHINE, path, (serial, 1), (serial, 2), limit=limit)


def test_counts_and_paths_are_of_what_is_beneath_the_folder(two: SqlCatalog) -> None:
    found = compare(two, D)
    assert found.files == {Change.ADDED: 2, Change.REMOVED: 2, Change.CHANGED: 1, Change.SAME: 1}
    assert found.folders == {Change.ADDED: 1, Change.REMOVED: 1, Change.CHANGED: 0, Change.SAME: 0}
    assert (found.size_before, found.size_after, found.differs, found.by_time) == (40, 40, True, False)
    assert {(item.path, item.change) for item in found.items} == {
        (D + b"/changed", Change.CHANGED),
        (D + b"/gone", Change.REMOVED),
        (D + b"/new", Change.ADDED),
        (D + b"/e", Change.REMOVED),
        (D + b"/e/deep", Change.REMOVED),
        (D + b"/f", Change.ADDED),
        (D + b"/f/deep", Change.ADDED),
    }


def test_a_list_that_is_cut_says_so_and_the_counts_are_whole(two: SqlCatalog) -> None:
    found = compare(two, D, limit=2)
    assert (len(found.items), found.truncated) == (2, True)
    assert sum(found.files.values()) == 6


def test_the_same_session_does_not_differ(two: SqlCatalog) -> None:
    serial = session(1).media_serial
    found = two.browsing.compare_folders(MACHINE, b"/", (serial, 2), (serial, 2))
    assert not found.differs
    assert found.items == ()


def test_unknown_sessions_and_those_without_names_are_refused(two: SqlCatalog) -> None:
    serial = session(1).media_serial
    with pytest.raises(NotFoundError, match=r"E6009|E6010"):
        two.browsing.compare_folders(MACHINE, D, (serial, 1), (serial, 9))
    two.sessions.drop_detail(serial, 1)
    with pytest.raises(ArcxoError, match="E6031"):
        two.browsing.compare_folders(MACHINE, D, (serial, 1), (serial, 2))
