"""Inodes that were met, a bit for each, are those of a set."""

from __future__ import annotations

import random
import sys

import pytest

from app.replication.met_inodes import MetInodes


@pytest.mark.parametrize("seed", range(4))
def test_what_was_met_is_what_a_set_holds(seed: int) -> None:
    chance = random.Random(seed)
    met = MetInodes()
    known: set[tuple[int, int]] = set()
    for _ in range(5000):
        near = chance.randrange(2000)
        one = (
            chance.choice((0, 9, (1 << 64) - 1)),
            chance.choice(
                (near, near, (1 << 64) - 1 - near, (1 << 63) + near, -near, chance.getrandbits(64))
            ),
        )
        assert met.again(*one) == (one in known)
        known.add(one)


def test_many_inodes_near_each_other_take_little() -> None:
    met = MetInodes()
    assert not any(met.again(5, inode) for inode in range(12, 100_012))
    pages = met._pages[5]
    size = sys.getsizeof(pages) + sum(map(sys.getsizeof, (*pages, *pages.values())))
    assert size < 4 * 100_000
