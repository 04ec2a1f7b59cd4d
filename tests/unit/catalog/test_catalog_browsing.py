"""Listings, versions and search."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.catalog.store import SqlCatalog
from app.model.entry import EntryKind
from app.model.search import Query
from tests.support.catalog_rows import (
    ENTITY,
    MACHINE,
    ROOT,
    SET,
    START,
    back_up,
    back_up_changes,
    file,
    folder,
    hour,
    names,
    session,
    tree,
)


def found(catalog: SqlCatalog, pattern: str, **criteria: object) -> list[bytes]:
    return names(catalog.browsing.query(Query(pattern, **criteria)))  # type: ignore[arg-type]


def test_the_tree_can_be_walked_from_the_top_down_to_a_deep_root(catalog: SqlCatalog) -> None:
    root = b"/srv/deep/files"
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [root])
    staging.add([folder(root), file(root + b"/a", "1")])
    staging.publish(session(1))
    walked = []
    path = b"/"
    while listed := catalog.browsing.browse_tree(MACHINE, path):
        assert len(listed) == 1
        path = listed[0].path
        walked.append((path, listed[0].kind))
    kind = EntryKind.DIRECTORY
    assert walked == [(b"/srv", kind), (b"/srv/deep", kind), (root, kind), (root + b"/a", EntryKind.FILE)]


def test_folders_come_first_then_names_and_pages_do_not_overlap(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"z/x": "1", b"b": "1", b"a": "1", b"m/y": "1"}))
    every = names(catalog.browsing.browse_tree(MACHINE, ROOT))
    assert every == [ROOT + b"/" + name for name in (b"m", b"z", b"a", b"b")]
    pages = [names(catalog.browsing.browse_tree(MACHINE, ROOT, limit=3, offset=at)) for at in (0, 3)]
    assert pages[0] + pages[1] == every


def test_a_folder_as_of_a_time_is_that_of_the_session_before_it(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    back_up(catalog, 2, tree({b"b": "1"}))
    between = hour(1) + timedelta(minutes=30)
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT, as_of=between)) == [ROOT + b"/a"]
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT, as_of=hour(2))) == [ROOT + b"/b"]
    assert catalog.browsing.browse_tree(MACHINE, ROOT, as_of=START) == []


def test_entries_count_their_versions_and_name_their_session(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    back_up_changes(catalog, 2, [file(ROOT + b"/a", "2")])
    (entry,) = catalog.browsing.browse_tree(MACHINE, ROOT)
    assert (entry.versions, entry.session_number, entry.media_serial) == (2, 2, "S1")
    assert [m.name for m in catalog.browsing.machines()] == [MACHINE]


def test_names_that_are_not_utf8_come_back_as_they_were(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"caf\xe9": "1", b"\xff\xfe/x": "1"}))
    assert found(catalog, "caf?") == [ROOT + b"/caf\xe9"]
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT)) == [ROOT + b"/\xff\xfe", ROOT + b"/caf\xe9"]
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT + b"/\xff\xfe")) == [ROOT + b"/\xff\xfe/x"]
    assert len(catalog.browsing.versions(MACHINE, ROOT + b"/caf\xe9")) == 1


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("50%_off", [b"50%_off"]),
        ("50%*", [b"50%_off"]),
        ("*_*", [b"50%_off", b"a_b"]),
        ("a?b", [b"a_b", b"axb"]),
        ("*\\*", [b"back\\slash"]),
        ("AXB", [b"axb"]),
        ("xb", [b"axb"]),
        ("nothing*", []),
    ],
)
def test_patterns_know_only_star_and_question_mark(
    catalog: SqlCatalog, pattern: str, hits: list[bytes]
) -> None:
    back_up(catalog, 1, tree(dict.fromkeys((b"50%_off", b"a_b", b"axb", b"back\\slash"), "1")))
    assert found(catalog, pattern) == [ROOT + b"/" + name for name in hits]


def test_every_criterion_limits(catalog: SqlCatalog) -> None:
    day = 86_400_000_000_000
    base = int(START.timestamp()) * 1_000_000_000
    entries = [
        folder(ROOT),
        folder(ROOT + b"/in"),
        folder(ROOT + b"/in/deep"),
        file(ROOT + b"/in/f1", "1", size=1, modified=base),
        file(ROOT + b"/in/deep/f2", "1", size=500, modified=base + day),
        file(ROOT + b"/inside-f3", "1", size=900, modified=base + 2 * day),
    ]
    back_up(catalog, 1, entries)
    f1, f2, f3 = ROOT + b"/in/f1", ROOT + b"/in/deep/f2", ROOT + b"/inside-f3"
    assert found(catalog, "*f?", directory=ROOT + b"/in") == [f1, f2]
    assert found(catalog, "*f?", directory=ROOT + b"/in", subdirectories=False) == [f1]
    assert found(catalog, "*f?", directory=b"/") == [f1, f2, f3]
    assert found(catalog, "*f?", size_min=2, size_max=600) == [f2]
    assert found(catalog, "*f?", modified_from=START + timedelta(hours=1)) == [f2, f3]
    assert found(catalog, "*f?", modified_to=START + timedelta(hours=30)) == [f1, f2]
    assert found(catalog, "*f?", machine="other") == []
    assert found(catalog, "*f?", limit=1, offset=1) == [f2]


def test_files_are_found_by_when_they_were_backed_up(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"gone": "1", b"changed": "1", b"kept": "1"}))
    back_up(catalog, 2, tree({b"changed": "2", b"kept": "1"}))
    back_up(catalog, 4, tree({b"changed": "3", b"kept": "1", b"new": "1"}))

    def held(**times: Any) -> dict[bytes, tuple[int, datetime | None]]:
        entries = catalog.browsing.query(Query("*", directory=ROOT, **times))
        return {one.path[len(ROOT) + 1 :]: (one.session_number, one.deleted_after) for one in entries}

    assert held(backed_up_to=hour(1)) == {b"gone": (1, hour(1)), b"changed": (1, None), b"kept": (1, None)}
    assert held(backed_up_from=hour(2), backed_up_to=hour(3)) == {b"changed": (2, None), b"kept": (2, None)}
    assert held(backed_up_from=hour(3)) == {b"changed": (4, None), b"kept": (4, None), b"new": (4, None)}
    assert held(backed_up_from=hour(5)) == {}
    # What went later is told as gone after the last session that has it, not after the one that is shown.
    assert held(backed_up_to=hour(1), deleted_to=hour(1)) == {b"gone": (1, hour(1))}
    assert held(backed_up_from=hour(2), deleted_to=hour(9)) == {}


def test_deleted_files_are_found_by_when_they_went(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"gone": "1", b"changed": "1", b"kept": "1"}))
    back_up(catalog, 2, tree({b"gone": "1", b"changed": "2", b"kept": "1"}))
    back_up(catalog, 4, tree({b"changed": "2", b"kept": "1"}))
    (entry,) = catalog.browsing.query(Query("*", deleted_from=hour(2), deleted_to=hour(4)))
    assert (entry.path, entry.session_number, entry.deleted_after) == (ROOT + b"/gone", 2, hour(2))
    assert found(catalog, "*", deleted_from=hour(5)) == []
    assert found(catalog, "*", deleted_to=hour(1)) == []
    kept = next(e for e in catalog.browsing.query(Query("kept")))
    assert (kept.deleted_after, kept.session_number) == (None, 4)
