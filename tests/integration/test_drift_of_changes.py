"""What a backup of changes reads was looked at for changes of others, though the look at all is not over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.replica.drift_watch import DriftWatch
from tests.support.replication_pair import Pair, until

LIMIT_S = 60.0
_SOON_S = 8.0
"""Less than a backup waits for the look at all paths."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.close()


@pytest.fixture
def unlooked(running: Pair, monkeypatch: pytest.MonkeyPatch) -> tuple[Pair, tuple[str, int]]:
    """A replica whose look at all paths does not come forward, and its change before what the test does."""
    monkeypatch.setattr(DriftWatch, "_advance_sweep", lambda *_, **__: False)
    monkeypatch.setattr(DriftWatch, "_look_at_hints", lambda *_, **__: None)
    for name in ("listed", "other", "same"):
        (running.master / name).write_bytes(b"of the master")
    (running.master / "folder").mkdir()
    running.run()
    running.settle()
    with running.replica_engine.freeze(running.id) as frozen:
        base = (frozen.incarnation, frozen.change)
    return running, base


def listed(pair: Pair, base: tuple[str, int]) -> dict[bytes, str]:
    """The list of changes as a backup takes it."""
    began = time.monotonic()
    assert pair.replica_engine.knows_changes(pair.id, [base])
    assert time.monotonic() - began < _SOON_S
    rows = pair.replica_engine.changed_since(pair.id, *base, looked=True)
    assert rows is not None
    return {path: kind for _, path, kind in rows}


def test_edits_of_listed_paths_are_found_at_once_and_others_when_the_look_comes_to_them(
    unlooked: tuple[Pair, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, base = unlooked
    assert pair.replica_engine.is_look_awaited(pair.id)
    (pair.master / "listed").write_bytes(b"changed by the master")
    new = pair.master / "folder" / "new"
    new.mkdir()
    (new / "inner").write_bytes(b"inner")
    pair.settle()
    (pair.replica / "listed").write_bytes(b"edited by somebody else")
    (pair.replica / "folder/new/inner").write_bytes(b"edited beneath what is listed")
    (pair.replica / "other").write_bytes(b"edited, not listed")
    paths = listed(pair, base)
    assert {b"listed", b"folder/new"} <= set(paths)
    assert b"other" not in paths
    report = pair.replica_engine.drift(pair.id, 10)
    assert {Path(str(item.path, "utf-8")).name for item in report.items} == {"listed", "inner"}
    assert "WR00430" in pair.codes()
    # It is no news when it is looked at again.
    told = pair.codes().count("WR00430")
    assert set(listed(pair, base)) >= set(paths)
    assert pair.codes().count("WR00430") == told
    with pair.replica_engine.freeze(pair.id) as frozen:
        later = (frozen.incarnation, frozen.change)
    monkeypatch.undo()
    until(lambda: pair.replica_engine.drift(pair.id, 10).count == 3, LIMIT_S, "the look at all paths")
    assert b"other" in listed(pair, later)


def test_with_nothing_changed_nothing_is_looked_at(unlooked: tuple[Pair, tuple[str, int]]) -> None:
    pair, base = unlooked
    assert listed(pair, base) == {}
    assert pair.replica_engine.drift(pair.id, 10).count == 0


def test_what_the_master_removed_is_there_again(unlooked: tuple[Pair, tuple[str, int]]) -> None:
    pair, base = unlooked
    (pair.master / "listed").unlink()
    pair.settle()
    (pair.replica / "listed").write_bytes(b"made by somebody else")
    assert b"listed" in listed(pair, base)
    assert pair.replica_engine.drift(pair.id, 10).count == 1
