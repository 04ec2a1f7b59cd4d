"""Rows of the shadow without objects are those that were put in; what is none is refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from app.replication.master import shadow_reading
from app.replication.master.shadow import SEEN_STATEMENT, SeenRow, Shadow, ShadowEntry
from app.sqlite_files import private_uri
from tests.support.capabilities import missing, native_or_report

U63 = (1 << 63) - 1


def seen_row(chance: random.Random) -> SeenRow:
    numbers = [chance.choice((0, 1, -1, 1 << 40, U63, -U63 - 1)) for _ in range(7)]
    return (
        chance.randbytes(chance.choice((0, 1, 9, 300))), *numbers, chance.randbytes(chance.choice((0, 16))),
        chance.randbytes(chance.choice((0, 5))), chance.choice((None, b"", chance.randbytes(5000))),
    )  # type: ignore[return-value]  # seven numbers  # fmt: skip


def functions() -> dict[str, int]:
    recorded = native_or_report("recorded")
    found = shadow_reading._of_sqlite(recorded)
    if found is None:
        missing("a library of SQLite that shows its functions")
    return dict(found)


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_given_back_as_they_were(seed: int) -> None:
    recorded = native_or_report("recorded")
    chance = random.Random(seed)
    rows = [seen_row(chance) for _ in range(chance.choice((0, 1, 700)))]
    part = recorded.Rows(rows, seen=True)
    assert len(part) == len(rows)
    assert list(part) == rows
    part.extend(recorded.Rows(rows[:3], seen=True))
    part.append(rows[0] if rows else (b"", *[0] * 7, b"", b"", None))
    last = rows[0] if rows else (b"", *[0] * 7, b"", b"", None)
    assert list(part) == [*rows, *rows[:3], last]
    assert part[-1] == last
    for at in (len(part), -len(part) - 1):
        with pytest.raises(IndexError):
            part[at]


def test_what_was_recorded_is_passed_on_with_what_a_look_tells() -> None:
    recorded = native_or_report("recorded")
    seen = recorded.Rows([(b"k", 1, 2, 0o100644, 4, 5, 6, 7, b"x", b"t", b"h")], seen=True)
    part = recorded.Rows()
    part.append((b"a",))
    part.add_known(seen, 0, 11, 12, 13)
    both = recorded.Rows()
    both.extend(part)
    del part, seen
    with pytest.raises(ValueError, match="not a row"):
        both.files()
    assert list(both) == [(b"a",), (b"k", 8, 0o644, 11, 12, 7, 2, b"x", b"t", 13, 6, 5, 4, 1, 0o100644, b"h")]


GOOD: tuple[Any, ...] = (b"k", 1, 2, 3, 4, 5, 6, 7, b"", b"", None)


@pytest.mark.parametrize(
    "bad",
    [
        GOOD[:-1], (*GOOD, 1), [*GOOD], None, ("k", *GOOD[1:]), (None, *GOOD[1:]),
        (*GOOD[:1], "1", *GOOD[2:]), (*GOOD[:1], 1 << 63, *GOOD[2:]),
        (*GOOD[:8], None, *GOOD[9:]), (*GOOD[:10], 7),
    ],
)  # fmt: skip
def test_what_is_no_row_is_refused(bad: Any) -> None:
    recorded = native_or_report("recorded")
    with pytest.raises((ValueError, TypeError, OverflowError)):
        recorded.Rows([GOOD, bad], seen=True)
    part = recorded.Rows([GOOD], seen=True)
    for other in (part, recorded.Rows()):
        with pytest.raises(ValueError, match="another kind"):
            part.extend(other)
    for at in (-1, 1):
        with pytest.raises(ValueError, match="no such row"):
            recorded.Rows().add_known(part, at, 0, 0, 0)


def made(place: Path, rows: int) -> Shadow:
    shadow = Shadow(str(place))
    for number in range(rows):
        hashes = bytes([number % 256]) * 32 if number % 3 else None
        shadow.put(
            3,
            ShadowEntry(
                b"%05d/x" % number, number % 2, number, 1, 0o100644, 0, 0, number, number, -number,
                b"" if number % 5 else b"d" * 16, b"", 0, hashes,
            ),
        )  # fmt: skip
    shadow.commit()
    return shadow


def test_a_reader_gives_the_rows_in_parts_and_none_at_the_end(tmp_path: Path) -> None:
    recorded = native_or_report("recorded")
    known = functions()
    shadow = made(tmp_path / "shadow", 25)
    expected = shadow.reading().execute(SEEN_STATEMENT, (3,)).fetchall()
    uri = private_uri(shadow.path, read_only=True).encode()
    reader = recorded.Reader(known, uri, SEEN_STATEMENT.encode(), 3, 100)
    parts = []
    while (part := reader.part(10)) is not None:
        parts.append(list(part))
    assert parts == [expected[:10], expected[10:20], expected[20:]]
    assert reader.part(10) is None
    reader.close()
    reader.close()
    assert reader.part(10) is None
    assert recorded.Reader(known, uri, SEEN_STATEMENT.encode(), 9, 100).part(10) is None
    shadow.close()


def test_what_sqlite_refuses_is_an_error(tmp_path: Path) -> None:
    recorded = native_or_report("recorded")
    known = functions()
    shadow = made(tmp_path / "shadow", 2)
    uri = private_uri(shadow.path, read_only=True).encode()
    with pytest.raises(RuntimeError, match="unable to open"):
        recorded.Reader(known, b"file:/nowhere/x", SEEN_STATEMENT.encode(), 3, 1)
    with pytest.raises(RuntimeError, match="no such table"):
        recorded.Reader(known, uri, b"SELECT 1 FROM missing", 3, 1)
    with pytest.raises(ValueError, match="columns"):
        recorded.Reader(known, uri, b"SELECT key FROM entry WHERE root = ?", 3, 1)
    with pytest.raises(KeyError):
        recorded.Reader({}, uri, SEEN_STATEMENT.encode(), 3, 1)
    with pytest.raises(ValueError, match="missing"):
        recorded.Reader(known | {"step": 0}, uri, SEEN_STATEMENT.encode(), 3, 1)
    shadow.close()
    (tmp_path / "bad").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(RuntimeError, match="not a database"):
        recorded.Reader(known, private_uri(str(tmp_path / "bad")).encode(), SEEN_STATEMENT.encode(), 3, 1)
