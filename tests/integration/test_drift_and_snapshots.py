"""A snapshot of a replica touches its files (hard links move change times) and is no drift."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.snapshot.api import SnapshotProvider
from app.snapshot.btrfs import BtrfsProvider
from app.snapshot.choice import release
from app.snapshot.hardlink import HardLinkProvider
from app.snapshot.reflink import ReflinkProvider
from tests.support.capabilities import volume_or_report
from tests.support.replication_pair import Pair, until

pytestmark = pytest.mark.needs_root

CASES = [
    ("btrfs", BtrfsProvider()),
    ("xfs", ReflinkProvider()),
    ("ext4", HardLinkProvider()),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[1].name}-on-{case[0]}")
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SnapshotProvider, Pair]]:
    kind, provider = request.param
    with volume_or_report(tmp_path, kind, 64) as volume:
        pair = Pair(volume)
        try:
            yield provider, pair
        finally:
            pair.close()


def test_snapshots_made_and_released_are_no_drift(place: tuple[SnapshotProvider, Pair]) -> None:
    provider, pair = place
    (pair.master / "folder").mkdir()
    for number in range(20):
        (pair.master / "folder" / f"file{number}").write_bytes(b"%d" % number)
    os.link(pair.master / "folder" / "file1", pair.master / "linked")
    pair.run()
    pair.settle()

    def report() -> object:
        return pair.replica_engine.drift(pair.id, 100)

    def compared_again() -> None:
        before = pair.replica_engine.drift(pair.id, 1).checked_at
        pair.replica_engine.drift_worker._watches[pair.id]._sweep_due = 0.0
        until(lambda: pair.replica_engine.drift(pair.id, 1).checked_at != before, 60.0, "compared")
        assert pair.replica_engine.drift(pair.id, 1).count == 0, report()

    until(lambda: pair.replica_engine.drift(pair.id, 1).checked_at is not None, 60.0, "compared")
    snapshots = []
    with pair.replica_engine.freeze(pair.id) as frozen:
        for number, (root, side) in enumerate(zip(frozen.roots, frozen.sides, strict=True)):
            area = side + b"/snapshots"
            os.makedirs(area, exist_ok=True)
            snapshots.append(provider.create(root, area, f"s{number}", None))
    compared_again()
    # Written while the snapshot holds the old content, metadata of shared inodes included.
    with open(pair.master / "folder" / "file2", "ab") as file:
        file.write(b"more")
    os.chmod(pair.master / "folder" / "file3", 0o600)
    (pair.master / "folder" / "file4").unlink()
    pair.assert_equal()
    compared_again()
    for snapshot in snapshots:
        release(snapshot)
    compared_again()
    assert not {"WR00430", "WR00433"} & set(pair.codes())
