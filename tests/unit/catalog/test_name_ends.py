"""Patterns without three letters in a row find what reading every name finds, by first and last letters."""

from __future__ import annotations

import fnmatch
import random

import pytest

from app.catalog import name_ends
from app.catalog.search import like_pattern
from app.catalog.store import SqlCatalog
from app.model.search import Query
from tests.support.catalog_rows import ROOT, back_up, file

_PATTERNS = ("q*z", "Q*Z", "*z", "q*", "??z", "q?", "?", "z*.c", "*.c", "%*_", "ä*", "*ß", "q*z*q", "*q*")


@pytest.fixture
def filled(catalog: SqlCatalog) -> tuple[SqlCatalog, set[str]]:
    chance = random.Random(5)
    letters = "qzQZ.cä%_\\ßa"
    names = {"".join(chance.choice(letters) for _ in range(chance.randint(1, 4))) for _ in range(600)}
    names -= {".", ".."}
    back_up(catalog, 1, [file(ROOT + b"/" + name.encode(), "1") for name in names])
    return catalog, names


def found_by(catalog: SqlCatalog, pattern: str) -> set[str]:
    answer = catalog.browsing.query(Query(pattern=pattern, limit=10_000))
    return {entry.path.rpartition(b"/")[2].decode() for entry in answer}


def like(name: str, pattern: str) -> bool:
    """As LIKE does: only letters of ASCII are alike in both cases."""

    def folded(text: str) -> str:
        return "".join(letter.lower() if letter.isascii() else letter for letter in text)

    return fnmatch.fnmatchcase(folded(name), folded(pattern.replace("[", "[[]")))


@pytest.mark.parametrize("near", [0, 50_000])
def test_what_is_found_is_what_every_name_gives(
    filled: tuple[SqlCatalog, set[str]], monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    catalog, names = filled
    monkeypatch.setattr(name_ends, "_NEAR", near)
    for pattern in _PATTERNS:
        wanted = {name for name in names if like(name, pattern)}
        found = found_by(catalog, pattern) - {ROOT.rpartition(b"/")[2].decode()}
        assert found == wanted, pattern


def test_pages_go_on_where_the_one_before_ended(
    filled: tuple[SqlCatalog, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, names = filled
    monkeypatch.setattr(name_ends, "_NEAR", 20)
    wanted = {name for name in names if like(name, "*z")}
    found: list[int] = []
    with catalog._database.read() as connection:
        while page := name_ends.next_by_ends(connection, "%z", found[-1] if found else 0, 7):
            assert page == sorted(page)
            found += page
    assert len(found) == len(set(found)) == len(wanted)


@pytest.mark.parametrize(
    ("pattern", "ends"),
    [("q*z", ("q", "z")), ("*", ("", "")), ("*.C", ("", "c")), ("100%*", ("1", "")), ("*\\", ("", "\\"))],
)
def test_the_letters_of_a_pattern(pattern: str, ends: tuple[str, str]) -> None:
    assert name_ends.ends(like_pattern(pattern)) == ends
