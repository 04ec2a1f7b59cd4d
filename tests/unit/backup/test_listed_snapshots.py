"""A snapshot of links is archived by its manifest: exactly, and without reading what did not change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.backup.followed import FollowedManifest
from app.backup.manifests import SnapshotManifest
from app.media.api import read_session
from app.media.node import CONTENT, CTIME, DIRECTORY, EXTRA, KIND, Entry
from app.media.reader import open_session, walk
from app.model.archive import ArchiveResult, Progress
from app.model.errors import ArcxoError
from app.snapshot.api import Snapshot
from app.snapshot.hardlink import HardLinkProvider
from tests.support.media_samples import Events, back_up, restore_to
from tests.support.trees import assert_identical, fill


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    fill(root)
    (root / "plain-beside").write_text("sorted before plain/")
    (root / "plain/a/b/c").mkdir(parents=True)
    return root


def freeze(source: Path, name: str) -> Snapshot:
    area = source.parent / "area"
    area.mkdir(exist_ok=True)
    return HardLinkProvider().create(os.fsencode(source), os.fsencode(area), name, None)


def archived(media: str, snapshot: Snapshot, base: int = 0) -> tuple[ArchiveResult, Events]:
    assert snapshot.manifest is not None
    return back_up(media, snapshot.path, SnapshotManifest(snapshot.manifest), base=base)


def followed(media: str, source: Path, name: str, base: int = 0) -> tuple[ArchiveResult, Events]:
    """Archived while it is frozen: the archive is there first, and reads what is there as it comes."""
    area = source.parent / "area"
    foreseen = HardLinkProvider().foreseen(os.fsencode(source), os.fsencode(area), name)
    assert foreseen is not None
    assert foreseen.manifest is not None
    manifest = FollowedManifest(foreseen.manifest, lambda: False)
    with ThreadPoolExecutor(1) as pool:
        archive = pool.submit(back_up, media, foreseen.path, manifest, base=base, following=True)
        assert freeze(source, name) == foreseen
        return archive.result()


def read_bytes(events: Events) -> int:
    return max(event.read_bytes for event in events.all if isinstance(event, Progress))


def test_a_listed_snapshot_comes_back_identical(tmp_path: Path, media: str, source: Path) -> None:
    result, events = archived(media, freeze(source, "one"))
    assert events.problems == []
    restored, events = restore_to(media, tmp_path / "out")
    assert events.problems == []
    assert restored.files == result.files
    assert_identical(source, tmp_path / "out")


def test_walking_reads_nothing_again_though_links_moved_the_change_times(media: str, source: Path) -> None:
    (source / "plain/one-again.txt").unlink()  # linking a second name moves the time of the first
    archived(media, freeze(source, "one"))
    with open(source / "plain-beside", "a") as file:
        file.write("+")
    result, events = archived(media, freeze(source, "two"), base=1)
    assert read_bytes(events) == os.stat(source / "plain-beside").st_size
    assert [row.path for row in events.rows] == [b"/srv/data/plain-beside"]
    assert result.problems == 0


def test_links_of_other_snapshots_make_no_hard_links(media: str, source: Path) -> None:
    freeze(source, "one")
    archived(media, freeze(source, "two"))
    _, reader = open_session(media, 1, None)
    root = read_session(media, 1).root_id
    linked = {path for path, entry in walk(reader, root) if entry[EXTRA] and "h" in entry[EXTRA]}
    assert linked == {b"/srv/data/plain/one.txt", b"/srv/data/plain/one-again.txt"}


def test_what_is_gone_from_the_list_ends_in_the_catalog(media: str, source: Path) -> None:
    archived(media, freeze(source, "one"))
    (source / "plain/inner/two.bin").unlink()
    (source / "plain/inner").rmdir()
    _, events = archived(media, freeze(source, "two"), base=1)
    assert {row.path for row in events.rows if row.removed} == {
        b"/srv/data/plain/inner",
        b"/srv/data/plain/inner/two.bin",
    }


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_manifest_that_is_cut_short_backs_nothing_up(media: str, source: Path, cut: int) -> None:
    snapshot = freeze(source, "one")
    assert snapshot.manifest is not None
    os.truncate(snapshot.manifest, os.stat(snapshot.manifest).st_size - cut)
    with pytest.raises(ArcxoError, match="E4190"):
        archived(media, snapshot)


def test_a_snapshot_that_is_archived_while_it_is_made_is_the_same(media: str, source: Path) -> None:
    first, events = followed(media, source, "one")
    assert events.problems == []
    again, _ = archived(media, freeze(source, "two"))
    assert read_session(media, first.session).files == read_session(media, again.session).files
    contents = [dict(open_contents(media, one.session)) for one in (first, again)]
    assert contents[0] == contents[1]
    assert any("h" in (entry[EXTRA] or {}) for entry in contents[0].values())


def test_a_walk_that_follows_the_freeze_reads_what_changed_alone(media: str, source: Path) -> None:
    (source / "plain/one-again.txt").unlink()
    followed(media, source, "one")
    with open(source / "plain-beside", "a") as file:
        file.write("+")
    result, events = followed(media, source, "two", base=1)
    assert read_bytes(events) == os.stat(source / "plain-beside").st_size
    assert [row.path for row in events.rows] == [b"/srv/data/plain-beside"]
    assert result.problems == 0


def open_contents(media: str, session: int) -> Iterator[tuple[bytes, Entry]]:
    """What a session says of each path, but for change times and nodes."""
    _, reader = open_session(media, session, None)
    for path, entry in walk(reader, read_session(media, session).root_id):
        stamped = list(entry)
        stamped[CTIME] = 0
        if entry[KIND] == DIRECTORY:
            stamped[CONTENT] = b""
        yield path, stamped
