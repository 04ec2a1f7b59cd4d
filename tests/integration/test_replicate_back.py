from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError, BusyError
from app.model.rewind import PointKind, ReplicatedBack, RewindAction
from app.model.scenario import Filters, ScenarioState
from app.replication.master.put_back import KEPT_PREFIX
from tests.support.cuts import Cuts, at_cuts
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.replication_pair import Pair
from tests.support.trees import picture


@contextlib.contextmanager
def opened(base: Path) -> Iterator[Pair]:
    base.mkdir(exist_ok=True)
    made = Pair(base)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with opened(tmp_path) as made:
        yield made


def is_main(thread: str) -> bool:
    return thread == "MainThread"


def content(root: Path) -> dict[bytes, object]:
    """The picture of a root without what the product keeps in it."""
    return {path: entry for path, entry in picture(root).items() if b".arcxo-" not in path}


def start_tree(master: Path) -> None:
    (master / "docs").mkdir()
    (master / "docs/plan.txt").write_text("first")
    (master / "docs/old").mkdir()
    (master / "docs/old/notes").write_text("notes")
    (master / "linked").write_text("one file")
    os.link(master / "linked", master / "docs/also")
    os.symlink("docs/plan.txt", master / "link")
    (master / "goes").write_text("removed later")
    (master / "big").write_bytes(bytes(range(256)) * 20_000)


def change_tree(master: Path) -> None:
    (master / "docs/plan.txt").write_text("second, longer")
    shutil.rmtree(master / "docs/old")
    (master / "docs/old").write_text("a file now")
    (master / "goes").unlink()
    (master / "new").mkdir()
    (master / "new/file").write_text("new")
    (master / "linked").unlink()
    (master / "linked").write_text("its own")
    (master / "link").unlink()
    (master / "link").symlink_to("elsewhere")
    os.chmod(master / "docs", 0o700)
    with (master / "big").open("r+b") as file:
        file.seek(100_000)
        file.write(b"changed")


def rewound(pair: Pair) -> dict[bytes, object]:
    """A pair stopped after changes, its replica rewound to before them; the picture of then."""
    start_tree(pair.master)
    pair.run(brake_percent=0)
    pair.settle()
    earlier = content(pair.master)
    point = pair.engine.bookmark(pair.id, "before")
    change_tree(pair.master)
    pair.settle()
    pair.engine.stop(pair.id)
    pair.replica_engine.rewind(pair.id, point.id)
    assert content(pair.replica) == earlier
    return earlier


def back(pair: Pair, *paths: Path) -> ReplicatedBack:
    return pair.engine.replicate_back(pair.id, "localhost", [os.fsencode(path) for path in paths])


def test_the_master_becomes_what_the_rewound_replica_is(pair: Pair) -> None:
    earlier = rewound(pair)
    done = back(pair)
    assert content(pair.master) == earlier
    assert done.problems == ()
    assert os.stat(pair.master / "linked").st_ino == os.stat(pair.master / "docs/also").st_ino
    kept = Path(os.fsdecode(done.kept_in[0]))
    assert (kept / "docs/plan.txt").read_text() == "second, longer"
    assert (kept / "new/file").read_text() == "new"
    assert done.kept_until is not None
    pair.run()
    pair.settle()
    status = pair.engine.status(pair.id)
    assert status.replicas[0].synchronized_bytes == 0
    assert content(pair.replica) == content(pair.master) == earlier


@pytest.mark.parametrize("old", [10**18, 0], ids=["long ago", "just now"])
@pytest.mark.parametrize("trusting", [True, False])
def test_a_content_that_hides_behind_its_size_and_time_comes_back(
    pair: Pair, trusting: bool, old: int
) -> None:
    old = old or time.time_ns()
    for name in ("small", "large", "other"):
        (pair.master / name).write_bytes(b"first " * (1 if name == "small" else 500_000))
        os.utime(pair.master / name, ns=(old, old))
    os.link(pair.master / "large", pair.master / "second name of large")
    pair.run(brake_percent=0, ignore_same_size_time=trusting)
    pair.settle()
    earlier = content(pair.master)
    point = pair.engine.bookmark(pair.id, "before")
    for name in ("small", "large"):
        with (pair.master / name).open("r+b") as file:
            file.seek(-6, os.SEEK_END)
            file.write(b"FIRST ")
        os.utime(pair.master / name, ns=(old, old))
    pair.settle()
    assert content(pair.replica) == content(pair.master)
    pair.engine.stop(pair.id)
    plan = pair.engine.plan_replicate_back(pair.id, "localhost", [], point.id)
    assert pair.engine.plan_replicate_back(pair.id, "localhost", [], "").counts == {}
    pair.replica_engine.rewind(pair.id, point.id)
    assert content(pair.replica) == earlier
    again = pair.engine.plan_replicate_back(pair.id, "localhost", [], "")
    done = back(pair)
    assert (plan.counts, plan.items) == (again.counts, again.items) == (done.counts, done.items)
    assert done.problems == ()
    assert content(pair.master) == earlier
    assert done.counts == {RewindAction.OVERWRITE: 3}
    assert (pair.master / "large").samefile(pair.master / "second name of large")


def test_the_plan_says_what_it_then_does_and_changes_nothing(pair: Pair) -> None:
    start_tree(pair.master)
    pair.run(brake_percent=0)
    pair.settle()
    point = pair.engine.bookmark(pair.id, "before")
    change_tree(pair.master)
    pair.settle()
    pair.engine.stop(pair.id)
    now = content(pair.master)
    plan = pair.engine.plan_replicate_back(pair.id, "localhost", [], point.id)
    assert content(pair.master) == now == content(pair.replica)
    pair.replica_engine.rewind(pair.id, point.id)
    done = back(pair)
    assert plan.counts == done.counts
    assert plan.items == done.items
    assert plan.size_bytes == done.size_bytes
    assert RewindAction.DELETE in plan.counts


def test_only_the_chosen_path_is_replicated_back(pair: Pair) -> None:
    rewound(pair)
    before = content(pair.master)
    done = back(pair, pair.master / "docs/plan.txt")
    after = content(pair.master)
    assert (pair.master / "docs/plan.txt").read_text() == "first"
    assert {path for path in before if before[path] != after.get(path)} == {b"docs/plan.txt"}
    assert [item.path for item in done.items] == [os.fsencode(pair.master / "docs/plan.txt")]


def test_it_is_refused_while_the_scenario_runs(pair: Pair) -> None:
    start_tree(pair.master)
    pair.run()
    with pytest.raises(BusyError) as refused:
        back(pair)
    assert refused.value.code == "ER00283"


def test_what_filters_leave_out_stays_on_the_master(pair: Pair) -> None:
    start_tree(pair.master)
    pair.run(Filters(exclude=("*.tmp",)), brake_percent=0)
    pair.settle()
    point = pair.engine.bookmark(pair.id, "before")
    (pair.master / "later").mkdir()
    (pair.master / "later/file").write_text("x")
    (pair.master / "later/mine.tmp").write_text("local")
    pair.settle()
    pair.engine.stop(pair.id)
    pair.replica_engine.rewind(pair.id, point.id)
    done = back(pair)
    assert (pair.master / "later/mine.tmp").read_text() == "local"
    assert not (pair.master / "later/file").exists()
    assert [problem.path for problem in done.problems] == [os.fsencode(pair.master / "later")]


@at_cuts
def test_cut_anywhere_it_is_finished_by_the_next_run(tmp_path: Path, cuts: Cuts) -> None:
    with opened(tmp_path / "counted") as pair:
        earlier = rewound(pair)
        calls = durable_calls(lambda: back(pair), threads=is_main)
        assert content(pair.master) == earlier
    # What is to be done is noted by this; before that nothing has begun.
    noted = calls.index("replace") + 1
    for at in cuts(calls, each=16):
        with opened(tmp_path / str(at)) as pair:
            earlier = rewound(pair)
            wanted = earlier if at > noted else content(pair.master)
            with pytest.raises(Cut), CutAt(at, partial=True, threads=is_main):
                back(pair)
            pair.run()
            pair.settle()
            assert content(pair.master) == wanted, at
            assert content(pair.replica) == wanted, at
            left = [name for name in os.listdir(pair.master) if name.startswith(".arcxo-")]
            assert not any((pair.master / name / "incoming").exists() for name in left)


def test_kept_files_are_removed_when_their_time_is_over(pair: Pair) -> None:
    rewound(pair)
    back(pair)
    old = pair.master / (KEPT_PREFIX + b"20200101-000000").decode()
    old.mkdir()
    (old / "x").write_text("x")
    pair.run()
    assert not old.exists()
    assert any(name.startswith(KEPT_PREFIX.decode()) for name in os.listdir(pair.master))
    assert pair.engine.status(pair.id).state is ScenarioState.REPLICATING
    assert PointKind.REWIND in {point.kind for point in pair.replica_engine.rewind_points(pair.id)}


def test_a_path_through_a_link_on_the_master_is_not_written(pair: Pair, tmp_path: Path) -> None:
    rewound(pair)
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(pair.master / "docs")
    (pair.master / "docs").symlink_to(outside)
    with contextlib.suppress(ArcxoError):
        back(pair)
    assert list(outside.iterdir()) == []
    assert (pair.master / "docs/plan.txt").read_text() == "first"
