"""The preview of filters: what it counts, which pattern it names, and when it ends."""

import os
from pathlib import Path

import pytest

from app.model.errors import ArcxoError, UsageError
from app.model.filters import FilterPreview
from app.model.scenario import Filters
from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import PathFilter
from app.replication.master.preview import preview
from app.replication.master.walker import walk


def make(base: Path) -> bytes:
    root = base / "root"
    for name, size in (
        ("a.txt", 10),
        ("b.tmp", 20),
        ("docs/c.txt", 30),
        ("docs/deep/d.bak", 40),
        ("cache/x", 50),
        ("cache/sub/y.txt", 60),
        (".arcxo-side/z", 70),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"." * size)
    (root / "link").symlink_to("/etc")
    return os.fsencode(root)


def last(root: bytes, filters: Filters, **options: object) -> FilterPreview:
    return list(preview([root], filters, **options))[-1]  # type: ignore[arg-type]


def test_counts_bytes_examples_and_the_pattern_that_decided(tmp_path: Path) -> None:
    root = make(tmp_path)
    seen = last(root, Filters(exclude=("*.tmp", "cache", "*.none")))
    assert seen.complete
    assert (seen.included_files, seen.included_directories, seen.included_bytes) == (4, 2, 80)
    assert (seen.excluded_files, seen.excluded_directories, seen.excluded_bytes) == (3, 2, 130)
    uses = {use.pattern: (use.entries, use.size_bytes) for use in seen.patterns}
    assert uses == {"*.tmp": (1, 20), "cache": (4, 110), "*.none": (0, 0)}
    examples = {example.path[len(root) + 1 :]: example.pattern for example in seen.excluded}
    assert examples == {b"b.tmp": "*.tmp", b"cache": "cache"}
    assert b"link" in {example.path[len(root) + 1 :] for example in seen.included}


def test_with_include_patterns_the_rest_is_named_as_not_included(tmp_path: Path) -> None:
    seen = last(make(tmp_path), Filters(include=("*.txt",)))
    assert seen.included_files == 3
    uses = {(use.pattern, use.excludes): use.entries for use in seen.patterns}
    assert uses == {("*.txt", False): 3, ("", True): 4}


def test_it_counts_what_replication_would_take(tmp_path: Path) -> None:
    root = make(tmp_path)
    for filters in (Filters(), Filters(exclude=("docs/deep", "x")), Filters(("**/*.txt",), ("cache/*/*",))):
        compared = ComparedRoot(0, root)
        compared.identify()
        taken = [path for path, _ in walk(compared, PathFilter(filters), lambda *_: None) if path]
        seen = last(root, filters)
        assert seen.included_files + seen.included_directories == len(taken)


def test_examples_are_bounded_and_come_from_every_pattern(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(300):
        (root / f"{number}.tmp").touch()
    (root / "one.bak").touch()
    seen = last(os.fsencode(root), Filters(exclude=("*.tmp", "*.bak")), examples=2)
    assert {example.pattern for example in seen.excluded} == {"*.tmp", "*.bak"}
    assert len(last(os.fsencode(root), Filters(exclude=("*.tmp",)), examples=10**9).excluded) == 200


def test_a_deadline_and_a_caller_that_goes_away_end_it_with_what_was_seen(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for number in range(2000):
        (root / f"d{number % 50}").mkdir(parents=True, exist_ok=True)
        (root / f"d{number % 50}/{number}").touch()
    seen = last(os.fsencode(root), Filters(), seconds=1e-9)
    assert not seen.complete
    assert seen.included_files < 2000
    gone = last(os.fsencode(root), Filters(), stopped=lambda: True)
    assert not gone.complete
    assert last(os.fsencode(root), Filters(), seconds=600).included_files == 2000


def test_names_that_are_not_utf8_are_shown_as_they_are(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path / "root")
    os.mkdir(root)
    os.close(os.open(root + b"/caf\xe9.tmp", os.O_CREAT | os.O_WRONLY))
    seen = last(root, Filters(exclude=("caf?.tmp",)))
    assert [example.path for example in seen.excluded] == [root + b"/caf\xe9.tmp"]


def test_what_cannot_be_walked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, code in ((b"/nowhere/at/all", "ER00101"), (os.fsencode(tmp_path / "file"), "ER00102")):
        with pytest.raises(ArcxoError) as caught:
            list(preview([path], Filters()))
        assert caught.value.code == code
    with pytest.raises(UsageError) as refused:
        list(preview([os.fsencode(tmp_path)], Filters(exclude=("*",))))
    assert refused.value.code == "ER00122"


def test_it_changes_nothing(tmp_path: Path) -> None:
    root = make(tmp_path)
    before = sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*"))
    last(root, Filters(exclude=("cache",)))
    assert sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
