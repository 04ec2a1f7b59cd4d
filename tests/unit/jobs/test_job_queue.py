from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.agent.api import SourcePoint
from app.catalog.api import Registration
from app.jobs.backup import BackupJobs
from app.jobs.credentials import JobSecrets
from app.jobs.housekeeping import Housekeeping
from app.jobs.lanes import Lanes
from app.jobs.media_choice import new_media
from app.jobs.media_jobs import MediaJobs
from app.jobs.queue import JobQueue
from app.jobs.restore import RestoreJobs
from app.jobs.secrets import SecretStore
from app.jobs.submission import submit_backup, submit_media, submit_restore
from app.media import api as media
from app.model.archive import CatalogRow, CatalogRows
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import (
    BackupScript,
    Destination,
    Job,
    JobKind,
    JobResult,
    JobStatus,
    RestoreScript,
    RestoreSelection,
    Schedule,
)
from app.model.media import Consistency, Device
from app.model.scenario import ReplicaState, ReplicaStatus, ScenarioState, ScenarioStatus
from app.model.source import DirectSource
from tests.support.jobs_fake_agent import MASTER, FakeAgent, FakeAgents, scenario_of
from tests.support.jobs_memory_catalog import MemoryCatalog


class Bench:
    """A queue over an in-memory catalog, a real media and an agent of one directory."""

    def __init__(self, directory: Path) -> None:
        self.replica = directory / "replica"
        (self.replica / "sub").mkdir(parents=True)
        (self.replica / "a.txt").write_text("alpha")
        (self.replica / "sub" / "b.bin").write_bytes(b"b" * 100_000)
        self.device = directory / "device"
        self.device.mkdir()
        self.catalog: Any = MemoryCatalog()
        device = Device("media", str(self.device), "GROUP0")
        self.catalog.media.put_device(device)
        self.media = new_media(self.catalog, device, "5/29/07 10:56 AM")
        self.store = SecretStore(str(directory / "home"))
        self.store.create()
        self.scenario = scenario_of(str(self.replica).encode())
        self.register(7, "Files")
        self.agent = FakeAgent(self.scenario)
        agents = FakeAgents(self.agent)
        lanes = Lanes()
        on_media = MediaJobs(self.catalog, self.store, lanes)
        self.kinds: Any = {
            JobKind.BACKUP: BackupJobs(self.catalog, self.store, agents, lanes, "server"),
            JobKind.RESTORE: RestoreJobs(self.catalog, self.store, agents),
            JobKind.MEDIA_FORMAT: on_media,
            JobKind.MEDIA_VERIFY: on_media,
            JobKind.MEDIA_MERGE: on_media,
            JobKind.MEDIA_PURGE: on_media,
        }
        self.reported: list[str] = []
        self.queue = JobQueue(self.catalog, "server-1", "server", self.kinds)

    def report(self, code: str, **params: object) -> None:
        self.reported.append(code)

    def register(self, number: int, name: str) -> None:
        self.catalog.registrations.put(Registration(number, name, "localhost", ("localhost",), (MASTER,)))

    def backup(self, *, password: str = "", schedule: Schedule = Schedule(), hold: bool = False) -> Job:
        script = BackupScript((7,), ("Files",), encrypt=bool(password))
        secrets = JobSecrets(session_password=password)
        return submit_backup(self.catalog, self.store, script, schedule, hold=hold, secrets=secrets)

    def restore(self, script: RestoreScript, password: str = "") -> Job:
        secrets = JobSecrets(session_passwords=((self.media.label.serial, 1, password),) if password else ())
        return submit_restore(self.catalog, self.store, script, secrets=secrets)

    def selection(self) -> tuple[RestoreSelection, ...]:
        return (RestoreSelection(self.media.label.serial, 1),)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.catalog.log.records
            self.queue.poll()
            time.sleep(0.01)

    def ended(self, job: Job) -> Job:
        self.until(lambda: self.catalog.jobs.show(job.id).last_result is not None and not self.queue.active)
        found: Job = self.catalog.jobs.show(job.id)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def test_a_backup_publishes_its_session_and_finishes(bench: Bench) -> None:
    job = bench.ended(bench.backup())
    assert (job.status, job.last_result) == (JobStatus.DONE, JobResult.FINISHED)
    (session,) = bench.catalog.sessions.list()
    assert (session.number, session.files, session.scenario_name) == (1, 2, "Files")
    rows = bench.catalog.sessions.rows[bench.media.label.serial, 1]
    assert MASTER + b"/sub/b.bin" in rows
    assert bench.agent.ended == [(f"point-{job.id}", True)]


def test_the_summary_has_the_lines_of_the_specification_in_order(bench: Bench) -> None:
    job = bench.ended(bench.backup())
    codes = bench.catalog.log.codes(job.id)
    expected = ["N5010", "N5011", "N5014", "N5015", "N5016", "N5020", "N5021", "N5022", "N5023", "N5024"]
    expected += ["N5025", "N5027", "N5028", "N5029", "N5030", "N5028", "N5029", "N5031", "N5032", "N5033"]
    expected += ["N5040"]
    position = -1
    for code in expected:
        position = codes.index(code, position + 1)
    node = next(one for one in bench.catalog.log.records if one.code == "N5034")
    assert {"master": "localhost", "scenario": "Files", "id": "7"}.items() <= node.params.items()
    media = next(one for one in bench.catalog.log.records if one.code == "N5023")
    assert media.params["media"] == "5/29/07 10:56 AM"


def test_a_second_backup_builds_on_the_first(bench: Bench) -> None:
    bench.ended(bench.backup())
    (bench.replica / "a.txt").write_text("changed")
    bench.ended(bench.backup())
    assert [order.base_session for order in bench.agent.orders] == [0, 1]
    assert len(bench.catalog.sessions.rows[bench.media.label.serial, 2]) >= 3


def test_a_scenario_that_does_not_replicate_fails_with_its_code(bench: Bench) -> None:
    bench.agent.begin_error = ArcxoError("AE0465", name="Files", id=7)
    job = bench.ended(bench.backup())
    assert (job.last_result, job.errors > 0) == (JobResult.FAILED, True)
    codes = bench.catalog.log.codes(job.id)
    assert "AE0465" in codes
    assert codes[-1] == "E5042"
    assert not bench.catalog.sessions.list()


def test_a_definition_that_cannot_be_read_is_told_with_scenario_and_replica(bench: Bench) -> None:
    bench.agent.begin_error = ArcxoError("E3370", scenario="7.xml", replica="—", cause="it is no XML")
    job = bench.ended(bench.backup())
    assert job.last_result is JobResult.FAILED
    (line,) = [one for one in bench.catalog.log.records if one.code == "E3370"]
    assert (line.scenario, line.params["replica"]) == ("Files", "localhost")


def test_an_unexpected_exception_fails_the_job_as_a_bug(bench: Bench, expected_log: Any) -> None:
    expected_log("unexpected failure")
    bench.agent.archive_error = RuntimeError("surprise")
    job = bench.ended(bench.backup())
    assert job.last_result is JobResult.FAILED
    bug = next(one for one in bench.catalog.log.records if one.code == "E5130")
    assert "surprise" in bug.params["details"]
    assert bench.agent.ended == [(f"point-{job.id}", False)]


def test_a_stop_is_honoured_while_the_archive_runs(bench: Bench) -> None:
    import threading

    bench.agent.gate = threading.Event()
    job = bench.backup()
    bench.until(bench.agent.archiving.is_set)
    began = time.monotonic()
    bench.catalog.jobs.request_stop(job.id)
    ended = bench.ended(job)
    assert ended.last_result is JobResult.CANCELED
    assert time.monotonic() - began < 5
    assert not bench.catalog.sessions.list()
    assert not bench.catalog.sessions.busy


def test_a_job_that_waits_for_another_of_its_scenario_says_so_and_can_be_stopped(bench: Bench) -> None:
    import threading

    bench.agent.gate = threading.Event()
    first = bench.backup()
    bench.until(bench.agent.archiving.is_set)
    second = bench.backup()
    bench.until(lambda: bool(bench.catalog.jobs.show(second.id).waits_for))
    assert "Files" in bench.catalog.jobs.show(second.id).waits_for
    bench.catalog.jobs.request_stop(second.id)
    bench.until(lambda: bench.catalog.jobs.show(second.id).last_result is JobResult.CANCELED)
    bench.agent.gate.set()
    assert bench.ended(first).last_result is JobResult.FINISHED


def test_held_jobs_wait_until_they_are_made_ready(bench: Bench) -> None:
    job = bench.backup(hold=True)
    bench.queue.poll()
    assert bench.catalog.jobs.show(job.id).status is JobStatus.HOLD
    bench.catalog.jobs.ready(job.id)
    assert bench.ended(job).last_result is JobResult.FINISHED


def test_a_future_job_runs_when_told_to_run_now(bench: Bench) -> None:
    later = Schedule(run_at=datetime.now(UTC) + timedelta(days=1))
    job = bench.backup(schedule=later)
    bench.queue.poll()
    assert bench.catalog.jobs.show(job.id).status is JobStatus.READY
    bench.catalog.jobs.run_now(job.id)
    assert bench.ended(job).last_result is JobResult.FINISHED


def test_a_repeating_job_is_ready_again_with_its_last_result(bench: Bench) -> None:
    job = bench.ended(bench.backup(schedule=Schedule(repeat="FREQ=DAILY")))
    assert (job.status, job.last_result) == (JobStatus.READY, JobResult.FINISHED)
    assert job.execution_at is not None
    assert job.execution_at > datetime.now(UTC)


def test_jobs_of_a_dead_server_are_marked_crashed(bench: Bench) -> None:
    once = bench.backup()
    repeating = bench.backup(schedule=Schedule(repeat="FREQ=DAILY"))
    bench.catalog.jobs.claim_due("server-1")
    bench.catalog.jobs.claim_due("server-1")
    bench.queue.mark_crashed("server-1")
    assert bench.catalog.jobs.show(once.id).status is JobStatus.DONE
    again = bench.catalog.jobs.show(repeating.id)
    assert (again.status, again.last_result) == (JobStatus.READY, JobResult.CRASHED)
    assert bench.catalog.log.codes(once.id) == ["E5133"]


def test_a_run_whose_claim_is_lost_records_nothing(bench: Bench) -> None:
    import threading

    bench.agent.gate = threading.Event()
    job = bench.backup()
    bench.until(bench.agent.archiving.is_set)
    bench.catalog.jobs.mark_crashed("server-1")
    for active in bench.queue.active:
        active.control.cancel(lost=True)
    bench.until(lambda: not bench.queue.active)
    assert bench.catalog.jobs.show(job.id).last_result is JobResult.CRASHED
    assert not bench.catalog.sessions.list()


def test_several_scenarios_become_children_of_one_job(bench: Bench) -> None:
    from dataclasses import replace

    bench.register(8, "More")
    bench.agent.scenarios_by_id[8] = replace(bench.scenario, id=8, name="More")
    script = BackupScript((7, 8), ("Files", "More"))
    job = bench.ended(submit_backup(bench.catalog, bench.store, script))
    assert job.last_result is JobResult.FINISHED
    children = bench.catalog.jobs.children(job.id)
    assert [child.last_result for child in children] == [JobResult.FINISHED] * 2
    nodes = next(one for one in bench.catalog.log.records if one.code == "N5027")
    assert nodes.params["count"] == "2"


def test_restoring_to_a_directory_writes_the_files_and_marks_the_session_tested(
    bench: Bench, tmp_path: Path
) -> None:
    bench.ended(bench.backup())
    target = tmp_path / "out"
    target.mkdir()
    script = RestoreScript(bench.selection(), Destination.DIRECTORY, directory=str(target).encode())
    job = bench.ended(bench.restore(script))
    assert job.last_result is JobResult.FINISHED, bench.catalog.log.records
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["a.txt", "b.bin"]
    assert bench.catalog.sessions.list()[0].restore_tested_at is not None


def test_restoring_to_the_replica_stops_the_scenario_first(bench: Bench) -> None:
    bench.ended(bench.backup())
    (bench.replica / "a.txt").write_text("spoiled")
    job = bench.ended(bench.restore(RestoreScript(bench.selection())))
    assert job.last_result is JobResult.FINISHED, bench.catalog.log.records
    assert (bench.replica / "a.txt").read_text() == "alpha"
    assert bench.agent.states[7].value == "stopped"
    assert "N5051" in bench.catalog.log.codes(job.id)


def test_a_scenario_that_can_not_be_stopped_fails_the_restore_unless_told_to_go_on(bench: Bench) -> None:
    bench.ended(bench.backup())
    bench.agent.stop_error = ArcxoError("AE0463", name="Files", id=7)
    (bench.replica / "a.txt").write_text("spoiled")
    refused = bench.ended(bench.restore(RestoreScript(bench.selection())))
    assert refused.last_result is JobResult.FAILED
    assert "AE0464" in bench.catalog.log.codes(refused.id)
    assert (bench.replica / "a.txt").read_text() == "spoiled"
    script = RestoreScript(bench.selection(), continue_if_not_stopped=True)
    assert bench.ended(bench.restore(script)).last_result is JobResult.FINISHED
    assert (bench.replica / "a.txt").read_text() == "alpha"


def test_a_replicas_host_that_knows_nothing_of_the_scenario_fails_with_both_names(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.agent.begin_error = NotFoundError("ER00117", scenario=7)
    registered = bench.catalog.registrations.show("7")
    bench.catalog.registrations.put(replace(registered, master="hq", replicas=("branch",)))
    in_step = (ReplicaStatus("branch", ReplicaState.REPLICATING),)
    status = ScenarioStatus(bench.scenario, ScenarioState.REPLICATING, replicas=in_step)
    monkeypatch.setattr(bench.agent, "scenario", lambda _: status)
    job = bench.ended(bench.backup())
    assert job.last_result is JobResult.FAILED
    (line,) = [one for one in bench.catalog.log.records if one.code == "AE0467"]
    assert (line.params["master"], line.params["replica"]) == ("hq", "branch")


def test_an_agent_that_answers_for_another_scenario_is_not_believed(bench: Bench) -> None:
    bench.agent.renamed(7, "Files")
    bench.agent.scenarios_by_id[7] = replace(bench.scenario, id=8, name="Others")
    refused = bench.ended(bench.backup())
    assert refused.last_result is JobResult.FAILED
    assert "AE0468" in bench.catalog.log.codes(refused.id)
    assert bench.catalog.sessions.list() == []


@pytest.mark.parametrize(
    "path", [b"/etc/shadow", b"%s/../x", b"%s//x", b"%s/x\0", b"", b"%s-beside", b"%s/x/"]
)
def test_names_that_are_not_beneath_what_is_backed_up_do_not_get_into_the_catalog(
    bench: Bench, path: bytes
) -> None:
    said = path.replace(b"%s", bench.scenario.roots[0].master_path)
    row = CatalogRow(said, EntryKind.FILE, 1, 1, "c")

    def hostile(_order: object) -> Iterator[object]:
        yield CatalogRows((row,), False)

    bench.agent.archive = hostile  # type: ignore[assignment]
    refused = bench.ended(bench.backup())
    assert refused.last_result is JobResult.FAILED
    assert "AE1007" in bench.catalog.log.codes(refused.id)
    assert bench.catalog.sessions.list() == []


def test_an_agent_that_answers_for_another_directory_is_not_believed(bench: Bench) -> None:
    source = DirectSource("localhost", b"/data/wanted")
    answered = SourcePoint("p", "localhost", b"/data/other", datetime.now(UTC), Consistency.FUZZY, "none")
    bench.agent.begin_source_backup = lambda *_: answered  # type: ignore[attr-defined]  # a hostile one
    script = BackupScript((), (), sources=(source,))
    refused = bench.ended(submit_backup(bench.catalog, bench.store, script))
    assert refused.last_result is JobResult.FAILED
    assert "AE1066" in bench.catalog.log.codes(refused.id)
    assert bench.agent.ended == [("p", False)]
    assert bench.catalog.sessions.list() == []


def test_an_encrypted_session_needs_its_password_before_anything_happens(bench: Bench) -> None:
    bench.ended(bench.backup(password="open sesame"))
    assert bench.catalog.sessions.list()[0].encrypted
    (bench.replica / "a.txt").write_text("spoiled")
    for password, code in (("", "E5150"), ("wrong", "E4131")):
        job = bench.ended(bench.restore(RestoreScript(bench.selection()), password))
        assert job.last_result is JobResult.RUN_FAILED
        assert code in bench.catalog.log.codes(job.id)
        assert bench.agent.states[7].value == "replicating"
    done = bench.ended(bench.restore(RestoreScript(bench.selection()), "open sesame"))
    assert done.last_result is JobResult.FINISHED
    assert (bench.replica / "a.txt").read_text() == "alpha"


def test_passwords_reach_neither_the_log_nor_the_queue(bench: Bench) -> None:
    job = bench.ended(bench.backup(password="open sesame"))
    assert b"sesame" not in bench.catalog.jobs.credentials(job.id)
    assert "sesame" not in repr(bench.catalog.log.records) + repr(job)


def test_a_group_without_room_leaves_the_backup_incomplete_after_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.jobs.media_rules.has_room", lambda path: False)
    bench.catalog.settings.put("media_wait_seconds", "0.2")
    job = bench.ended(bench.backup())
    assert job.last_result is JobResult.INCOMPLETE
    codes = bench.catalog.log.codes(job.id)
    assert codes.index("N5143") < codes.index("E5141")


def test_a_full_media_is_followed_by_the_next_of_its_set_on_another_device(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    bench.catalog.media.put_device(Device("second", str(other), "GROUP0"))
    monkeypatch.setattr("app.jobs.media_rules.has_room", lambda path: str(path).startswith(str(other)))
    job = bench.ended(bench.backup())
    assert job.last_result is JobResult.FINISHED
    (session,) = bench.catalog.sessions.list()
    media = bench.catalog.media.show_media(session.media_serial)
    assert (media.set_id, media.sequence) == (bench.media.label.set_id, 2)


def test_merging_brings_sessions_back_that_the_catalog_lost(bench: Bench) -> None:
    bench.ended(bench.backup())
    before = bench.catalog.sessions.rows.copy()
    bench.catalog.sessions.published.clear()
    bench.catalog.sessions.rows.clear()
    parameters = {"media": bench.media.label.serial}
    job = bench.ended(submit_media(bench.catalog, JobKind.MEDIA_MERGE, parameters))
    assert job.last_result is JobResult.FINISHED, bench.catalog.log.records
    assert bench.catalog.sessions.rows.keys() == before.keys()
    for key, rows in before.items():
        assert bench.catalog.sessions.rows[key].keys() == rows.keys()


def test_verifying_names_what_is_damaged(bench: Bench) -> None:
    bench.ended(bench.backup())
    parameters = {"media": bench.media.label.serial, "full": "true"}
    assert bench.ended(submit_media(bench.catalog, JobKind.MEDIA_VERIFY, parameters)).last_result is (
        JobResult.FINISHED
    )
    pack = next(path for path in Path(bench.media.path, "packs").rglob("*") if path.is_file())
    content = bytearray(pack.read_bytes())
    content[70] ^= 0xFF  # in its first block
    pack.chmod(0o600)
    pack.write_bytes(content)
    job = bench.ended(submit_media(bench.catalog, JobKind.MEDIA_VERIFY, parameters))
    assert job.last_result is JobResult.FAILED
    assert "E5164" in bench.catalog.log.codes(job.id)
    assert bench.catalog.sessions.list()[0].damaged


def test_a_verification_that_heals_finds_nothing_more(bench: Bench, tmp_path: Path) -> None:
    bench.ended(bench.backup())
    copy = tmp_path / "copies"
    shutil.copytree(bench.device, copy)
    pack = next(path for path in Path(bench.media.path, "packs").iterdir())
    sound = pack.read_bytes()
    pack.write_bytes(sound[:70] + bytes([sound[70] ^ 1]) + sound[71:])
    parameters = {"media": bench.media.path, "full": "true", "heal": "true"}
    # Without a copy at hand it is put in quarantine, and said so.
    job = bench.ended(submit_media(bench.catalog, JobKind.MEDIA_VERIFY, parameters))
    assert job.last_result is JobResult.FAILED
    assert "W5177" in bench.catalog.log.codes(job.id)
    assert bench.catalog.sessions.list()[0].damaged
    bench.catalog.media.put_device(Device("copies", str(copy), "GROUP1"))
    job = bench.ended(submit_media(bench.catalog, JobKind.MEDIA_VERIFY, parameters))
    assert job.last_result is JobResult.FINISHED, bench.catalog.log.records
    assert "N5176" in bench.catalog.log.codes(job.id)
    assert pack.read_bytes() == sound
    assert not bench.catalog.sessions.list()[0].damaged


def purge(bench: Bench, sessions: str = "") -> Job:
    parameters = {"media": bench.media.label.serial, "sessions": sessions}
    return bench.ended(submit_media(bench.catalog, JobKind.MEDIA_PURGE, parameters))


def test_a_purge_removes_the_session_and_frees_what_only_it_used(bench: Bench) -> None:
    bench.ended(bench.backup())
    first = set(os.listdir(f"{bench.media.path}/packs"))
    for path in (bench.replica / "a.txt", bench.replica / "sub/b.bin"):
        path.write_bytes(os.urandom(50_000))
    bench.ended(bench.backup())
    job = purge(bench, "1")
    assert job.last_result is JobResult.FINISHED, bench.catalog.log.records
    assert {"N5170", "N5171", "N5172"} <= set(bench.catalog.log.codes(job.id))
    assert [one.number for one in bench.catalog.sessions.list()] == [2]
    assert [one.number for one in media.sessions(bench.media.path)] == [2]
    assert first - set(os.listdir(f"{bench.media.path}/packs"))
    assert bench.catalog.media.show_media(bench.media.label.serial).used_bytes == media.used_bytes(
        bench.media.path
    )
    # The same again has nothing left to do; a session that never was is told.
    assert purge(bench, "1").last_result is JobResult.FINISHED
    assert purge(bench, "9").last_result is not JobResult.FINISHED
    assert "E4121" in bench.catalog.log.codes()


def test_a_removal_that_was_cut_before_the_catalog_is_finished_later(bench: Bench) -> None:
    bench.ended(bench.backup())
    bench.ended(bench.backup())
    media.remove_sessions(bench.media.path, [1])
    housekeeping = Housekeeping(bench.catalog, bench.store, bench.report)
    housekeeping.forget_removed()
    assert [one.number for one in bench.catalog.sessions.list()] == [2]
    assert bench.reported == ["N5174"]


def test_housekeeping_frees_old_garbage_and_leaves_fresh_one_to_the_next_attempt(bench: Bench) -> None:
    bench.ended(bench.backup())
    media.remove_sessions(bench.media.path, [1])
    housekeeping = Housekeeping(bench.catalog, bench.store, bench.report)
    housekeeping.forget_removed()
    housekeeping.collect(now=True)
    assert os.listdir(f"{bench.media.path}/packs")
    for name in os.listdir(f"{bench.media.path}/packs"):
        os.utime(f"{bench.media.path}/packs/{name}", (10**9, 10**9))
    housekeeping.collect()
    assert os.listdir(f"{bench.media.path}/packs")
    housekeeping.collect(now=True)
    assert os.listdir(f"{bench.media.path}/packs") == []
    assert bench.reported == ["N5174", "N5172"]


def test_a_lost_session_header_stops_every_deletion_until_someone_gives_the_session_up(bench: Bench) -> None:
    bench.ended(bench.backup())
    (bench.replica / "a.txt").write_text("changed")
    bench.ended(bench.backup())
    os.unlink(f"{bench.media.path}/sessions/000002")
    packs = sorted(os.listdir(f"{bench.media.path}/packs"))
    job = purge(bench, "1")
    assert job.last_result is not JobResult.FINISHED
    assert "E4152" in bench.catalog.log.codes(job.id)
    assert sorted(os.listdir(f"{bench.media.path}/packs")) == packs
    housekeeping = Housekeeping(bench.catalog, bench.store, bench.report)
    housekeeping.collect(now=True)
    housekeeping.collect(now=True)
    assert bench.reported == ["W5175"]
    assert purge(bench, "2").last_result is JobResult.FINISHED
    assert [one.number for one in bench.catalog.sessions.list()] == [1]


def test_a_purge_waits_for_a_backup_of_the_same_volume(bench: Bench) -> None:
    bench.ended(bench.backup())
    begun, go = threading.Event(), threading.Event()
    archive = bench.agent.archive

    def held(order: Any) -> Any:
        begun.set()
        assert go.wait(20)
        yield from archive(order)

    bench.agent.archive = held  # type: ignore[method-assign,assignment]
    backup = bench.backup()
    bench.until(begun.is_set)
    job = submit_media(
        bench.catalog, JobKind.MEDIA_PURGE, {"media": bench.media.label.serial, "sessions": "1"}
    )
    bench.until(lambda: "backup of" in bench.catalog.jobs.show(job.id).waits_for)
    assert [one.number for one in media.sessions(bench.media.path)] == [1]
    go.set()
    assert bench.ended(backup).last_result is JobResult.FINISHED
    assert bench.ended(job).last_result is JobResult.FINISHED
    assert [one.number for one in bench.catalog.sessions.list()] == [2]


def test_a_purge_waits_for_a_restore_of_its_session(bench: Bench, tmp_path: Path) -> None:
    bench.ended(bench.backup())
    bench.ended(bench.backup())
    begun, go = threading.Event(), threading.Event()
    restore = bench.agent.restore

    def held(order: Any) -> Any:
        begun.set()
        assert go.wait(20)
        yield from restore(order)

    bench.agent.restore = held  # type: ignore[method-assign,assignment]
    target = str(tmp_path / "out").encode()
    restoring = bench.restore(RestoreScript(bench.selection(), Destination.DIRECTORY, "localhost", target))
    bench.until(begun.is_set)
    job = submit_media(
        bench.catalog, JobKind.MEDIA_PURGE, {"media": bench.media.label.serial, "sessions": "1"}
    )
    bench.until(lambda: "restores" in bench.catalog.jobs.show(job.id).waits_for)
    assert [one.number for one in media.sessions(bench.media.path)] == [1, 2]
    go.set()
    assert bench.ended(restoring).last_result is JobResult.FINISHED
    assert bench.ended(job).last_result is JobResult.FINISHED
    assert [one.number for one in media.sessions(bench.media.path)] == [2]


def test_bad_submissions_are_refused_with_their_cause(bench: Bench) -> None:
    with pytest.raises(UsageError, match="E5114"):
        submit_backup(bench.catalog, bench.store, BackupScript((), ()))
    with pytest.raises(UsageError, match="E5115"):
        submit_backup(bench.catalog, bench.store, BackupScript((7,), ("Files",), encrypt=True))
    with pytest.raises(UsageError, match="E5116"):
        submit_backup(bench.catalog, bench.store, BackupScript((7,), ("Files",), device_group="NONE"))
    with pytest.raises(UsageError, match="E5117"):
        submit_restore(bench.catalog, bench.store, RestoreScript(()))
