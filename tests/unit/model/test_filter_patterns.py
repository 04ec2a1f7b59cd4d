"""What include and exclude patterns mean, and which are refused."""

import time

import pytest

from app.model.filters import PATTERNS_MOST, check_filters, pattern_fault
from app.model.scenario import Filters
from app.replication.master.filters import NOT_INCLUDED, PathFilter


def left_out(pattern: str, path: str | bytes, *, directory: bool = False) -> bool:
    raw = path.encode() if isinstance(path, str) else path
    filters = PathFilter(Filters(exclude=(pattern,)))
    answer = filters.leaves_out(raw, directory=directory)
    assert filters.decide(raw, directory=directory)[0] is answer
    return answer


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.tmp", "a.tmp"),
        ("*.tmp", "deep/er/a.tmp"),
        ("cache", "deep/cache/inside/file"),
        ("/cache", "cache/file"),
        ("build/*.o", "build/a.o"),
        ("**/obj", "obj/file"),
        ("**/obj", "a/b/obj"),
        ("a/**/z", "a/z"),
        ("a/**/z", "a/b/c/z"),
        ("a/**/c/**/z", "a/b/c/z"),
        ("a/**/c/**/z", "a/c/b/c/d/z"),
        ("logs/**", "logs/x"),
        ("?.txt", "é.txt"),
        ("?.txt", b"\xe9.txt"),
        ("caf*.txt", b"sub/caf\xe9.txt"),
        ("[a-c]*", "banana"),
        ("[!a-c]*", "zebra"),
        ("[]x]", "]"),
        ("a[[]b", "a[b"),
        ("a]b", "a]b"),
        ("[a--b]", "-"),
        ("a*b*c", "aXbYbZc"),
        ("name\\d", "name\\d"),
        ("x.y", "x.y"),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str | bytes) -> None:
    assert left_out(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.tmp", "a.tmpx"),
        ("*.TMP", "a.tmp"),
        ("/cache", "deep/cache"),
        ("build/*.o", "build/sub/a.o"),
        ("build/*.o", "x/build/a.o"),
        ("a/**/z", "b/a/z"),
        ("a/**/z", "a/b/zz"),
        ("logs/**", "logs"),
        ("x.y", "xzy"),
        ("[!a-c]*", "banana"),
        ("cache/", "cache"),
        ("a*b*c", "acb"),
        ("a", "a\n"),
    ],
)
def test_what_a_pattern_does_not_match(pattern: str, path: str) -> None:
    assert not left_out(pattern, path)


def test_a_pattern_that_ends_in_a_slash_speaks_of_directories() -> None:
    assert left_out("cache/", "deep/cache", directory=True)
    assert left_out("cache/", "deep/cache/file")
    assert left_out("/a/b/", "a/b/file")
    assert not left_out("/a/b/", "a/b")


def test_exclude_beats_include_and_says_which_pattern_decided() -> None:
    filters = PathFilter(Filters(include=("*.txt", "docs/**"), exclude=("private", "*.bak")))
    assert filters.decide(b"a/note.txt", directory=False) == (False, "*.txt")
    assert filters.decide(b"docs/picture.png", directory=False) == (False, "docs/**")
    assert filters.decide(b"picture.png", directory=False) == (True, NOT_INCLUDED)
    assert filters.decide(b"private/note.txt", directory=False) == (True, "private")
    assert filters.decide(b"docs/note.bak", directory=False) == (True, "*.bak")
    assert filters.decide(b"elsewhere", directory=True) == (False, "")
    assert filters.decide(b".arcxo-1/x", directory=False) == (True, ".arcxo-*")


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    filters = PathFilter(Filters(exclude=("b/c", "*.tmp")))
    paths = [b"a/x", b"a/x.tmp", b"b/c/x", b"b/d", b"b/c/y", b"x.tmp", b"a/y", b"b", b"b/c"]
    fresh = [
        PathFilter(Filters(exclude=("b/c", "*.tmp"))).leaves_out(path, directory=False) for path in paths
    ]
    for _ in range(2):
        assert [filters.leaves_out(path, directory=False) for path in paths] == fresh


def test_no_pattern_takes_long() -> None:
    hard = "*a" * 100 + "b"
    slow = "/".join(["**/a"] * 100)
    filters = PathFilter(Filters(exclude=(hard, slow + "/b")))
    began = time.monotonic()
    assert not filters.leaves_out(b"a" * 255, directory=False)
    assert not filters.leaves_out(b"a/" * 1000 + b"c", directory=False)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("pattern", "excludes", "word"),
    [
        ("", True, "empty"),
        ("  ", False, "empty"),
        ("x" * 1025, True, "1,024"),
        ("caf\udce9", True, "UTF-8"),
        ("a\nb", True, "control"),
        ("../x", True, ".."),
        ("/", True, "empty"),
        ("a//b", True, "empty"),
        ("*", True, "everything"),
        ("**", True, "everything"),
        ("**/", True, "everything"),
        ("a**", True, "alone"),
        ("[z-a]", True, "brackets"),
        ("[", False, "[[]"),
        ("[!]", True, "[[]"),
        ("[a]/x[", True, "[[]"),
        ("docs/", False, "docs/**"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: str, excludes: bool, word: str) -> None:
    assert word in pattern_fault(pattern, excludes=excludes)
    with pytest.raises(ValueError, match=r".+: .+"):
        check_filters(Filters((), (pattern,)) if excludes else Filters((pattern,), ()))


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(ValueError, match="500"):
        check_filters(Filters(exclude=("x",) * (PATTERNS_MOST + 1)))
    check_filters(Filters(("*",), ("x",) * PATTERNS_MOST))
