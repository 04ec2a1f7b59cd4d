"""What is asked of the shadow for every change must not cost more the more files there are."""

import os
import stat

import pytest

from app.replication.master.shadow import Shadow, ShadowEntry, ShadowReader

FILES = 5_000


def entry(path, inode, links=1):
    return ShadowEntry(path, 0, inode, links, stat.S_IFREG | 0o644, 0, 0, 1, 1, 1, b"", b"", 0)


@pytest.fixture
def shadow(tmp_path):
    made = Shadow(os.fspath(tmp_path / "shadow"))
    for number in range(FILES):
        made.put(0, entry(b"d%d/f%d" % (number % 50, number), number))
    made.put(0, entry(b"z/linked", 17, 2))
    made.commit()
    yield made
    made.close()


def steps(database, work):
    """Thousands of steps of SQLite's machine."""
    count = [0]
    database.set_progress_handler(lambda: count.__setitem__(0, count[0] + 1), 1_000)
    try:
        work()
    finally:
        database.set_progress_handler(None, 0)
    return count[0]


@pytest.mark.parametrize(
    "question",
    [
        lambda shadow: shadow.names_of(0, 0, 17),
        lambda shadow: shadow.get(0, b"d17/f17"),
        lambda shadow: shadow.put(0, entry(b"d17/f17", 17)),
        lambda shadow: shadow.remove(0, b"d17/f17"),
        lambda shadow: shadow.rename(0, b"d17/f67", b"d18/g"),
        lambda shadow: shadow.remove(0, b"d3"),
    ],
)
def test_a_question_about_one_entry_does_not_walk_over_all(shadow, question):
    assert steps(shadow.writing(), lambda: question(shadow)) < 10


def test_names_are_found_by_their_inode(shadow, tmp_path):
    assert [row.path for row in shadow.names_of(0, 0, 17)] == [b"d17/f17", b"z/linked"]
    assert shadow.names_of(1, 0, 17) == []
    assert shadow.names_of(0, 5, 17) == []
    reader = ShadowReader(os.fspath(tmp_path / "shadow"))
    assert steps(reader._database, lambda: reader.names_of(0, 17)) < 3
    assert sorted(reader.names_of(0, 17)) == [b"d17/f17", b"z/linked"]
    reader.close()
