"""Two listings merged in C give what the interpreter finds, and hostile ones are refused the same."""

from __future__ import annotations

import random
import stat
from collections.abc import Iterator, Sequence
from typing import Any

import msgpack
import pytest

from app.model.errors import ArcxoError
from app.replication.frame_codec import encode_listing
from app.replication.master.differences import Pairs, What
from app.replication.master.quick_merge import unequal_parts
from app.replication.master.sends import NewRun
from app.replication.master.shadow import ShadowRow, entry_of_row
from app.replication.records import INLINE_MAX_BYTES
from app.replication.sync_frames import CONTENT_UNPROVED
from tests.support.capabilities import native_or_report

MODES = {8: stat.S_IFREG, 4: stat.S_IFDIR, 10: stat.S_IFLNK, 1: stat.S_IFIFO}
Entry = tuple[Any, ...]


def row(key: bytes, kind: int = 8, **other: Any) -> ShadowRow:
    fields = {
        "key": key, "kind": kind, "permissions": 0o644, "uid": 0, "gid": 0, "size": 7 if kind == 8 else 0,
        "modified": 5, "xattrs": b"", "target": b"t" if kind == 10 else b"", "rdev": 0, "links": 1,
        "device": 0, "inode": 4, "changed": 9, "mode": MODES[kind] | 0o644, "hashes": None,
    }  # fmt: skip
    return tuple((fields | other).values())


def entry(of: ShadowRow, **other: Any) -> Entry:
    fields = dict(
        zip(
            ("kind", "permissions", "uid", "gid", "size", "modified", "xattrs", "target", "rdev"),
            of[1:10],
            strict=True,
        )
    )
    fields |= {"device": 1, "inode": (1 << 64) - 1, "links": of[10]} | other
    return (of[0].replace(b"\0", b"/"), *fields.values())


def packed(rows: list[ShadowRow]) -> Sequence[ShadowRow]:
    """As the walk in C passes them on: some of them without objects, as they were recorded."""
    recorded = native_or_report("recorded")
    part = recorded.Rows()
    for number, one in enumerate(rows):
        (
            key,
            _,
            _,
            uid,
            gid,
            size,
            modified,
            xattrs,
            target,
            rdev,
            links,
            device,
            inode,
            changed,
            mode,
            hashes,
        ) = one
        seen = (key, changed, modified, mode, inode, device, links, size, xattrs, target, hashes)
        if number % 3:
            part.add_known(recorded.Rows([seen], seen=True), 0, uid, gid, rdev)
        else:
            part.append(one)
    assert list(part) == rows
    rows_of_c: Sequence[ShadowRow] = part
    return rows_of_c


def found(
    monkeypatch: pytest.MonkeyPatch,
    native: str,
    rows: list[ShadowRow],
    theirs: list[bytes],
    step: int,
    **how: Any,
) -> tuple[list[tuple[What, bytes, Any, Any]], int, int]:
    """All differences, and files and bytes that are the same."""
    monkeypatch.setenv("ARCXO_NATIVE", native)
    same = [0, 0]

    def told(files: int, size: int) -> None:
        same[0] += files
        same[1] += size

    trust, unproved = how.get("trust", True), how.get("unproved_ns")
    pairs = Pairs(
        keeps=lambda _: False, trust_size_time=trust, unproved_ns=unproved,
        on_same=lambda ours: told(1, ours.size) if stat.S_ISREG(ours.mode) else None,
    )  # fmt: skip

    def parts() -> Iterator[Sequence[ShadowRow]]:
        for at in range(0, len(rows), step):
            part = rows[at : at + step]
            yield packed(part) if how.get("packed") else part

    differences: list[tuple[What, bytes, Any, Any]] = []
    for one in unequal_parts(
        parts(), iter(theirs), trust_size_time=trust, unproved_ns=unproved, on_same_files=told
    ):
        if isinstance(one, NewRun):
            assert one.files == sum(r[1] == 8 for r in one.rows)
            assert one.size == sum(r[5] for r in one.rows if r[1] == 8)
            assert all(r[1] == 4 or (r[10] == 1 and r[5] <= INLINE_MAX_BYTES) for r in one.rows)
            ours = map(entry_of_row, one.rows)
            differences += [(What.MISSING, mine.path, mine, None) for mine in ours]
        elif (difference := pairs.difference(*one)) is not None:
            differences.append((difference.what, difference.path, difference.ours, difference.theirs))
    return differences, same[0], same[1]


def listing(entries: list[Entry], part: int) -> list[bytes]:
    return [encode_listing(0, tuple(entries[at : at + part])) for at in range(0, len(entries), part)]


@pytest.mark.parametrize("seed", range(40))
def test_differences_are_those_of_the_interpreter(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    native_or_report("merging")
    chance = random.Random(seed)
    names = [b"a", b"a!", b"b", b"\xff", b"d" * 200, b"ab"]
    keys = {b"", *(b"\0".join(chance.choices(names, k=chance.randint(1, 4))) for _ in range(120))}
    rows, entries = [], []
    for key in sorted(keys):
        other: dict[str, Any] = {}
        if chance.random() < 0.3:
            other["links"] = chance.randint(2, 3)
        if chance.random() < 0.3:
            other["changed"] = chance.choice((0, -8, 12))
        ours = row(key, chance.choice((8, 8, 8, 4, 10, 1)), inode=chance.randint(1, 30), **other)
        if chance.random() < 0.1:
            ours = row(key, 8, size=chance.choice((INLINE_MAX_BYTES, INLINE_MAX_BYTES + 1)))
        listed = entry(ours, inode=chance.randint(1, 30))
        if chance.random() < 0.3:
            what = chance.choice(("permissions", "uid", "size", "modified", "xattrs", "links"))
            value = b"x" * 16 if what == "xattrs" else chance.choice((0, 1, 300, 70_000))
            listed = entry(ours, **{what: min(value, 0o7777) if what == "permissions" else value})
        if chance.random() < 0.1:
            listed = (*listed[:12], listed[12] | CONTENT_UNPROVED)
        side = chance.random()
        if key == b"" or side > 0.3:
            rows.append(ours)
        if key == b"" or side < 0.6 + 0.3 * (seed % 2):
            entries.append(listed)
    for how in ({}, {"trust": False}, {"unproved_ns": 10}):
        theirs = listing(entries, chance.choice((1, 7, 1000)))
        step = chance.choice((1, 7, 1000))
        expected = found(monkeypatch, "off", rows, theirs, step, **how)
        assert found(monkeypatch, "", rows, theirs, step, **how) == expected
        assert found(monkeypatch, "", rows, theirs, step, packed=True, **how) == expected
        assert expected[0] or not rows


@pytest.mark.parametrize("native", ["off", ""])
def test_a_file_whose_content_is_unproved_there_is_compared(
    monkeypatch: pytest.MonkeyPatch, native: str
) -> None:
    native_or_report("merging")
    rows = [row(b"", 4), row(b"a"), row(b"b", links=2), row(b"c", links=2), row(b"d"), row(b"e", 10)]
    entries = [entry(one) for one in rows[:2]] + [
        entry(one, links=one[10] | CONTENT_UNPROVED, inode=one[12]) for one in rows[2:]
    ]
    differences, files, _ = found(monkeypatch, native, rows, listing(entries, 3), 3)
    assert [(what, path) for what, path, _, _ in differences] == [
        (What.UNPROVED, b"b"),
        (What.LINK, b"c"),
        (What.UNPROVED, b"d"),
    ]
    assert files == 1
    assert [theirs.links for _, _, _, theirs in differences] == [2, 2, 1]


def test_a_replica_with_nothing_gets_runs_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    native_or_report("merging")
    monkeypatch.delenv("ARCXO_NATIVE", raising=False)
    rows = [row(b"", 4), *(row(b"%05d" % number, size=30_000) for number in range(1000))]
    runs = list(
        unequal_parts(
            iter([rows]), iter(listing([entry(rows[0])], 1)), trust_size_time=True, unproved_ns=None,
            on_same_files=lambda _files, _size: None,
        )
    )  # fmt: skip
    assert all(isinstance(run, NewRun) for run in runs)
    flat = [one for run in runs if isinstance(run, NewRun) for one in run.rows]
    assert flat == rows[1:]
    assert max(run.size for run in runs if isinstance(run, NewRun)) < 3 << 20


GOOD = [entry(row(b"", 4)), entry(row(b"a")), entry(row(b"b"))]


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"\xc1"],
        [b"\x93\x04\x00"],
        [msgpack.packb([4, 0, []])],
        [msgpack.packb([4, 0])],
        [msgpack.packb({1: 2})],
        [msgpack.packb([4, 0, GOOD]) + b"\0"],
        [msgpack.packb([4, 0, GOOD])[:-1]],
        [b"\x93\x04\x00\xdd\xff\xff\xff\xff"],
        [b"\x93\x04\x00\x91\x9d\xc6\xff\xff\xff\xff" + b"a" * 50],
        [msgpack.packb([4, 0, [GOOD[0], GOOD[1][:-1]]])],
        [msgpack.packb([4, 0, [GOOD[0], (*GOOD[1], 1)]])],
        [msgpack.packb([4, 0, [("text", *GOOD[1][1:])]])],
        [msgpack.packb([4, 0, [(b"a", None, *GOOD[1][2:])]])],
        [msgpack.packb([4, 0, [(b"a", 8.5, *GOOD[1][2:])]])],
        [msgpack.packb([4, 0, [(b"c", 8, 1 << 15, *GOOD[1][3:])]])],
        [msgpack.packb([4, 0, [(b"c", 99, *GOOD[1][2:])]])],
        [msgpack.packb([4, 0, [(b"c", 8, 1, 1, 1, 1, (1 << 64) - 1, *GOOD[1][7:])]])],
        [msgpack.packb([4, 0, [(b"../c", *GOOD[1][1:])]])],
        [msgpack.packb([4, 0, [(b"c\0d", *GOOD[1][1:])]])],
        listing([GOOD[0], GOOD[2], GOOD[1]], 3),
        listing([GOOD[0], GOOD[2], GOOD[1]], 1),
        listing([GOOD[0], GOOD[1], GOOD[1]], 1),
        listing([GOOD[0], GOOD[1], GOOD[1]], 5),
        listing([entry(row(b"a!")), entry(row(b"a\0b"))], 5),
    ],
)  # fmt: skip
def test_a_listing_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, parts: list[bytes]) -> None:
    native_or_report("merging")
    rows = [row(b"", 4), row(b"a"), row(b"b")]
    for native in ("", "off"):
        with pytest.raises(ArcxoError) as raised:
            found(monkeypatch, native, rows, parts, 100)
        assert raised.value.code in ("ER00301", "E1010")


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_listing_is_never_read_beyond(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    native_or_report("merging")
    chance = random.Random(seed)
    rows = [row(b"%03d" % number) for number in range(20)]
    whole = encode_listing(0, tuple(entry(one) for one in rows))
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        part = bytes(data[: chance.randint(1, len(data))] if chance.random() < 0.3 else data)
        results = []
        for native in ("", "off"):
            try:
                results.append(found(monkeypatch, native, rows, [part], 100))
            except ArcxoError as error:
                results.append(([], error.code == "E1010", 0))
        if results[0] != results[1]:
            # Numbers that only compare as equal, true for one above all, are refused.
            assert results[0][0] == []


def test_rows_that_are_none_are_refused() -> None:
    merging = native_or_report("merging")
    good = row(b"a")
    for bad in (good[:-1], (None, *good[1:]), (*good[:1], "x", *good[2:]), [*good]):
        merge = merging.Merge(True, None, 100, 10, 100)
        merge.listing(None, 10)
        with pytest.raises((ValueError, TypeError)):
            (merge.rows([bad]), merge.step())
    merge = merging.Merge(True, None, 100, 10, 100)
    merge.rows([good])
    with pytest.raises(ValueError, match="left"):
        merge.rows([good])
