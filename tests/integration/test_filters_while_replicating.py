"""Filters while replicating: renames over their border, and what becomes of files left out later."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.model.scenario import Filters
from tests.support.replication_pair import Pair


@pytest.fixture
def replication(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def there(replication: Pair) -> list[str]:
    base = replication.replica
    return sorted(str(path.relative_to(base)) for path in base.rglob("*"))


def refilter(replication: Pair, filters: Filters) -> None:
    """Stop, change the filters, run again and let it settle."""
    replication.engine.stop(replication.id)
    scenario = replication.engine.status(replication.id).scenario
    replication.engine.update(replace(scenario, filters=filters))
    replication.engine.run(replication.id)
    replication.wait()
    replication.settle()


def test_a_file_renamed_out_of_the_filters_goes_and_comes_back(replication: Pair) -> None:
    file = replication.master / "a.txt"
    file.write_text("one")
    replication.run(Filters(exclude=("*.tmp",)))
    for round_ in range(3):
        os.rename(file, replication.master / "a.tmp")
        replication.settle()
        assert there(replication) == []
        (replication.master / "a.tmp").write_text(f"changed {round_}")
        os.rename(replication.master / "a.tmp", file)
        replication.settle()
        assert there(replication) == ["a.txt"]
        assert (replication.replica / "a.txt").read_text() == f"changed {round_}"


def test_an_editor_that_saves_by_way_of_an_excluded_name_is_followed(replication: Pair) -> None:
    (replication.master / "doc").write_text("old")
    replication.run(Filters(exclude=("*~", "*.swp")))
    for number in range(20):
        (replication.master / "doc.swp").write_text(f"new {number}")
        os.rename(replication.master / "doc", replication.master / "doc~")
        os.rename(replication.master / "doc.swp", replication.master / "doc")
    replication.settle()
    assert there(replication) == ["doc"]
    assert (replication.replica / "doc").read_text() == "new 19"


def test_a_tree_moved_between_excluded_and_included_directories_follows_whole(replication: Pair) -> None:
    tree = replication.master / "work"
    (tree / "deep/er").mkdir(parents=True)
    (tree / "deep/er/file").write_text("x")
    (tree / "deep/skip.tmp").write_text("x")
    (replication.master / "cache").mkdir()
    replication.run(Filters(exclude=("cache", "*.tmp")))
    os.rename(tree, replication.master / "cache/work")
    replication.settle()
    assert there(replication) == []
    (replication.master / "cache/work/deep/er/more").write_text("y")
    os.rename(replication.master / "cache/work", tree)
    replication.settle()
    assert there(replication) == [
        "work",
        "work/deep",
        "work/deep/er",
        "work/deep/er/file",
        "work/deep/er/more",
    ]
    (tree / "deep/er/file").write_text("seen again")
    replication.settle()
    assert (replication.replica / "work/deep/er/file").read_text() == "seen again"


def test_a_directory_moved_to_where_a_path_pattern_speaks_of_its_inside(replication: Pair) -> None:
    tree = replication.master / "a"
    (tree / "obj").mkdir(parents=True)
    (tree / "obj/1").write_text("x")
    (tree / "src").write_text("x")
    replication.run(Filters(exclude=("build/obj",)))
    os.rename(tree, replication.master / "build")
    replication.settle()
    assert there(replication) == ["build", "build/src"]
    os.rename(replication.master / "build", tree)
    replication.settle()
    assert there(replication) == ["a", "a/obj", "a/obj/1", "a/src"]


def test_with_include_patterns_only_matching_files_take_part(replication: Pair) -> None:
    replication.run(Filters(include=("*.txt", "docs/**")))
    (replication.master / "docs").mkdir()
    (replication.master / "docs/any").write_text("x")
    (replication.master / "note.txt").write_text("x")
    (replication.master / "other").write_text("x")
    replication.settle()
    assert there(replication) == ["docs", "docs/any", "note.txt"]
    os.rename(replication.master / "other", replication.master / "other.txt")
    os.rename(replication.master / "note.txt", replication.master / "note")
    replication.settle()
    assert there(replication) == ["docs", "docs/any", "other.txt"]


def test_what_is_excluded_later_stays_on_the_replica_untouched(replication: Pair) -> None:
    (replication.master / "sub").mkdir()
    for name in ("a.txt", "b.log", "sub/c.log"):
        (replication.master / name).write_text("first")
    replication.run()
    replication.assert_equal()
    refilter(replication, Filters(exclude=("*.log",)))
    assert there(replication) == ["a.txt", "b.log", "sub", "sub/c.log"]
    (replication.master / "b.log").write_text("second")
    os.unlink(replication.master / "sub/c.log")
    (replication.master / "a.txt").write_text("second")
    replication.settle()
    assert (replication.replica / "b.log").read_text() == "first"
    assert (replication.replica / "sub/c.log").read_text() == "first"
    assert (replication.replica / "a.txt").read_text() == "second"
    # Its directory still goes as a whole when the master's goes.
    os.rmdir(replication.master / "sub")
    replication.settle()
    assert there(replication) == ["a.txt", "b.log"]


def test_what_is_included_again_becomes_equal_again(replication: Pair) -> None:
    for name in ("a.txt", "b.log", "c.log"):
        (replication.master / name).write_text("first")
    replication.run()
    refilter(replication, Filters(exclude=("*.log",)))
    (replication.master / "b.log").write_text("changed meanwhile")
    os.unlink(replication.master / "c.log")
    refilter(replication, Filters())
    replication.assert_equal()


def test_a_replica_file_with_an_excluded_name_is_never_taken_for_ours(replication: Pair) -> None:
    (replication.replica / "mine.tmp").write_text("of the replica")
    (replication.master / "x").write_text("1")
    replication.run(Filters(exclude=("*.tmp",)))
    os.rename(replication.master / "x", replication.master / "mine.tmp")
    replication.settle()
    assert there(replication) == ["mine.tmp"]
    assert (replication.replica / "mine.tmp").read_text() == "of the replica"
