"""What a listing sees of hard links is noted: names that share a file, and those that were noted already."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.replica.applied import AppliedIndex
from app.replication.replica.link_groups import LinkGroups, ListedLinks


@pytest.fixture
def links(tmp_path: Path) -> Iterator[LinkGroups]:
    index = AppliedIndex(str(tmp_path / "applied.sqlite3"))
    yield LinkGroups(index)
    index.close()


def names(links: LinkGroups, root: int) -> dict[bytes, int]:
    return {path: inode for (at, path), inode in links._inode.items() if at == root}


@pytest.mark.parametrize("seed", range(4))
def test_a_listing_notes_names_that_share_a_file_and_keeps_those_noted(links: LinkGroups, seed: int) -> None:
    chance = random.Random(seed)
    directories = [b"", b"d/", b"d/\xff/", b"e" * 300 + b"/"]
    inodes = [chance.choice((number, (1 << 63) - 1 - number)) for number in range(1, 120)]
    paths = [chance.choice(directories) + b"%d" % number for number in range(150)]
    seen = {path: chance.choice(inodes) for path in sorted(paths)}
    noted = {path: chance.choice((inode, 7)) for path, inode in seen.items() if chance.random() < 0.2}
    for path, inode in {**noted, b"gone": 3}.items():
        links.add(1, path, inode)
    links.add(0, b"elsewhere", 5)
    listed = ListedLinks(links, 1)
    for path, inode in seen.items():
        listed.note(path, inode)
    listed.end()
    every = list(seen.values())
    expected = {
        path: inode for path, inode in seen.items() if every.count(inode) > 1 or noted.get(path) == inode
    }
    assert expected
    assert names(links, 1) == expected
    assert names(links, 0) == {b"elsewhere": 5}


def test_files_with_names_outside_of_the_root_are_not_noted(links: LinkGroups) -> None:
    listed = ListedLinks(links, 0)
    for number in range(2000):
        listed.note(b"d/%d" % number, number)
    listed.end()
    assert names(links, 0) == {}
