"""Searching by name: few matches and very many, patterns the index helps with and others, by folder."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from app.catalog.name_index import match_expression
from app.catalog.search import like_pattern
from app.catalog.store import SqlCatalog
from app.model.search import Query
from tests.support.catalog_rows import MACHINE, ROOT, back_up, names, tree

FILES = [
    f"{folder}/{first}-{second}{ending}".encode()
    for folder, first, second, ending in itertools.product(
        ("a", "b/c", "d"), ("report", "Invoice", "x%y_z"), range(4), (".txt", ".log")
    )
]


def as_sql(pattern: str, name: bytes) -> bool:
    """Whether a name matches, by the rules of the pattern alone."""
    import fnmatch

    wanted = pattern.lower() if any(c in pattern for c in "*?") else f"*{pattern.lower()}*"
    return fnmatch.fnmatchcase(name.decode().lower(), wanted.replace("[", "[[]"))


@pytest.fixture
def filled(catalog: SqlCatalog) -> SqlCatalog:
    back_up(catalog, 1, tree(dict.fromkeys(FILES, "1")))
    return catalog


PATTERNS = ["report", "*.txt", "inv*", "*-3.*", "x%y", "_z-", "*", "rep?rt-1.log", "q", "none such", "t-"]
FOLDERS = [b"", *(ROOT + name for name in (b"", b"/a", b"/b", b"/b/c"))]


@pytest.mark.parametrize("few", [0, 3, 1000])
def test_every_match_is_found_once_whatever_the_way(
    filled: SqlCatalog, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.catalog.search._FEW", few)
    monkeypatch.setattr("app.catalog.search._SMALL_TREE", few)
    for pattern, folder in itertools.product(PATTERNS, FOLDERS):
        base = folder or ROOT
        wanted = {
            ROOT + b"/" + path
            for path in FILES
            if (ROOT + b"/" + path).startswith(base + b"/") and as_sql(pattern, path.rpartition(b"/")[2])
        }
        query = Query(pattern=pattern, directory=folder, limit=1000)
        every = filled.browsing.query(query)
        found = names(one for one in every if one.kind.value == "file")
        assert len(found) == len(set(found))
        assert set(found) == wanted
        # Pages follow each other without gap or repetition.
        paged = [
            entry
            for offset in range(0, len(every), 11)
            for entry in filled.browsing.query(replace(query, limit=11, offset=offset))
        ]
        assert names(paged) == names(every)


def test_few_matches_are_sorted_by_name(filled: SqlCatalog) -> None:
    found = [path.rpartition(b"/")[2] for path in names(filled.browsing.query(Query(pattern="*.log")))]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("report", '"rep" AND "ort"'),
        ("repo", '"rep" AND "epo"'),
        ("*.txt", '".tx" AND "txt"'),
        ("a?b*cd", ""),
        ("ab%_c", '"ab%" AND "%_c"'),
        ('sa"id', '"sa""" AND """id"'),
        ("*", ""),
        ("back\\slash", '"bac" AND "k\\s" AND "las" AND "ash"'),
    ],
)
def test_the_index_is_asked_for_letters_that_every_match_has(pattern: str, expected: str) -> None:
    found = match_expression(like_pattern(pattern))
    assert set(found.split(" AND ")) == set(expected.split(" AND ")), found


def test_a_folder_lists_its_folders_first_and_pages_without_gaps(catalog: SqlCatalog) -> None:
    chooser = random.Random(3)
    entries = {b"n%03d" % number: "1" for number in chooser.sample(range(500), 40)}
    entries |= {b"n%03d/file" % number: "1" for number in range(500, 530)}
    back_up(catalog, 1, tree(entries))
    # A name that was a folder once and is a file now stands among the files.
    entries = {path: content for path, content in entries.items() if not path.startswith(b"n500/")}
    entries[b"n500"] = "2"
    back_up(catalog, 2, tree(entries))
    every = catalog.browsing.browse_tree(MACHINE, ROOT)
    kinds = [entry.kind.value for entry in every]
    assert kinds == ["directory"] * 29 + ["file"] * 41
    for kind in ("directory", "file"):
        listed = names(entry for entry in every if entry.kind.value == kind)
        assert listed == sorted(listed)
    for step in (1, 7, 29, 30, 100):
        pages = [
            entry
            for offset in range(0, 71, step)
            for entry in catalog.browsing.browse_tree(MACHINE, ROOT, limit=step, offset=offset)
        ]
        assert names(pages) == names(every)
    assert ROOT + b"/n500" in names(every[29:])
    first = catalog.browsing.browse_session("S1", 1, ROOT, limit=30)
    assert {entry.kind.value for entry in first} == {"directory"}
