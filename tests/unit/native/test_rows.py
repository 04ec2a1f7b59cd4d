"""Parameters of statements made in C: the same as in Python."""

from __future__ import annotations

import random
from typing import Any

import pytest

from app.catalog.fresh import _runs_here, _values_here
from app.catalog.sessions_api import SessionEntry
from app.model.entry import EntryKind
from tests.support.capabilities import native_or_report

_PATHS = (
    b"/", b"", b"a", b"/a", b"/a/b", b"/a/b/c", b"/a/bc", b"/ab/b", b"//", b"/a//", b"a/b", b"/\xff\xfe",
    b"/\xc3\xa4/x",
)  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> Any:
    return native_or_report("rows")


def _batch(seed: int, count: int) -> list[SessionEntry]:
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        path = chance.choice(_PATHS) + chance.choice((b"", b"/n", b"/n\xe2\x82", b"/" + b"x" * 255))
        kind = chance.choice(list(EntryKind))
        made.append(SessionEntry(path, kind, chance.randrange(1 << 63), -chance.randrange(1 << 63), "c" * 32))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_folders_and_values_are_those_made_in_python(rows: Any, seed: int) -> None:
    batch = _batch(seed, 400)
    for some in (batch, sorted(batch), [], batch[:1]):
        runs = rows.runs(some)
        assert runs == _runs_here(some)
        native: list[object] = []
        python: list[object] = []
        for place, (_, first, beyond) in enumerate(runs):
            rows.values(some, first, beyond, place, native)
            _values_here(some, first, beyond, place, python)
        assert native == python
        assert [type(value) for value in native] == [type(value) for value in python]


@pytest.mark.parametrize("entry", [None, (), (b"/a",), ("text", 1, 2, 3, 4), [b"/a", 1, 2, 3, 4]])
def test_what_is_no_entry_is_refused(rows: Any, entry: Any) -> None:
    with pytest.raises(TypeError):
        rows.runs([entry])
    with pytest.raises(TypeError):
        rows.values([entry], 0, 1, 1, [])


def test_places_that_are_not_there_are_refused(rows: Any) -> None:
    for first, beyond in ((0, 2), (-1, 1)):
        with pytest.raises(IndexError):
            rows.values(_batch(1, 1), first, beyond, 1, [])
