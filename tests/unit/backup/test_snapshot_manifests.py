"""A snapshot's manifest is looked up by path, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.backup.manifests import SnapshotManifest
from app.model import manifest
from app.model.entry import EntryKind, Identity, Metadata
from app.model.errors import ArcxoError


def metadata(number: int) -> Metadata:
    return Metadata(
        EntryKind.FILE, 0o640, number, 7, number, 10**18 + number, ((b"user.a", b"v" * number),), b"", 0
    )


def written(path: Path, count: int, *, end: int | None = None) -> bytes:
    content = manifest.header()
    for number in range(count):
        content += manifest.entry(b"name %d" % number, metadata(number), Identity(1, number, 5, 1))
    if end is not None:
        content += manifest.end(end)
    path.write_bytes(content)
    return os.fsencode(path)


def test_every_entry_is_found_by_its_path(tmp_path: Path) -> None:
    found = SnapshotManifest(written(tmp_path / "m", 300, end=300))
    for number in range(300):
        assert found.get(b"name %d" % number) == (metadata(number), Identity(0, number, 5, 1))
    assert found.get(b"name 300") is None


@pytest.mark.parametrize("end", [None, 2])
def test_one_that_is_not_whole_is_refused(tmp_path: Path, end: int | None) -> None:
    with pytest.raises(ArcxoError, match="E4190"):
        SnapshotManifest(written(tmp_path / "m", 3, end=end))


@pytest.mark.parametrize("content", [b"", b"nonsense", manifest.header() + b"\x93\x01\x02\x03"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ArcxoError, match="E4190"):
        SnapshotManifest(os.fsencode(tmp_path / "m"))
