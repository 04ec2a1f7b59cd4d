"""Small real volumes on loop devices for tests, as context managers; they need root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_MAKE = {
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
}
_MINIMUM_MB = {"btrfs": 128, "xfs": 320, "ext4": 8}


class MissingCapabilityError(Exception):
    """This machine cannot make such a volume; the text names what is missing."""


@contextlib.contextmanager
def loop_volume(directory: Path, kind: str, size_mb: int = 0) -> Iterator[Path]:
    """A mounted volume of `kind` beneath `directory`, unmounted and removed afterwards."""
    command = _MAKE[kind]
    if os.geteuid() != 0:
        raise MissingCapabilityError(f"root, to mount a {kind} volume on a loop device")
    if shutil.which(command[0]) is None:
        raise MissingCapabilityError(f"the program {command[0]}")
    image = directory / f"{kind}.img"
    point = directory / f"{kind}.mnt"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(max(size_mb, _MINIMUM_MB[kind]) << 20)
    subprocess.run([*command, str(image)], check=True, capture_output=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(image), str(point)], check=False, capture_output=True
    )
    if mounted.returncode:
        raise MissingCapabilityError(f"mounting {kind}: {mounted.stderr.decode().strip()}")
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True, capture_output=True)
        image.unlink()


@contextlib.contextmanager
def mounted_tmpfs(point: Path, size: str = "16m") -> Iterator[None]:
    """An empty file system in memory at `point`, unmounted at the end (once nothing is open on it)."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "arcxo-test", str(point)], check=True)
    try:
        yield
    finally:
        unmount(point)


@contextlib.contextmanager
def bind_mount(source: Path, point: Path) -> Iterator[None]:
    """The directory `source` at `point` as well."""
    subprocess.run(["mount", "--bind", str(source), str(point)], check=True)
    try:
        yield
    finally:
        unmount(point)


def unmount(point: Path) -> None:
    """Unmount, trying again for a while as something may have a file open for a moment."""
    deadline = time.monotonic() + 10
    while subprocess.run(["umount", str(point)], check=False, capture_output=True).returncode:
        if time.monotonic() > deadline:
            subprocess.run(["umount", "-l", str(point)], check=True)
            return
        time.sleep(0.02)
