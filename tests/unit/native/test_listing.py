"""Listings made in C are, byte for byte, those made in Python."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.metadata import xattr_digest
from app.replication.replica import packed_listing
from app.replication.replica.drift import Finding
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.link_groups import ListedLinks
from app.replication.replica.listing import raw_entry
from app.replication.replica.packed_listing import encoded_listing
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.sync_frames import Listed
from tests.support.capabilities import native_or_report
from tests.support.replica_tree import open_store


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    native_or_report("listing")
    monkeypatch.setattr(packed_listing, "PART_ENTRIES", 37)
    monkeypatch.setattr("app.replication.replica.listing.PART_ENTRIES", 37)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def fill(root: Path, seed: int) -> None:
    rng = random.Random(seed)
    names = ["a", "a-", "a.b", "ä", "B" * 255, os.fsdecode(b"\xff"), "…", ".arcxo-x"]

    def inside(directory: Path, depth: int) -> None:
        for name in rng.sample(names, rng.randrange(len(names))):
            at = directory / name
            what = rng.random()
            if what < 0.4 and depth < 6:
                at.mkdir()
                inside(at, depth + 1)
            elif what < 0.5:
                at.symlink_to("t/" * rng.randrange(1, 200) + "t")
            elif what < 0.55:
                os.mkfifo(at)
            elif what < 0.6:
                others = [
                    other for other in directory.iterdir() if other.is_file() and not other.is_symlink()
                ]
                if others:
                    os.link(others[0], at)
            else:
                at.write_bytes(b"x" * rng.choice((0, 1, 300, 70_000)))
                os.utime(
                    at, ns=(0, rng.choice((-1, -33, -129, -40_000, -(1 << 40), 0, 127, 1 << 33, 1 << 60)))
                )
                os.chmod(at, rng.choice((0o644, 0o4755, 0)))
                if rng.random() < 0.2:
                    os.setxattr(at, "user.x", b"y")

    inside(root, 0)
    for number in range(60):
        (root / f"z{number}").write_bytes(b"")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(root / "zsocket"))


def listed(
    store: ReplicaStore, monkeypatch: pytest.MonkeyPatch, *, native: bool
) -> tuple[list[bytes], list[Finding], list[tuple[int, bytes, int]], list[object]]:
    """The frames, what differed, the links and the states afterwards."""
    with monkeypatch.context() as patched:
        if not native:
            patched.setattr(packed_listing, "_native", None)
        tree = store.trees[0].tree
        tree.forget()
        states, links = ListedStates(store, 0), ListedLinks(store.links, 0)
        frames = list(encoded_listing(0, tree, states, links))
        links.end()
        findings = states.end()
        tree.forget()
    return frames, findings, sorted(store.index.links()), store.states.rows_from(0, b"", 100_000)


def settle(store: ReplicaStore, monkeypatch: pytest.MonkeyPatch, seconds: float = 10) -> None:
    """Long enough ago that change times count."""
    monkeypatch.setattr("app.replication.replica.drift_listing._YOUNG_NS", -int(seconds * 1e9))
    listed(store, monkeypatch, native=False)


@pytest.mark.parametrize("seed", range(5))
def test_a_listing_in_c_is_the_one_in_python(
    seed: int, store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "replica"
    fill(root, seed)
    fresh = listed(store, monkeypatch, native=True)
    settle(store, monkeypatch)
    known = listed(store, monkeypatch, native=False)
    asked: list[bytes] = []

    def watched(place: Rooted, path: bytes, status: os.stat_result, noted: ListedStates) -> Listed | None:
        asked.append(path)
        return raw_entry(place, path, status, noted)

    with monkeypatch.context() as patched:
        patched.setattr(packed_listing, "raw_entry", watched)
        assert listed(store, monkeypatch, native=True) == known
    assert asked == []
    assert fresh[0] == known[0]
    assert fresh[2] == known[2]
    # Some of it changes, or goes, or comes.
    rng = random.Random(seed)
    for path in sorted(root.rglob("*"), reverse=True):
        change = rng.random()
        if change < 0.1 and path.is_file() and not path.is_symlink():
            path.chmod(0o600)
        elif change < 0.2 and not path.is_dir():
            path.unlink()
        elif change < 0.25 and path.is_dir():
            (path / "new").write_bytes(b"")
    rows = store.states.rows_from(0, b"", 100_000)
    changed = listed(store, monkeypatch, native=True)
    assert changed[1]
    for row in [*rows, *changed[3]]:
        store.states.drop(0, row[0].replace(b"\0", b"/"))
    store.states.put_rows([(0, *row) for row in rows])
    store.index.commit(store.index.position)
    expected = listed(store, monkeypatch, native=False)
    assert changed == expected


def test_more_rows_than_a_chunk_are_compared(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.replication.replica.drift_listing._CHUNK", 7)
    fill(tmp_path / "replica", 2)
    settle(store, monkeypatch)
    known = listed(store, monkeypatch, native=False)
    assert listed(store, monkeypatch, native=True) == known


def test_directories_deeper_than_descriptors_are_held_are_listed(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = os.open(tmp_path / "replica", os.O_RDONLY)
    for _ in range(130):
        os.mkdir("deep" * 10, dir_fd=at)
        os.symlink("target", "link", dir_fd=at)
        deeper = os.open("deep" * 10, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    os.close(at)
    settle(store, monkeypatch)
    known = listed(store, monkeypatch, native=False)
    before = len(os.listdir("/proc/self/fd"))
    assert listed(store, monkeypatch, native=True) == known
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_listing_that_is_given_up_leaves_nothing_open(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "replica", 1)
    settle(store, monkeypatch)
    before = len(os.listdir("/proc/self/fd"))
    parts = encoded_listing(0, store.trees[0].tree, ListedStates(store, 0), ListedLinks(store.links, 0))
    next(parts)
    assert len(os.listdir("/proc/self/fd")) > before
    parts.close()  # type: ignore[attr-defined]  # a generator
    assert len(os.listdir("/proc/self/fd")) == before


def test_rows_that_are_none_are_refused(tmp_path: Path) -> None:
    listing = native_or_report("listing")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        for rows in (
            [1],
            [(b"",)],
            [(1,) * 9],
            [(b"", "x", 1, 1, 1, 1, 1, 1, b"")],
            [(b"", 1 << 70, 1, 1, 1, 1, 1, 1, b"")],
        ):
            walk = listing.Walk(fd, b"")
            with pytest.raises((TypeError, ValueError, OverflowError)):
                walk.run(rows, 0, 10, 1_000)
        assert xattr_digest(()) == b""
    finally:
        os.close(fd)
    with pytest.raises(OSError, match="Bad file"):
        listing.Walk(-1, b"")
