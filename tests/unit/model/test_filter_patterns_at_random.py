"""Patterns at random against the plainest way to say what they mean."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.model.filters import by_path, directories_only, pattern_fault
from app.model.scenario import Filters
from app.replication.master.filters import PathFilter

NAMES = st.one_of(
    st.sampled_from(["a", "b", "ab", "ba"]),
    st.text("abX.", min_size=1, max_size=5).filter(lambda name: name.strip(".")),
)
PARTS = st.one_of(
    st.just("**"),
    st.sampled_from(["a", "b", "ab"]),
    st.text("abX.*?", min_size=1, max_size=6),
    st.sampled_from(["[ab]*", "[!a]", "a[X.]b", "[a"]),
)


def name_matches(pattern: str, name: str) -> bool:
    """By taking one character after the other, trying everything."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(name_matches(pattern[1:], name[start:]) for start in range(len(name) + 1))
    if pattern[0] == "[" and "]" in pattern[2:]:
        end = pattern.index("]", 2)
        inner = pattern[1:end]
        inside = bool(name) and (name[0] in inner.lstrip("!")) is not inner.startswith("!")
        return inside and name_matches(pattern[end + 1 :], name[1:])
    return bool(name) and pattern[0] in ("?", name[0]) and name_matches(pattern[1:], name[1:])


def path_matches(pattern: list[str], names: list[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        # At the end it stands for something; elsewhere for any number of directories.
        if len(pattern) == 1:
            return bool(names)
        return any(path_matches(pattern[1:], names[start:]) for start in range(len(names) + 1))
    return bool(names) and name_matches(pattern[0], names[0]) and path_matches(pattern[1:], names[1:])


def excluded(pattern: str, names: list[str], *, directory: bool) -> bool:
    parts = pattern.strip("/").split("/")
    for depth in range(1, len(names) + 1):
        if directories_only(pattern) and depth == len(names) and not directory:
            continue
        chosen = names[:depth] if by_path(pattern) else [names[depth - 1]]
        if path_matches(parts, chosen):
            return True
    return False


@settings(max_examples=800, deadline=None)
@given(
    st.lists(PARTS, min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
    st.lists(NAMES, min_size=1, max_size=6),
    st.booleans(),
)
def test_a_pattern_matches_what_it_says(
    parts: list[str], anchored: bool, closed: bool, names: list[str], directory: bool
) -> None:
    pattern = "/" * anchored + "/".join(parts) + "/" * closed
    if pattern_fault(pattern, excludes=True):
        return
    path = "/".join(names).encode()
    filters = PathFilter(Filters(exclude=(pattern,)))
    wanted = excluded(pattern, names, directory=directory)
    assert filters.leaves_out(path, directory=directory) is wanted, (pattern, path)
    assert filters.decide(path, directory=directory) == (wanted, pattern if wanted else "")
    if closed:
        return
    taken = PathFilter(Filters(include=(pattern,)))
    whole = names if by_path(pattern) else names[-1:]
    matched = path_matches(pattern.strip("/").split("/"), whole)
    assert taken.leaves_out(path, directory=False) is not matched, (pattern, path)
