"""The demonstration step by step; every step ends with a check of its own."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from app.cli.comparison import Difference, Picture, compare, take_picture
from app.cli.context import CommandContext
from app.cli.demo_changes import (
    QUERY_NAME,
    change_two_files,
    changes_while_suspended,
    damage,
    everyday_changes,
    spoil_replica,
)
from app.cli.demo_data import LIBRARY, make_data
from app.cli.demo_report import Step, difference_lines
from app.cli.table import size_text
from app.model.errors import ArcxoError
from app.model.job import (
    BackupScript,
    Destination,
    Job,
    JobResult,
    RestoreScript,
    RestoreSelection,
    VerifyMode,
)
from app.model.media import SessionInfo
from app.model.scenario import NewScenario, ReplicaSpec, Root, Scenario
from app.model.search import Query
from app.services.api import BackupRequest, RestoreRequest, Services

SCENARIO = "Demonstration"
BOOKMARK = "before the damage"
_WAIT_S = 100.0
Result = TypeVar("Result")


class StepFailed(Exception):  # noqa: N818 - an end of the story, not a fault of the program
    """A check of the story did not hold; the step says what differed."""


class Story:
    """One run in `directory`; `tell` is called with each step when it is done."""

    def __init__(self, context: CommandContext, directory: str, tell: Callable[[Step], None]) -> None:
        self._context = context
        self._tell = tell
        self.home = os.path.join(directory, "home")
        self.master = os.path.join(directory, "master")
        self.replica = os.path.join(directory, "replica")
        self.elsewhere = os.path.join(directory, "restored")
        self.steps: list[Step] = []
        self._services: Services | None = None
        self._scenario: Scenario | None = None

    def run(self, password: str) -> None:
        """All steps. Raises StepFailed at the first that does not hold."""
        self._make(password)
        self._synchronize()
        self._replicate()
        before = self._bookmark_and_damage()
        self._rewind(before)
        self._run_again()
        self._suspend_and_resume()
        first = self._back_up("Back up", "session compared with snapshot")
        second = self._back_up_again(first)
        self._query()
        self._restore_elsewhere(second)
        self._restore_to_replica(second)

    def go_on(self) -> None:
        """Leave the scenario replicating."""
        with self._step("Run once more", "replica identical to master") as step:
            self._timed(step, lambda: self._run_until_in_sync(replace_restored=True))
            self._expect_equal(step, self.master, self.replica)

    # the steps

    def _make(self, password: str) -> None:
        with self._step("Make real files", "files read back") as step:
            self._timed(step, lambda: make_data(self.master))
            self._figures(step, take_picture(os.fsencode(self.master)))
            step.ok = bool(step.files)
        with self._step("Make a home, start the server", "server and agent answer") as step:
            self._timed(step, lambda: self._start(password))
            state = self._the_services.server.state()
            step.detail = f"server {state.pid}, agent {state.agent_pid}"
            step.ok = state.running and state.agent_running

    def _synchronize(self) -> None:
        with self._step("Create the scenario, synchronize", "replica identical to master") as step:
            self._timed(step, self._create_and_run)
            self._figures(step, self._expect_equal(step, self.master, self.replica))

    def _replicate(self) -> None:
        with self._step("Change files while replicating", "replica identical to master") as step:
            everyday_changes(self.master)
            self._timed(step, self._in_sync)
            self._expect_equal(step, self.master, self.replica)
            status = self._the_services.scenarios.show(SCENARIO)
            step.detail = f"{status.captured_operations:,} changes, {size_text(status.captured_bytes)}"

    def _bookmark_and_damage(self) -> Picture:
        with self._step("Bookmark, then damage files", "damage is on the replica too") as step:
            before = take_picture(os.fsencode(self.master))
            self._the_services.scenarios.bookmark(SCENARIO, BOOKMARK)
            step.files = damage(self.master)
            self._timed(step, self._in_sync)
            self._expect_equal(step, self.master, self.replica)
            if not compare(before, take_picture(os.fsencode(self.replica))):
                self._fail(step, ["the damage did not reach the replica"])
        return before

    def _rewind(self, before: Picture) -> None:
        with self._step("Stop, rewind to the bookmark", "replica as it was at the bookmark") as step:
            scenarios = self._the_services.scenarios
            scenarios.stop(SCENARIO)
            plan = scenarios.plan_rewind(SCENARIO, BOOKMARK)
            self._timed(step, lambda: scenarios.rewind(SCENARIO, BOOKMARK))
            step.files = sum(plan.counts.values())
            step.detail = ", ".join(
                f"{count:,} {action.value}" for action, count in plan.counts.items() if count
            )
            self._expect(step, compare(before, take_picture(os.fsencode(self.replica)), top=False))

    def _run_again(self) -> None:
        with self._step("Run again", "replica identical to master") as step:
            self._timed(step, self._run_until_in_sync)
            self._figures(step, self._expect_equal(step, self.master, self.replica))

    def _suspend_and_resume(self) -> None:
        with self._step("Suspend, change files", "replica unchanged") as step:
            frozen = take_picture(os.fsencode(self.replica))
            self._timed(step, lambda: self._the_services.scenarios.suspend(SCENARIO))
            changes_while_suspended(self.master)
            waiting = self._until_spooled()
            step.detail = f"{waiting:,} changes wait in the spool"
            self._expect(step, compare(frozen, take_picture(os.fsencode(self.replica))))
        with self._step("Resume", "replica identical to master") as step:
            self._timed(step, self._resume_until_in_sync)
            self._expect_equal(step, self.master, self.replica)

    def _back_up(self, name: str, checked: str) -> SessionInfo:
        known = {(item.media_serial, item.number) for item in self._the_services.media.sessions()}
        with self._step(name, checked) as step:
            job = self._timed(step, self._submit_backup)
            self._expect_finished(step, job)
            new = [
                item
                for item in self._the_services.media.sessions()
                if (item.media_serial, item.number) not in known
            ]
            if len(new) != 1:
                self._fail(step, [f"{len(new)} new sessions instead of 1"])
            session = new[0]
            step.files, step.size_bytes = session.files, session.size_bytes
            how = f"{session.snapshot_provider}, {session.consistency.value}"
            step.detail = f"{size_text(session.new_bytes)} new, {how}"
            picture = take_picture(os.fsencode(self.master))
            if session.files != picture.names:
                self._fail(step, [f"the session holds {session.files:,} files, the master {picture.names:,}"])
            if session.verified_at is None:
                self._fail(step, ["the session was not verified"])
        return session

    def _back_up_again(self, first: SessionInfo) -> SessionInfo:
        change_two_files(self.master)
        self._in_sync()
        second = self._back_up("Change 2 files, back up again", "full session, only new data")
        step = self.steps[-1]
        if second.number == first.number or second.new_bytes >= first.new_bytes / 10:
            step.ok = False
            step.differences = [f"{size_text(second.new_bytes)} of new data for two changed files"]
            raise StepFailed
        return second

    def _query(self) -> None:
        with self._step("Find a name in all sessions", "path and both versions") as step:
            path = os.fsencode(os.path.join(self.master, LIBRARY, QUERY_NAME))
            restores = self._the_services.restores
            found = self._timed(step, lambda: restores.query(Query(pattern=QUERY_NAME)))
            versions = restores.versions("localhost", path)
            step.files = len(found)
            step.detail = f"{len(versions)} versions of {QUERY_NAME}"
            step.ok = any(entry.path == path for entry in found) and len(versions) == 2
            if not step.ok:
                self._fail(step, [f"found {[entry.path for entry in found]} with {len(versions)} versions"])

    def _restore_elsewhere(self, session: SessionInfo) -> None:
        with self._step("Restore to another directory", "identical to master") as step:
            os.mkdir(self.elsewhere)
            script = RestoreScript(
                selections=(self._selection(session),),
                destination=Destination.DIRECTORY,
                directory=os.fsencode(self.elsewhere),
            )
            self._expect_finished(step, self._timed(step, lambda: self._submit_restore(script)))
            expected = take_picture(os.fsencode(self.master))
            restored = take_picture(os.fsencode(self.elsewhere))
            self._figures(step, restored)
            self._expect(step, compare(expected, restored, top=False))

    def _restore_to_replica(self, session: SessionInfo) -> None:
        with self._step("Lose replica files, restore them", "replica as backed up") as step:
            self._the_services.scenarios.stop(SCENARIO)
            expected = take_picture(os.fsencode(self.replica))
            spoil_replica(self.replica)
            script = RestoreScript(selections=(self._selection(session),))
            job = self._timed(step, lambda: self._submit_restore(script))
            self._expect_finished(step, job)
            restored = take_picture(os.fsencode(self.replica))
            self._figures(step, restored)
            self._expect(step, compare(expected, restored, top=False))

    # what steps are made of

    @property
    def _the_services(self) -> Services:
        assert self._services is not None
        return self._services

    def _start(self, password: str) -> None:
        composition = self._context.composition
        composition.init_home(self.home, caroot_password=password)
        composition.start_server(self.home)
        self._services = composition.open_services(self.home)

    def _create_and_run(self) -> None:
        self._scenario = self._the_services.scenarios.create(
            NewScenario(
                name=SCENARIO,
                master="localhost",
                replicas=(ReplicaSpec("localhost", (os.fsencode(self.replica),)),),
                roots=(Root(os.fsencode(self.master)),),
            )
        )
        self._run_until_in_sync()

    def _run_until_in_sync(self, *, replace_restored: bool = False) -> None:
        self._the_services.scenarios.run(SCENARIO, replace_restored=replace_restored)
        self._in_sync()

    def _resume_until_in_sync(self) -> None:
        self._the_services.scenarios.resume(SCENARIO)
        self._in_sync()

    def _in_sync(self) -> None:
        self._the_services.scenarios.wait(SCENARIO, "in-sync", _WAIT_S)

    def _until_spooled(self) -> int:
        """Wait until the changes of a suspended scenario are in the spool; how many wait."""
        deadline = time.monotonic() + 10
        waiting = -1
        while time.monotonic() < deadline:
            replicas = self._the_services.scenarios.show(SCENARIO).replicas
            now = sum(replica.waiting_operations for replica in replicas)
            if now and now == waiting:
                break
            waiting = now
            time.sleep(0.3)
        return max(waiting, 0)

    def _submit_backup(self) -> Job:
        assert self._scenario is not None
        script = BackupScript(
            scenario_ids=(self._scenario.id,), scenario_names=(SCENARIO,), verify=VerifyMode.COMPARE
        )
        job = self._the_services.backups.submit(BackupRequest(script))
        return self._the_services.jobs.wait(job.id, _WAIT_S)

    def _submit_restore(self, script: RestoreScript) -> Job:
        job = self._the_services.restores.submit(RestoreRequest(script))
        return self._the_services.jobs.wait(job.id, _WAIT_S)

    def _selection(self, session: SessionInfo) -> RestoreSelection:
        return RestoreSelection(session.media_serial, session.number, (os.fsencode(self.master),))

    def _timed(self, step: Step, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        try:
            return work()
        finally:
            step.seconds += time.perf_counter() - began

    def _figures(self, step: Step, picture: Picture) -> None:
        step.files, step.size_bytes = picture.files, picture.size_bytes

    def _expect_equal(self, step: Step, expected: str, found: str) -> Picture:
        picture = take_picture(os.fsencode(found))
        self._expect(step, compare(take_picture(os.fsencode(expected)), picture))
        return picture

    def _expect(self, step: Step, differences: list[Difference]) -> None:
        if differences:
            self._fail(step, difference_lines(differences))
        step.ok = True

    def _expect_finished(self, step: Step, job: Job) -> None:
        if job.last_result is JobResult.FINISHED:
            step.ok = True
            return
        from app.messages import render

        result = job.last_result.value if job.last_result else "no result"
        lines = [
            render(record.code, record.params).line for record in self._the_services.log.list(job_id=job.id)
        ]
        self._fail(step, [f"job {job.id} ended with {result}", *reversed(lines[:20])])

    def _fail(self, step: Step, lines: list[str]) -> None:
        step.ok = False
        step.differences = lines
        raise StepFailed

    @contextlib.contextmanager
    def _step(self, name: str, checked: str) -> Iterator[Step]:
        step = Step(name, checked)
        self.steps.append(step)
        began = time.perf_counter()
        try:
            yield step
        except ArcxoError as error:
            from app.messages import describe

            step.ok = False
            step.differences = [describe(error)]
            raise StepFailed from error
        finally:
            step.check_seconds = time.perf_counter() - began - step.seconds
            self._tell(step)

    def close(self) -> None:
        """Close the services; the processes go on."""
        if self._services is not None:
            self._services.close()
            self._services = None
