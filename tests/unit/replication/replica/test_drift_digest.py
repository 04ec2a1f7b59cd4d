"""What belongs together is told as one: renames, folders as a whole, a folder's time by what is in it."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime

from app.model.drift import DriftKind
from app.model.entry import order_key
from app.replication.replica.drift import Finding, digest, kind_of
from app.replication.replica.drift_states import PathState
from app.replication.replica.drift_telling import changed_text

DIRECTORY = stat.S_IFDIR | 0o755
FILE = stat.S_IFREG | 0o644


def state(path: bytes, inode: int, mode: int = FILE, modified: int = 5, size: int = 1) -> PathState:
    return PathState(order_key(path), inode, mode, 0, 0, size, modified, 9, b"")


def finding(path: bytes, before: PathState | None, now: PathState | None) -> Finding:
    return Finding(0, path, kind_of(before, now), before, now)


def told(*findings: Finding) -> dict[bytes, tuple[DriftKind, bytes]]:
    return {one.path: (one.kind, one.other) for one in digest(findings) if one.told}


def test_an_entry_that_is_elsewhere_was_renamed() -> None:
    gone = finding(b"old", state(b"old", 1), None)
    come = finding(b"new", None, state(b"new", 1))
    assert told(gone, come) == {b"new": (DriftKind.RENAMED, b"old")}


def test_another_file_of_the_same_inode_number_but_another_type_was_not() -> None:
    gone = finding(b"old", state(b"old", 1, DIRECTORY), None)
    come = finding(b"new", None, state(b"new", 1))
    assert told(gone, come) == {b"old": (DriftKind.REMOVED, b""), b"new": (DriftKind.CREATED, b"")}


def test_what_is_in_a_folder_goes_with_it() -> None:
    findings = [
        finding(b"d", None, state(b"d", 1, DIRECTORY)),
        finding(b"d/x", None, state(b"d/x", 2)),
        finding(b"gone", state(b"gone", 3, DIRECTORY), None),
        finding(b"gone/y", state(b"gone/y", 4), None),
        finding(b"gone.txt", state(b"gone.txt", 5), None),
    ]
    assert set(told(*findings)) == {b"d", b"gone", b"gone.txt"}


def test_a_folders_time_is_told_by_what_is_in_it_or_else_by_itself() -> None:
    touched = finding(b"d", state(b"d", 1, DIRECTORY), state(b"d", 1, DIRECTORY, modified=6))
    inside = finding(b"d/x", None, state(b"d/x", 2))
    assert set(told(touched, inside)) == {b"d/x"}
    assert told(touched) == {b"d": (DriftKind.METADATA, b"")}


def test_kinds_of_change() -> None:
    before = state(b"f", 1)
    assert kind_of(before, state(b"f", 1, size=2)) is DriftKind.CHANGED
    assert kind_of(before, state(b"f", 2)) is DriftKind.CHANGED
    assert kind_of(before, state(b"f", 1, stat.S_IFREG | 0o600)) is DriftKind.METADATA
    assert kind_of(before, state(b"f", 1, DIRECTORY)) is DriftKind.CHANGED


def test_a_change_whose_time_nobody_knows_has_the_time_it_was_found() -> None:
    known = replace(state(b"edited", 1), changed_ns=1_700_000_000_000_000_000)
    assert changed_text(finding(b"edited", None, known)) == "2023-11-14T22:13:20+00:00"
    began = datetime.now(UTC).replace(microsecond=0)
    for unknown in (
        finding(b"edited", None, replace(known, changed_ns=0)),
        finding(b"gone", known, None),
    ):
        assert datetime.fromisoformat(changed_text(unknown)) >= began
