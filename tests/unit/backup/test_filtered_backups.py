"""A session holds what its filter takes, however the tree is looked at, and says what was left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.backup.api import Change, ChangeKind
from app.backup.manifests import SnapshotManifest
from app.media.api import read_session
from app.media.reader import open_session, walk
from app.model.backup_filters import filters_of, left_out_of
from app.model.errors import UsageError
from app.model.path_filter import PathFilter
from app.model.scenario import Filters
from app.snapshot.hardlink import HardLinkProvider
from tests.support.media_samples import MASTER, Events, back_up

TEMPORARY = Filters(exclude=("*.tmp", "cache/"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for name in ("a.txt", "b.tmp", "cache/deep/x.txt", "cache-not/y.txt", "dir/z.tmp", "dir/k.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    (root / "odd").mkdir()
    (root / os.fsdecode(b"odd/\xff.tmp")).write_text("odd")
    return root


def names(media: str, session: int) -> set[bytes]:
    """What is in a session, relative to the root."""
    _, reader = open_session(media, session, None)
    skip = len(MASTER) + 1
    return {
        path[skip:]
        for path, _ in walk(reader, read_session(media, session).root_id)
        if path.startswith(MASTER + b"/")
    }


def expected(source: Path, filters: Filters) -> set[bytes]:
    """What the rules say, path by path."""
    rules, found = PathFilter(filters, reserved=False), set()
    for above, directories, files in os.walk(os.fsencode(source)):
        for name, is_directory in [*((one, True) for one in directories), *((one, False) for one in files)]:
            path = os.path.relpath(above + b"/" + name, os.fsencode(source))
            if not rules.leaves_out(path, directory=is_directory):
                found.add(path)
    return found


@pytest.mark.parametrize(
    "filters",
    [
        TEMPORARY,
        Filters(include=("*.txt",)),
        Filters(include=("*.txt",), exclude=("dir/**",)),
        Filters(exclude=("/cache", "**/y.txt")),
        Filters(exclude=("?.tmp",)),
        Filters(),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_a_session_holds_what_the_filter_takes(
    media: str, source: Path, filters: Filters, listed: bool
) -> None:
    manifest = None
    directory: Path | bytes = source
    if listed:
        area = source.parent / "area"
        area.mkdir()
        snapshot = HardLinkProvider().create(os.fsencode(source), os.fsencode(area), "one", None)
        assert snapshot.manifest is not None
        directory, manifest = snapshot.path, SnapshotManifest(snapshot.manifest)
    _, events = back_up(media, directory, manifest, filters=filters)
    assert events.problems == []
    assert names(media, 1) == expected(source, filters)
    header = read_session(media, 1)
    assert set(filters_of(header.filters).exclude) == set(filters.exclude)
    assert filters_of(header.filters).include == filters.include
    assert {row.path[len(MASTER) + 1 :] for row in events.rows} - {b"", b"rv"} >= names(media, 1)


def test_a_session_says_what_each_rule_left_out(media: str, source: Path) -> None:
    back_up(media, source, filters=TEMPORARY)
    found = {one.rule: one for one in left_out_of(read_session(media, 1).left_out)}
    assert set(found) == {"*.tmp", "cache/"}
    size = sum(os.stat(path).st_size for path in source.rglob("*.tmp"))
    assert (found["*.tmp"].files, found["*.tmp"].directories, found["*.tmp"].size_bytes) == (3, 0, size)
    assert (found["cache/"].files, found["cache/"].directories) == (0, 1)


def removed(events: Events) -> set[bytes]:
    return {row.path[len(MASTER) + 1 :] for row in events.rows if row.removed}


def test_another_filter_takes_out_and_brings_in_beside_the_base(media: str, source: Path) -> None:
    back_up(media, source)
    _, events = back_up(media, source, base=1, filters=TEMPORARY)
    assert names(media, 2) == expected(source, TEMPORARY)
    assert removed(events) == expected(source, Filters()) - expected(source, TEMPORARY)
    _, events = back_up(media, source, base=2)
    assert names(media, 3) == expected(source, Filters())
    assert not removed(events)


def test_a_list_of_changes_goes_through_the_filter(media: str, source: Path) -> None:
    back_up(media, source, filters=TEMPORARY)
    (source / "new.tmp").write_text("new")
    (source / "new.txt").write_text("new")
    (source / "cache/deep/x.txt").write_text("changed")
    (source / "dir").rename(source / "cache-dir")
    (source / "cache-not").rename(source / "gone.tmp")
    changes = (
        Change(b"new.tmp", ChangeKind.CHANGED),
        Change(b"new.txt", ChangeKind.CHANGED),
        Change(b"cache/deep/x.txt", ChangeKind.CHANGED),
        Change(b"dir", ChangeKind.REMOVED),
        Change(b"cache-dir", ChangeKind.SUBTREE),
        Change(b"cache-not", ChangeKind.REMOVED),
        Change(b"gone.tmp", ChangeKind.SUBTREE),
    )
    result, _ = back_up(media, source, base=1, changes=changes, filters=TEMPORARY)
    assert names(media, 2) == expected(source, TEMPORARY)
    files = sum(1 for path in names(media, 2) if os.path.isfile(os.fsencode(source) + b"/" + path))
    assert result.files == files
    assert left_out_of(read_session(media, 2).left_out) == left_out_of(read_session(media, 1).left_out)


def test_a_list_of_changes_is_not_used_with_another_filter_than_the_bases(media: str, source: Path) -> None:
    back_up(media, source)
    result, _ = back_up(media, source, base=1, changes=(), filters=TEMPORARY)
    assert not result.incremental
    assert names(media, 2) == expected(source, TEMPORARY)


def test_a_pattern_that_is_none_backs_nothing_up(media: str, source: Path) -> None:
    with pytest.raises(UsageError, match="E4206"):
        back_up(media, source, filters=Filters(exclude=("[a",)))
