"""Scenarios on a running home for the tests of bad input, and files whose reading really fails."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.arcxo_command import Arcxo, until
from tests.support.trees import assert_identical


class Pair:
    """A scenario of one root, its master and its replica directory."""

    def __init__(self, arcxo: Arcxo, name: str, master: Path, replica: Path, *options: str) -> None:
        self.arcxo = arcxo
        self.name = name
        self.master = master
        self.replica = replica
        arcxo.text("scenario", "create", name, "--root", f"{master}={replica}", *options)

    def run(self) -> None:
        self.arcxo.text("scenario", "run", self.name)
        self.arcxo.wait(self.name, "in-sync")

    def stop(self) -> None:
        self.arcxo.text("scenario", "stop", self.name)

    def in_sync(self) -> None:
        self.arcxo.wait(self.name, "in-sync")
        assert_identical(self.master, self.replica)

    def status(self) -> Any:
        return self.arcxo.json("scenario", "show", self.name)

    def until_problem(self) -> Any:
        return until(self._in_problem, f"{self.name} to be in Problem")

    def _in_problem(self) -> Any:
        status = self.status()
        return status if status["state"] == "problem" else None

    def back_up(self, *options: str, expect: int = 0) -> Any:
        """Back up and wait; the job."""
        return self.arcxo.json("backup", "--scenario", self.name, "--wait", *options, expect=expect)

    def newest(self) -> Any:
        """The newest session of this scenario."""
        sessions = [one for one in self.arcxo.json("session", "list") if one["scenario_name"] == self.name]
        return max(sessions, key=lambda one: one["number"])

    def restore(self, to: Path, *options: str, path: Path | None = None, expect: int = 0) -> str:
        """Restore `path` (default: everything) of the newest session to a directory."""
        session = self.newest()
        return self.arcxo.text(
            "restore", "session", session["media_serial"], str(session["number"]),
            "--path", str(path or self.master), "--to", str(to), "--wait", *options, expect=expect,
        )  # fmt: skip


def log_of(arcxo: Arcxo, job: Any) -> str:
    """The activity log of a job as text."""
    return arcxo.text("log", "--job", str(job["id"]))


def break_reading(volume: Path, file: Path) -> None:
    """Make reading `file` fail with EIO: its stored bytes no longer match their checksum.

    `volume` is where its btrfs loop volume is mounted; its content is unique there and over a block long.
    """
    content = file.read_bytes()
    subprocess.run(["sync", "-f", str(volume)], check=True)
    image = volume.with_suffix(".img")
    data = image.read_bytes()
    at = data.find(content[:4096])
    assert at >= 0, f"{file} is not stored as it is"
    with image.open("r+b") as raw:
        raw.seek(at + 100)
        raw.write(bytes(byte ^ 0xFF for byte in data[at + 100 : at + 108]))
        raw.flush()
        os.fsync(raw.fileno())
    fd = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.pread(fd, 4096, 0)
        except OSError:
            return
    finally:
        os.close(fd)
    raise AssertionError(f"{file} can still be read")
