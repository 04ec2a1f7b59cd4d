"""A home on a full or read-only volume: nothing ends by it, each command says why, all goes on with room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, until
from tests.support.bad_input import Pair
from tests.support.capabilities import volume_or_report
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.slow, pytest.mark.needs_root, pytest.mark.xdist_group("bad-disks")]


@pytest.fixture(params=["btrfs", pytest.param("ext4", marks=pytest.mark.deep)])
def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with volume_or_report(tmp_path, request.param, 128 if request.param == "btrfs" else 48) as made:
        yield made


@pytest.fixture
def master(tmp_path: Path) -> Path:
    made = tmp_path / "master"
    made.mkdir()
    (made / "first").write_bytes(os.urandom(1_000_000))
    return made


def _home(volume: Path) -> Arcxo:
    arcxo = Arcxo(volume / "home")
    arcxo.text("init", "--password-stdin", given="caroot-secret\n")
    return arcxo


def _fill(volume: Path) -> list[Path]:
    """Take every byte of the volume; the files that do."""
    made = []
    for name, size in (("ballast", 1 << 20), ("more", 4096), ("rest", 512)):
        made.append(volume / name)
        with made[-1].open("wb", buffering=0) as file:
            try:
                while file.write(b"\1" * size):
                    pass
            except OSError:
                subprocess.run(["sync", "-f", str(volume)], check=False)
    return made


def test_all_goes_on_by_itself_after_the_volume_of_the_home_was_full(
    tmp_path: Path, volume: Path, master: Path
) -> None:
    arcxo = _home(volume)
    arcxo.start()
    try:
        spool = tmp_path / "spool"
        spool.mkdir()
        # The spool elsewhere, so that it is the home itself that is met, not the spool's own limit.
        pair = Pair(arcxo, "files", master, tmp_path / "replica")
        arcxo.text("scenario", "set", "files", f"spool_directory={spool}")
        pair.run()
        agents = set(arcxo.processes("app.agent"))
        ballast = _fill(volume)
        for number in range(100):
            (master / f"more-{number}").write_bytes(os.urandom(5_000))
        (master / "first").write_bytes(b"changed meanwhile")
        told = until(lambda: pair.status()["reason"], "the reason to be shown")
        assert str(arcxo.home) in told, told
        assert "full" in told.lower() or "space" in told.lower(), told
        assert set(arcxo.processes("app.agent")) == agents, "no process has ended"
        # Nor do those that begin while it is full, and who asks is told of the volume.
        for pid in arcxo.processes("role_main"):
            arcxo.kill(pid)
        until(lambda: len(arcxo.processes("role_main")) == 2, "the roles to be there again")
        until(lambda: pair.status()["reason"], "the reason to be shown again")
        assert "files" in arcxo.text("scenario", "list")
        asked = subprocess.run(
            [sys.executable, "-m", "app", "--home", str(arcxo.home), "scenario", "run", "files"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert asked.returncode in (0, 1, 6), asked.stderr
        assert "bug" not in asked.stderr
        assert "fault in Arcxo" not in asked.stderr
        for file in ballast:
            file.unlink()
        pair.in_sync()
        assert pair.status()["state"] == "replicating"
    finally:
        arcxo.stop()


@pytest.mark.deep
@pytest.mark.parametrize("volume", ["btrfs"], indirect=True)
def test_server_that_cannot_start_on_a_full_volume_says_so(
    volume: Path, master: Path, tmp_path: Path
) -> None:
    arcxo = _home(volume)
    arcxo.start()
    pair = Pair(arcxo, "files", master, tmp_path / "replica")
    pair.run()
    arcxo.stop()
    ballast = _fill(volume)
    done = subprocess.run(
        [sys.executable, "-m", "app", "--home", str(arcxo.home), "server", "start"],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    try:
        # ext4 keeps room for the administrator, which may be enough for it.
        if done.returncode:
            assert "E5119" in done.stderr
            assert "full" in done.stderr or "space" in done.stderr
            assert str(arcxo.home) in done.stderr
        for file in ballast:
            file.unlink()
        arcxo.start()
        pair.in_sync()
        assert_identical(master, tmp_path / "replica")
    finally:
        arcxo.stop()


@pytest.mark.deep
@pytest.mark.parametrize("volume", ["ext4"], indirect=True)
def test_every_command_on_a_read_only_home_names_the_volume(
    volume: Path, master: Path, tmp_path: Path
) -> None:
    arcxo = _home(volume)
    arcxo.start()
    pair = Pair(arcxo, "files", master, tmp_path / "replica")
    pair.run()
    arcxo.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
    for command in (
        "server start",
        "server status",
        "server run",
        "agent run",
        "scenario list",
        "scenario show files",
        "scenario run files",
        "scenario delete files --yes",
        "backup --scenario files",
        "log",
        "job list",
        "server stop",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "app", "--home", str(arcxo.home), *command.split()],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1, 6), (command, done.stderr)
        assert "bug" not in done.stderr, (command, done.stderr)
        assert done.returncode == 0 or str(arcxo.home) in done.stderr, (command, done.stderr)
    told = arcxo.text("server", "start", expect=1)
    assert "E5119" in told
    assert "read-only" in told
    subprocess.run(["mount", "-o", "remount,rw", str(volume)], check=True)
    arcxo.start()
    try:
        pair.in_sync()
    finally:
        arcxo.stop()
