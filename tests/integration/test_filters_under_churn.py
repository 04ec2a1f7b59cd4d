"""Random work over the border of filters: the replica ends as the part of the master that takes part."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scenario import Filters
from app.replication.master.filters import PathFilter
from tests.support.replication_pair import Pair

FILTERS = (
    Filters(exclude=("*.tmp", "cache/", "/top/skip", "a/**/old")),
    Filters(include=("*.txt", "a/**"), exclude=("cache",)),
)
NAMES = ("x.txt", "y.tmp", "old", "skip", "z", "cache")
FOLDERS = ("a", "top", "cache", "a/b", "a/cache", "top/skip")


@pytest.fixture
def replication(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def entries(base: Path) -> list[str]:
    return sorted(str(path.relative_to(base)) for path in base.rglob("*"))


def one(chance: random.Random, base: Path) -> None:
    """Any of the things programs do; what is not possible now is left out."""
    known = entries(base)
    place = base / chance.choice(["", *FOLDERS])
    target = place / chance.choice(NAMES)
    source = base / chance.choice(known) if known else None
    try:
        match chance.randrange(8):
            case 0 | 1:
                target.write_bytes(chance.randbytes(chance.randrange(3000)))
            case 2:
                (base / chance.choice(FOLDERS)).mkdir(parents=True, exist_ok=True)
            case 3 | 4 | 5 if source is not None:
                os.rename(source, target)
            case 6 if source is not None and source.is_file():
                with source.open("ab") as file:
                    file.write(b"more")
            case 7 if source is not None:
                shutil.rmtree(source) if source.is_dir() else source.unlink()
    except OSError:
        return


def taken(base: Path, filters: Filters) -> dict[str, bytes | None]:
    chosen = PathFilter(filters)
    return {
        name: (base / name).read_bytes() if (base / name).is_file() else None
        for name in entries(base)
        if not chosen.leaves_out(name.encode(), directory=(base / name).is_dir())
    }


def there(base: Path) -> dict[str, bytes | None]:
    return {
        name: (base / name).read_bytes() if (base / name).is_file() else None
        for name in entries(base)
        if not name.startswith(".arcxo-")
    }


@pytest.mark.parametrize("number", [0, 1])
def test_the_replica_is_what_takes_part(replication: Pair, number: int) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(60):
        one(chance, replication.master)
    replication.run(FILTERS[number])
    for _ in range(4):
        for _ in range(80):
            one(chance, replication.master)
        replication.settle(60)
        assert there(replication.replica) == taken(replication.master, FILTERS[number])
