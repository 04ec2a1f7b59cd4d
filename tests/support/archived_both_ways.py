"""A tree of small files, archived from its frozen state with a module in C and without it: it is the same."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from app.backup.manifests import SnapshotManifest
from app.media.reader import open_session, walk
from app.model.archive import CatalogRow
from app.snapshot.hardlink import HardLinkProvider
from tests.support.media_samples import back_up, new_media


def small_files(root: Path, counts: Mapping[str, int]) -> None:
    """So many files in each directory, most of them small, some empty, some alike."""
    chance = random.Random(3)
    for directory, count in counts.items():
        (root / directory).mkdir(parents=True)
        for number in range(count):
            data = chance.randbytes(chance.choice((0, 1, 300, 5000))) or b"same" * chance.randrange(3)
            (root / directory / f"{number}").write_bytes(data)


def archived_both_ways(
    root: Path, place: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> list[CatalogRow]:
    """The rows for the catalog; with what `module` has in C and without it all is the same."""
    (place / "area").mkdir(parents=True)
    frozen = HardLinkProvider().create(os.fsencode(root), os.fsencode(place / "area"), "one", None)
    assert frozen.manifest is not None
    found = []
    for name in ("native", "python"):
        if name == "python":
            monkeypatch.setattr(module, "_native", None)
        (place / name).mkdir()
        media = new_media(place / name)
        result, events = back_up(media, frozen.path, SnapshotManifest(frozen.manifest))
        header, reader = open_session(media, result.session, None)
        entries = [(path, entry) for path, entry in walk(reader, bytes(header.root_id))]
        found.append((events.rows, entries, result.files, result.size_bytes, result.new_bytes))
    assert found[0] == found[1]
    return found[0][0]
