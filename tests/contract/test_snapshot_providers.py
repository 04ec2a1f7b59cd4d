"""What every snapshot provider must do, on the real file system it is for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model import manifest
from app.model.errors import ArcxoError
from app.snapshot import tree
from app.snapshot.api import SnapshotProvider
from app.snapshot.btrfs import BtrfsProvider
from app.snapshot.choice import choose, release
from app.snapshot.hardlink import HardLinkProvider
from app.snapshot.reflink import ReflinkProvider
from tests.support.capabilities import volume_or_report

pytestmark = pytest.mark.needs_root

CASES = [
    ("btrfs", BtrfsProvider()),
    ("btrfs", ReflinkProvider()),
    ("xfs", ReflinkProvider()),
    ("xfs", HardLinkProvider()),
    ("ext4", HardLinkProvider()),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[1].name}-on-{case[0]}")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SnapshotProvider, Path]]:
    kind, provider = request.param
    with volume_or_report(tmp_path_factory.mktemp("volume"), kind, 64) as volume:
        yield provider, volume


@pytest.fixture
def tree_and_area(
    place: tuple[SnapshotProvider, Path], request: pytest.FixtureRequest
) -> tuple[bytes, bytes]:
    name = request.node.originalname
    root = place[1] / name / "root"
    area = place[1] / name / "area"
    (root / "a/b").mkdir(parents=True)
    area.mkdir()
    (root / "a/one").write_bytes(b"1" * 5000)
    (root / "a/b/two").write_bytes(b"2")
    os.link(root / "a/one", root / "linked")
    os.symlink("a/one", root / "pointer")
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir(mode=0o711)
    with open(os.fsencode(root) + b"/not-\xff-utf8", "wb") as file:
        file.write(b"raw")
    os.chmod(root / "a/one", 0o4750)
    os.utime(root / "a/b/two", ns=(1, 1_234_567_890_123_456_789))
    os.setxattr(root / "a/b/two", "user.note", b"kept")
    os.utime(root / "a", ns=(5, 5))
    return os.fsencode(root), os.fsencode(area)


def _picture(root: bytes, *, from_manifest: bytes | None = None) -> dict[bytes, object]:
    if from_manifest is not None:
        with open(from_manifest, "rb") as file:
            entries = [(path, metadata) for path, metadata, _ in manifest.read(file.read(), "m")]
    else:
        entries = [
            (path, tree.describe(os.path.join(root, path) if path else root)[0])
            for path, _ in tree.entries(root, None)
        ]
    found: dict[bytes, object] = {}
    for path, metadata in entries:
        content = b""
        full = os.path.join(root, path)
        if metadata.kind == "file":
            with open(full, "rb") as file:
                content = file.read()
        found[path] = (metadata, content)
    return found


def _take(provider: SnapshotProvider, root: bytes, area: bytes, paths: list[bytes] | None = None):
    assert provider.supports(root, area)
    return provider.create(root, area, "s1", paths)


def test_snapshot_shows_the_tree_as_it_was(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    before = _picture(root)
    snapshot = _take(provider, root, area)
    assert _picture(snapshot.path, from_manifest=snapshot.manifest) == before
    release(snapshot)


def test_later_changes_by_replacement_do_not_show(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    before = _picture(root)
    snapshot = _take(provider, root, area)
    os.unlink(root + b"/a/b/two")
    with open(root + b"/new", "wb") as file:
        file.write(b"new")
    os.rename(root + b"/new", root + b"/a/one")
    os.chmod(root + b"/empty", 0o700)
    os.rename(root + b"/a", root + b"/moved")
    assert _picture(snapshot.path, from_manifest=snapshot.manifest) == before
    release(snapshot)


def test_hard_links_stay_linked_inside_the_snapshot(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    snapshot = _take(provider, root, area)
    assert os.stat(snapshot.path + b"/a/one").st_ino == os.stat(snapshot.path + b"/linked").st_ino
    release(snapshot)


def test_release_leaves_nothing_and_may_be_repeated(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    before = _picture(root)
    snapshot = _take(provider, root, area)
    release(snapshot)
    release(snapshot)
    assert os.listdir(area) == []
    assert _picture(root) == before


def test_trying_a_volume_leaves_no_trace(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    before = _picture(root)
    assert provider.supports(root, area)
    assert _picture(root) == before
    assert os.listdir(area) == []


def test_partial_snapshot_holds_the_paths_and_their_directories(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    if provider.name == "btrfs":
        assert not _take(provider, root, area, [b"a/b/two"]).partial
        return
    snapshot = _take(provider, root, area, [b"a/b/two", b"vanished"])
    assert snapshot.partial
    assert sorted(path for path, _ in tree.entries(snapshot.path, None)) == [b"", b"a", b"a/b", b"a/b/two"]
    release(snapshot)


def test_failure_names_root_and_cause_and_leaves_nothing(place, tree_and_area) -> None:
    provider, (root, area) = place[0], tree_and_area
    with pytest.raises(ArcxoError) as caught:
        provider.create(root, area + b"/absent", "s1", None)
    assert caught.value.code == "E4191"
    assert "root" in caught.value.params["root"]


def test_two_volumes_are_refused(place, tree_and_area, tmp_path: Path) -> None:
    provider, (root, _) = place[0], tree_and_area
    assert not provider.supports(root, os.fsencode(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("kind", "best"), [("btrfs", "btrfs"), ("xfs", "reflink"), ("ext4", "hard links")])
def test_best_provider_of_the_volume_is_chosen(kind: str, best: str, tmp_path: Path) -> None:
    with volume_or_report(tmp_path, kind, 16) as volume:
        root, area = volume / "root", volume / "area"
        root.mkdir()
        area.mkdir()
        assert choose(os.fsencode(root), os.fsencode(area)).name == best


def test_inner_subvolume_rules_btrfs_out(tmp_path: Path) -> None:
    import subprocess

    with volume_or_report(tmp_path, "btrfs", 16) as volume:
        root, area = volume / "root", volume / "area"
        root.mkdir()
        area.mkdir()
        subprocess.run(["btrfs", "-q", "subvolume", "create", str(root / "inner")], check=True)
        assert choose(os.fsencode(root), os.fsencode(area)).name == "reflink"
