"""Snapshots that cannot be made or released, on real volumes, by a real server and agent: AE0460, AE0461."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.volumes import loop_volume

pytestmark = [pytest.mark.deep, pytest.mark.needs_root]


class Shop:
    """A scenario whose replica is on a volume of its own."""

    def __init__(self, arcxo: Arcxo, base: Path, volume: Path) -> None:
        self.arcxo = arcxo
        self.master, self.replica = base / "master", volume / "copy"
        self.master.mkdir()
        (self.master / "file").write_text("content")
        hosts = ["--master", "localhost", "--replica", "localhost"]
        arcxo.text("scenario", "create", "shop", *hosts, "--root", f"{self.master}={self.replica}")

    def run(self) -> None:
        self.arcxo.text("scenario", "run", "shop")
        self.arcxo.wait("shop", "in-sync")

    def back_up(self, expect: int = 0) -> str:
        """What was logged since."""
        before = self.arcxo.text("log")
        self.arcxo.text("backup", "--scenario", "shop", "--retry-missed", "0", "--wait", expect=expect)
        return "\n".join(line for line in self.arcxo.text("log").splitlines() if line not in before)

    def snapshots(self) -> list[Path]:
        """Directories of frozen trees beside the replica."""
        return [path for path in self.replica.parent.glob(".arcxo-*/**/snapshots/*") if path.is_dir()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "disk").mkdir()
    with loop_volume(tmp_path / "disk", "ext4", 24) as volume, running_home(tmp_path) as arcxo:
        yield Shop(arcxo, tmp_path, volume)


def inodes_left(volume: Path) -> int:
    return int(subprocess.check_output(["df", "--output=iavail", str(volume)]).split()[1])


def test_ae0460_a_volume_without_room_for_a_snapshot_is_named_and_the_next_job_works(shop: Shop) -> None:
    for number in range(1500):
        (shop.master / f"folder{number}").mkdir()
    shop.run()
    volume = shop.replica.parent
    filling = volume / "others"
    filling.mkdir()
    for number in range(inodes_left(volume) - 700):
        (filling / str(number)).touch()
    log = shop.back_up(expect=1)
    assert "AE0460" in log
    assert inodes_left(volume) > 600, "nothing of the snapshot is left"
    assert shop.arcxo.json("session", "list") == []
    for path in filling.iterdir():
        path.unlink()
    assert "AE0460" not in shop.back_up()
    assert len(shop.arcxo.json("session", "list")) == 1


def test_ae0461_a_snapshot_that_is_held_is_told_once_and_released_later(shop: Shop) -> None:
    shop.arcxo.text("scenario", "set", "shop", "snapshots_to_keep=1")
    shop.run()
    shop.back_up()
    (kept,) = [path for path in shop.replica.parent.rglob("file") if path != shop.replica / "file"]
    subprocess.run(["chattr", "+i", str(kept.parent)], check=True)
    try:
        (shop.master / "file").write_text("newer content")
        shop.arcxo.wait("shop", "in-sync")
        shop.back_up()
        events = until(
            lambda: [one for one in shop.arcxo.json("scenario", "events", "shop") if one["code"] == "AE0461"],
            "the event",
        )
        assert len(events) == 1
        assert kept.exists()
    finally:
        subprocess.run(["chattr", "-i", str(kept.parent)], check=True)
    (shop.master / "file").write_text("newest content")
    shop.arcxo.wait("shop", "in-sync")
    shop.back_up()
    until(lambda: not kept.exists(), "the snapshot to be released", 60)
    assert len(shop.arcxo.json("session", "list")) == 3
