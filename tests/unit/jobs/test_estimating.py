"""What a backup is expected to do is noted when it begins, and what it did beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.estimating import estimate_backup
from app.jobs.submission import submit_backup
from app.model.estimate import NodeHistory, estimate_of
from app.model.job import BackupScript
from app.ui.job_status.outcome import compared
from tests.unit.jobs.test_job_queue import Bench

FILES = BackupScript((7,), ("Files",))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def records(bench: Bench, script: BackupScript):
    job = bench.ended(submit_backup(bench.catalog, bench.store, script))
    return [one for one in bench.catalog.log.records if one.job_id == job.id]


def test_nothing_is_expected_of_what_was_never_backed_up(bench: Bench):
    assert estimate_backup(bench.catalog, FILES).first == 1
    codes = [one.code for one in records(bench, FILES)]
    assert not {"N5048", "N5049"} & set(codes)


def test_the_second_backup_is_told_by_the_first_and_compared_with_what_it_did(bench: Bench):
    records(bench, FILES)
    (bench.replica / "new").write_bytes(b"n" * 300_000)
    found = records(bench, FILES)
    codes = [one.code for one in found]
    assert codes.index("N5000") < codes.index("N5048") < codes.index("N5001")
    assert codes.index("N5033") < codes.index("N5049") < codes.index("N5040")
    told = compared(found)
    assert [one.name for one in told] == ["Looked at", "New on media", "Time"]
    assert (told[0].estimated, told[0].actual) == ("97.7 KB", "391 KB")


def test_several_nodes_are_summed_up_once_by_their_job(bench: Bench):
    bench.register(8, "Others")
    both = BackupScript((7, 8), ("Files", "Others"))
    nodes = [NodeHistory(10, ((5, 2.0), (7, 4.0))), NodeHistory(20, ((1, 1.0),))]
    made = estimate_of(nodes, both.streams)
    assert (made.size_bytes, made.new_least, made.new_most) == (30, 6, 8)
    assert (made.seconds_least, made.seconds_most, made.backups) == (1.5, 5.0, 1)
    assert estimate_backup(bench.catalog, both).first == 2


def test_what_a_run_has_not_done_yet_is_not_compared(bench: Bench):
    records(bench, FILES)
    running = [one for one in records(bench, FILES) if one.code not in ("N5049", "N5040")]
    assert [one.actual for one in compared(running)] == ["", "", ""]
    assert compared([]) == []
