"""Two homes on one machine with replicas in one directory: the second is refused, and writes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.host import CheckOutcome
from app.model.scenario import ReplicaState
from app.replication.replica.engine import ReplicaEngine
from tests.support.replication_pair import Pair, until


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Pair, Pair]]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    pairs = Pair(tmp_path / "one"), Pair(tmp_path / "two")
    for pair in pairs:
        (pair.master / f"of {pair.base.name}").write_text("content")
    yield pairs
    for pair in pairs:
        pair.close()


@pytest.mark.parametrize("inner", ["", "inside", "inside/deep"])
def test_the_second_is_refused_with_who_writes_it_until_that_gives_it_up(
    homes: tuple[Pair, Pair], inner: str
) -> None:
    first, second = homes
    first.run()
    first.settle()
    second.replica = first.replica / inner
    root = str(second.replica).encode()
    (said,) = [one for one in second.replica_engine.checks.root(root) if one.outcome is CheckOutcome.ERROR]
    assert said.code == "ER00426"
    second.create()
    second.engine.run(second.id)

    def refused() -> str:
        (replica,) = second.engine.status(second.id).replicas
        return replica.reason if replica.state is ReplicaState.PROBLEM else ""

    until(refused, 10, "the refusal")
    assert str(first.replica) in refused()
    assert str(first.base) in refused()
    assert sorted(path.name for path in first.replica.iterdir()) == ["of one"]
    first.assert_equal()
    # A replica that was forgotten is nobody's.
    first.engine.stop(first.id)
    first.engine.delete(first.id)
    first.replica_engine.forget(first.id)
    until((second.replica / "of two").exists, 30, "the second to take over")


def test_a_directory_around_another_home_s_is_refused(homes: tuple[Pair, Pair]) -> None:
    first, second = homes
    first.replica = first.replica / "deep"
    first.run()
    first.settle()
    assert "ER00426" in said_of(second, first.replica.parent)


def test_the_owner_that_was_killed_goes_on_and_the_other_stays_refused(homes: tuple[Pair, Pair]) -> None:
    first, second = homes
    first.run()
    first.settle()
    first.engine.close()
    first.replica_engine.close()
    assert "ER00426" in said_of(second, first.replica)
    assert "ER00426" not in said_of(first, first.replica)


def test_a_copy_of_a_home_at_work_writes_nothing_that_the_first_writes(
    homes: tuple[Pair, Pair], tmp_path: Path
) -> None:
    first, _ = homes
    first.run()
    point = first.engine.bookmark(first.id, "before")
    (first.master / "after").write_text("after")
    first.settle()
    shutil.copytree(first.base / "other", tmp_path / "copy/engine")
    copy = ReplicaEngine(str(tmp_path / "copy/engine"), "localhost", first.events)
    copy.start()
    try:
        assert "WR00409" in first.codes()
        with pytest.raises(ArcxoError) as refused:
            copy.rewind(first.id, point.id)
        assert refused.value.code == "ER00426"
        assert refused.value.params["home"] == str(first.base)
        first.connector.cut()
        (first.master / "later").write_text("later")
        until((first.replica / "later").exists, 30, "the first to go on")
        first.assert_equal()
        # The first home is not needed any more: the copy goes on from what it knows.
        first.engine.stop(first.id)
        first.replica_engine.close()
        shutil.rmtree(first.base / "other")
        copy.rewind(first.id, point.id)
        assert not (first.replica / "after").exists()
    finally:
        copy.close()


def said_of(pair: Pair, path: Path) -> list[str]:
    return [one.code for one in pair.replica_engine.checks.root(str(path).encode())]
