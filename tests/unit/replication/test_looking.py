"""Both ends list a tree in the same order, from any place on."""

from __future__ import annotations

import os
from pathlib import Path

from app.model.entry import order_key
from app.model.scenario import Filters
from app.replication.master.compare import ComparedRoot
from app.replication.master.comparison import live
from app.replication.master.filters import PathFilter
from app.replication.replica.inspecting import listing_after
from app.replication.replica.rooted import Rooted

NAMES = ("a", "a!", "a/b", "a/b/c", "a/b!", "a0", "b/x", "b.txt", "\u00fc/deep/er")


def made(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "file").write_text(name)
    (tmp_path / ".arcxo-0").mkdir()
    (tmp_path / ".arcxo-0" / "ours").touch()
    (tmp_path / "link").symlink_to("a")
    return tmp_path


def theirs(root: Path, after: bytes | None) -> list[bytes]:
    place = Rooted(os.fsencode(root))
    try:
        return [entry.path for entry in listing_after(place, after)]
    finally:
        place.close()


def ours(root: Path, after: bytes | None) -> list[bytes]:
    compared = ComparedRoot(0, os.fsencode(root))
    compared.identify()
    return [entry.path for entry in live(compared, PathFilter(Filters()), lambda *_: None, after)]


def test_from_any_place_on_what_follows_is_listed_and_nothing_else(tmp_path: Path) -> None:
    root = made(tmp_path)
    everything = theirs(root, None)
    assert everything == ours(root, None) == sorted(everything, key=order_key)
    assert not any(path.startswith(b".arcxo-") for path in everything)
    for number, path in enumerate(everything):
        assert theirs(root, path) == ours(root, path) == everything[number + 1 :]


def test_a_place_that_is_gone_is_no_obstacle(tmp_path: Path) -> None:
    root = made(tmp_path)
    everything = theirs(root, None)
    expected = [path for path in everything if order_key(path) > b"a\0bb"]
    assert theirs(root, b"a/bb") == ours(root, b"a/bb") == expected
