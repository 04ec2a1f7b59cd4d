"""Where entries with refused metadata are at the end of a batch."""

from __future__ import annotations

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.records import MakeEntry, MakeLink, Record, Remove, Rename, ReplaceFile, SetMetadata
from app.replication.replica.unset import follow

FILE = Metadata(EntryKind.FILE, 0o644, 1, 1, 0, 5)
OTHER = Metadata(EntryKind.FILE, 0o600, 1, 1, 0, 5)
FOLDER = Metadata(EntryKind.DIRECTORY, 0o755, 1, 1, 0, 5)
OWNER = {"what": "owner", "cause": "Operation not permitted"}


def places(*records: Record, path: bytes = b"f") -> dict[tuple[int, bytes], Metadata]:
    found = follow(records, [(0, Problem("WR00311", path, OWNER))])
    return {place: unset.metadata for place, unset in found.items()}


def put(path: bytes) -> ReplaceFile:
    return ReplaceFile(0, path, FILE, (), b"")


def test_the_last_metadata_that_were_sent_count() -> None:
    assert places(put(b"f"), SetMetadata(0, b"f", OTHER)) == {(0, b"f"): OTHER}


def test_it_goes_where_its_path_goes() -> None:
    assert places(put(b"f"), Rename(0, b"f", b"g")) == {(0, b"g"): FILE}
    moved = places(MakeEntry(0, b"d", FOLDER), put(b"d/f"), Rename(0, b"d", b"e/x"), path=b"d/f")
    assert moved == {(0, b"e/x/f"): FILE}
    again = places(put(b"f"), Rename(0, b"f", b"g"), SetMetadata(0, b"g", OTHER))
    assert again == {(0, b"g"): OTHER}


def test_what_is_gone_or_replaced_has_none() -> None:
    assert places(put(b"f"), Remove(0, b"f")) == {}
    assert places(MakeEntry(0, b"d", FOLDER), put(b"d/f"), Remove(0, b"d"), path=b"d/f") == {}
    assert places(put(b"f"), MakeLink(0, b"f", b"g")) == {}
    assert places(put(b"f"), Rename(0, b"g", b"f")) == {}


def test_a_name_that_only_begins_alike_stays() -> None:
    assert places(put(b"f"), Remove(0, b"f.old"), Rename(0, b"ff", b"x")) == {(0, b"f"): FILE}


def test_all_that_was_refused_is_named_by_its_cause() -> None:
    def problem(what: str, cause: str) -> tuple[int, Problem]:
        return 0, Problem("WR00311", b"f", {"what": what, "cause": cause})

    found = follow(
        [put(b"f")],
        [
            problem("owner", "no"),
            problem("permissions", "no"),
            problem("permissions", "no"),
            problem("time", "why"),
        ],
    )
    assert found[0, b"f"].cause == "owner, permissions: no; time: why"
