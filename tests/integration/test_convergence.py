"""Whatever is done to the roots and to the engines, the replica ends identical, and rewinds exactly.

A failure names its seed; `ARCXO_SEED=N pytest -m deep tests/integration/test_convergence.py` takes it again.
With root, three of four seeds have the replicas on a small volume (ext4, XFS or btrfs) that is full at times.
`ARCXO_SOAK_SECONDS` is how long the soak goes on (two minutes).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.capabilities import missing, volume_or_report
from tests.support.convergence_rig import Rig
from tests.support.convergence_run import run_once
from tests.support.inotify_queue import SYSCTL, may_be_set
from tests.support.soak import soak
from tests.support.volumes import MissingCapabilityError, loop_volume

_FILE_SYSTEMS = ("ext4", "xfs", "btrfs")
_VOLUME_MB = 640


def _properties(seed: int) -> dict[str, object]:
    return {
        "sync": ("file", "block")[seed % 2],
        "ignore_same_size_time": seed % 3 != 0,
        "compress_transfer": seed % 5 != 0,
    }


# Run by command: the next one does all of it, and more.
@pytest.mark.deep
def test_churn_and_kills_converge(tmp_path: Path) -> None:
    done = run_once(tmp_path, 1, 3, properties=_properties(1))
    assert sum(done.values()) > 100


@pytest.mark.slow
@pytest.mark.needs_root
def test_churn_kills_full_disks_and_tiny_queues_converge(tmp_path: Path) -> None:
    with volume_or_report(tmp_path, "ext4", _VOLUME_MB) as volume:
        done = run_once(tmp_path, 3, 3, properties=_properties(3), volume=volume, tiny_queues=True)
    assert sum(done.values()) > 100


@pytest.mark.needs_root
@pytest.mark.slow
def test_dropped_events_cost_a_walk_and_nothing_else(tmp_path: Path) -> None:
    if not may_be_set():
        missing(f"write access to {SYSCTL}")
    rig = Rig(tmp_path, queue_events=64)
    try:
        rig.master.call("run", rig.id)
        rig.converge()
        _storm(rig.masters[0], 10, 150)
        rig.converge()
        # Directories made while events were dropped are watched now.
        for directory in sorted(rig.masters[0].rglob("leaf")):
            (directory / "later").write_text("x")
            rig.converge()
        assert rig.master.close() == []
        rig.assert_no_exceptions()
    finally:
        rig.abandon()


@pytest.mark.deep
def test_storm_and_deep_trees_converge(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        rig.master.call("run", rig.id)
        _storm(rig.masters[0], 100, 200)
        deep = rig.masters[1]
        for number in range(60):
            deep /= f"level-{number}"
            deep.mkdir()
            (deep / "file").write_text(str(number))
        os.rename(rig.masters[1] / "level-0/level-1", rig.masters[1] / "moved")
        rig.converge(120)
        os.rename(rig.masters[0] / "new-0", rig.masters[1] / "over")
        rig.converge(120)
    finally:
        rig.abandon()


def _storm(root: Path, directories: int, files: int) -> None:
    """Directories that are made, filled and renamed with their parents at once."""
    for number in range(directories):
        leaf = root / f"dir-{number}/inner/leaf"
        leaf.mkdir(parents=True)
        for file in range(files):
            (leaf / f"file-{file}").write_bytes(b"%d" % file * 20)
        os.rename(root / f"dir-{number}", root / f"new-{number}")
        (root / f"new-{number}/inner/after").write_text("x")


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_soak_of_churn_and_kills(tmp_path: Path) -> None:
    def once(directory: Path, seed: int, _until: float) -> None:
        with _volume_if_any(directory, seed) as volume:
            run_once(
                directory,
                seed,
                6,
                threads=1 + seed % 4,
                properties=_properties(seed),
                volume=volume,
                tiny_queues=os.geteuid() == 0 and seed % 5 > 2,
            )

    soak(tmp_path, once)


@contextlib.contextmanager
def _volume_if_any(directory: Path, seed: int) -> Iterator[Path | None]:
    """For some seeds, and with root, a volume for the replicas that can be full."""
    with contextlib.ExitStack() as stack:
        volume = None
        if seed % 4:
            with contextlib.suppress(MissingCapabilityError):
                kind = _FILE_SYSTEMS[seed % 4 - 1]
                volume = stack.enter_context(loop_volume(directory, kind, _VOLUME_MB))
        yield volume
