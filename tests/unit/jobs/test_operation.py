"""Retries of what was missed, commands before and after, streams, changed passwords, modified jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.jobs import connecting
from app.jobs.credentials import JobSecrets
from app.jobs.passwords import set_login, set_session_password
from app.jobs.submission import submit_backup
from app.model.commands import JobCommands, OnExit
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.job import BackupScript, Credentials, Job, JobResult, JobStatus, Schedule
from tests.unit.jobs.test_job_queue import Bench

FILES = BackupScript((7,), ("Files",))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def submit(bench: Bench, script: BackupScript, **values: Any) -> Job:
    return submit_backup(bench.catalog, bench.store, script, **values)


def program(place: Path, text: str) -> str:
    path = place / f"program-{len(list(place.iterdir()))}"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_what_was_missed_is_tried_again_by_a_job_of_its_own_until_no_attempt_is_left(bench: Bench):
    bench.agent.begin_error = ArcxoError("AE0465", name="Files", id=7)
    first = bench.ended(submit(bench, replace(FILES, retries=2, retry_minutes=30)))
    makeup = bench.catalog.jobs.show(first.id + 1)
    assert (makeup.script.retries, makeup.script.makeup_of) == (1, first.id)
    assert makeup.execution_at - datetime.now(UTC) > timedelta(minutes=29)
    assert "W5730" in bench.catalog.log.codes(first.id)
    for number in (2, 3):
        bench.catalog.jobs.run_now(number)
        bench.ended(bench.catalog.jobs.show(number))
    assert [job.script.retries for job in reversed(bench.catalog.jobs.list())] == [2, 1, 0]
    bench.agent.begin_error = None


def test_only_the_children_that_failed_are_tried_again(bench: Bench):
    bench.register(8, "Others")
    bench.agent.scenarios_by_id[8] = replace(bench.scenario, id=9, name="Another")
    parent = bench.ended(submit(bench, BackupScript((7, 8), ("Files", "Others"), retries=1)))
    assert parent.last_result is JobResult.INCOMPLETE
    (makeup,) = [job for job in bench.catalog.jobs.list() if job.script.makeup_of]
    assert makeup.script.scenario_names == ("Others",)


def test_what_a_rule_skipped_or_was_deleted_meanwhile_is_not_tried_again(bench: Bench, tmp_path: Path):
    (tmp_path / "p").mkdir()
    skip = JobCommands((program(tmp_path / "p", "exit 3"),), 3, OnExit.SKIP_JOB)
    for number, name in ((8, "Skipped"), (9, "Gone")):
        bench.register(number, name)
        bench.agent.scenarios_by_id[number] = replace(bench.scenario, id=number, name=name)
    script = BackupScript(
        (7, 8, 9), ("Files", "Skipped", "Gone"), retries=1, node_commands=(("Skipped", skip),)
    )
    parent, alone = (
        submit(bench, script, hold=True),
        submit(bench, BackupScript((9,), ("Gone",), retries=1), hold=True),
    )
    bench.catalog.registrations.remove(9)
    for job in (parent, alone):
        bench.catalog.jobs.ready(job.id)
        bench.ended(job)
    results = [one.last_result for one in bench.catalog.jobs.children(parent.id)]
    assert results == [JobResult.FINISHED, JobResult.CANCELED, JobResult.RUN_FAILED]
    assert bench.catalog.jobs.show(alone.id).last_result is JobResult.RUN_FAILED
    assert not [job for job in bench.catalog.jobs.list() if job.script.makeup_of]


def test_a_finished_or_stopped_backup_is_not_tried_again(bench: Bench):
    bench.ended(submit(bench, replace(FILES, retries=1)))
    bench.agent.gate = threading.Event()
    job = submit(bench, replace(FILES, retries=1))
    bench.until(bench.agent.archiving.is_set)
    bench.catalog.jobs.request_stop(job.id)
    assert bench.ended(job).last_result is JobResult.CANCELED
    assert len(bench.catalog.jobs.list()) == 2


def test_commands_run_before_and_after_and_know_the_result(bench: Bench, tmp_path: Path):
    (tmp_path / "p").mkdir()
    out = tmp_path / "out"
    before = program(tmp_path / "p", f'echo "before $1" >> {out}')
    after = program(tmp_path / "p", f'echo "after $ARCXO_RESULT" >> {out}')
    commands = JobCommands(before=(before, "a b"), after=(after,))
    node = JobCommands(after=(program(tmp_path / "p", f'echo "node $ARCXO_NODE" >> {out}'),))
    script = replace(FILES, commands=commands, node_commands=(("Files", node),))
    assert bench.ended(submit(bench, script)).last_result is JobResult.FINISHED
    assert out.read_text().splitlines() == ["before a b", "node Files", "after finished"]


@pytest.mark.parametrize(
    ("code", "rule", "result", "after"),
    [
        (0, JobCommands(exit_code=0), JobResult.FINISHED, True),
        (3, JobCommands(exit_code=0), JobResult.RUN_FAILED, False),
        (3, JobCommands(), JobResult.FINISHED, True),
        (3, JobCommands(exit_code=3, on_exit=OnExit.SKIP_JOB), JobResult.CANCELED, False),
        (4, JobCommands(exit_code=3, on_exit=OnExit.SKIP_JOB), JobResult.FINISHED, True),
        (3, JobCommands(exit_code=3, on_exit=OnExit.SKIP_AFTER), JobResult.FINISHED, False),
        (0, JobCommands(after_unless=("finished",)), JobResult.FINISHED, False),
    ],
)
def test_exit_codes_decide(
    bench: Bench, tmp_path: Path, code: int, rule: JobCommands, result: JobResult, after: bool
):
    (tmp_path / "p").mkdir()
    mark = tmp_path / "mark"
    before = program(tmp_path / "p", f"exit {code}")
    then = program(tmp_path / "p", f"touch {mark}")
    commands = replace(rule, before=(before,), after=(then,))
    job = bench.ended(submit(bench, replace(FILES, commands=commands)))
    assert (job.last_result, mark.exists()) == (result, after)


def test_a_stop_ends_a_command_that_hangs(bench: Bench, tmp_path: Path):
    (tmp_path / "p").mkdir()
    before = program(tmp_path / "p", "sleep 600")
    job = submit(bench, replace(FILES, commands=JobCommands(before=(before,))))
    bench.until(lambda: "command" in bench.catalog.jobs.show(job.id).waits_for)
    bench.catalog.jobs.request_stop(job.id)
    assert bench.ended(job).last_result is JobResult.CANCELED


def test_more_backups_than_streams_wait_and_say_why(bench: Bench):
    for number in (8, 9):
        bench.agent.scenarios_by_id[number] = replace(bench.scenario, id=number, name=f"S{number}")
        bench.register(number, f"S{number}")
    bench.agent.gate = threading.Event()
    scripts = [FILES, BackupScript((8,), ("S8",)), BackupScript((9,), ("S9",))]
    jobs = [submit(bench, replace(script, streams=2)) for script in scripts]
    bench.until(lambda: any("device group" in bench.catalog.jobs.show(job.id).waits_for for job in jobs))
    bench.agent.gate.set()
    for job in jobs:
        bench.ended(job)
    assert "device group GROUP0: 2 backups write to it" in bench.catalog.jobs.waits


def test_a_scenario_that_is_just_being_connected_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    bench.agent.begin_error = BusyError("AE0465", name="Files", id=7, state="connecting")
    job = submit(bench, FILES)
    bench.until(lambda: "being connected" in bench.catalog.jobs.show(job.id).waits_for)
    bench.agent.begin_error = None
    assert bench.ended(job).last_result is JobResult.FINISHED
    monkeypatch.setattr(connecting, "_PATIENCE_S", 0.1)
    bench.agent.begin_error = BusyError("AE0465", name="Files", id=7, state="connecting")
    assert bench.ended(submit(bench, FILES)).last_result is JobResult.FAILED
    bench.agent.begin_error = None


def test_more_backups_than_a_host_has_places_wait_and_say_why(bench: Bench):
    bench.agent.scenarios_by_id[8] = replace(bench.scenario, id=8, name="Others")
    bench.register(8, "Others")
    bench.catalog.settings.put("host_streams", "1")
    bench.agent.gate = threading.Event()
    jobs = [submit(bench, FILES), submit(bench, BackupScript((8,), ("Others",)))]
    bench.until(lambda: any("host" in bench.catalog.jobs.show(job.id).waits_for for job in jobs))
    waits = [bench.catalog.jobs.show(job.id).waits_for for job in jobs]
    assert any(text.startswith("host localhost: 1 backup(s) read from it") for text in waits)
    bench.agent.gate.set()
    assert {bench.ended(job).last_result for job in jobs} == {JobResult.FINISHED}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (replace(FILES, retries=13), "E5745"),
        (replace(FILES, streams=1), "E5745"),
        (replace(FILES, retry_minutes=0), "E5745"),
        (replace(FILES, commands=JobCommands(delay_minutes=-1)), "E5745"),
        (replace(FILES, commands=JobCommands(before=("true",))), "E5746"),
        (replace(FILES, node_commands=(("Files", JobCommands(after=("/tmp",))),)), "E5746"),
        (replace(FILES, node_commands=(("File", JobCommands(after=("/bin/sh",))),)), "E5759"),
    ],
)
def test_what_can_not_be_done_is_refused_when_it_is_submitted(bench: Bench, script: BackupScript, code: str):
    with pytest.raises(UsageError, match=code):
        submit(bench, script)


def test_a_changed_password_takes_the_place_of_the_sealed_one(bench: Bench):
    logins = ((7, "master", Credentials("a", "old")), (7, "replica", Credentials("b", "old")))
    secrets = JobSecrets(session_password="old", logins=logins)
    job = submit(bench, replace(FILES, encrypt=True), hold=True, secrets=secrets)
    set_session_password(bench.catalog, bench.store, job.id, "new")
    set_login(bench.catalog, bench.store, job.id, Credentials("c", "new"), "replica")
    kept = JobSecrets.unseal(bench.store, bench.catalog.jobs.credentials(job.id))
    assert kept.session_password == "new"
    assert [login.password for _, _, login in kept.logins] == ["old", "new"]
    plain = submit(bench, FILES, hold=True)
    for change in (
        lambda: set_session_password(bench.catalog, bench.store, plain.id, "x"),
        lambda: set_login(bench.catalog, bench.store, plain.id, Credentials("c", "x")),
    ):
        with pytest.raises(UsageError, match="E5748"):
            change()


def test_a_modified_backup_keeps_its_number(bench: Bench):
    job = submit(bench, FILES, hold=True)
    changed = submit(
        bench, replace(FILES, streams=8), schedule=Schedule(repeat="FREQ=DAILY"), replaces=job.id
    )
    assert (changed.id, changed.script.streams, changed.status) == (job.id, 8, JobStatus.READY)


def test_a_crash_of_the_server_is_made_up_for(bench: Bench):
    job = submit(bench, replace(FILES, retries=1))
    assert bench.catalog.jobs.claim_due("dead") is not None
    bench.queue.mark_crashed("dead")
    assert bench.catalog.jobs.show(job.id).last_result is JobResult.CRASHED
    makeup = bench.catalog.jobs.show(job.id + 1)
    assert (makeup.script.makeup_of, makeup.script.retries) == (job.id, 0)
    bench.catalog.jobs.run_now(makeup.id)
    assert bench.ended(makeup).last_result is JobResult.FINISHED
    assert "N5731" in bench.catalog.log.codes(makeup.id)
