"""What may not be opened, as no more than its owner may by its permissions, is made durable all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.replication.replica import durability
from app.replication.replica.rooted import Rooted

_NOBODY = 65_534


@pytest.mark.parametrize("permissions", [0o600, 0o000])
def test_a_file_whose_owner_may_not_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, permissions: int
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("content")
    (root / "file").chmod(permissions)
    done: list[str] = []
    fsync, sync_file_system = os.fsync, durability.sync_file_system
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("file"), fsync(fd)))
    monkeypatch.setattr(
        durability, "sync_file_system", lambda fd: (done.append("file system"), sync_file_system(fd))
    )
    place = Rooted(os.fsencode(root))
    euid = os.geteuid()
    try:
        if euid == 0:
            # Nothing is kept from root.
            for path in (root, root / "file"):
                os.chown(path, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        durability.sync_paths(place, [b"file", b"gone"])
    finally:
        os.seteuid(euid)
        place.close()
    assert done == (["file"] if permissions else ["file system"])
