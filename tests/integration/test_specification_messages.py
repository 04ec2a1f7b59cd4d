"""Messages of the specification, each by the condition that it tells of, on a real server and agent."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest

from app import bootstrap
from app.agent.api import ArchiveOrder
from app.agent.client import connect_local
from app.model.errors import BusyError
from app.model.job import Credentials, JobResult, JobStatus, RestoreScript, RestoreSelection
from app.services.api import RestoreRequest, Services
from tests.support.arcxo_command import Arcxo, running_home, until

pytestmark = pytest.mark.deep


class Shop:
    """One scenario of this machine that was backed up and runs."""

    def __init__(self, arcxo: Arcxo, base: Path) -> None:
        self.arcxo = arcxo
        self.master, self.replica = self.run("shop", base)
        account = ["account", "add", "watcher", "--role", "monitor", "--password-stdin"]
        arcxo.text(*account, given="only looks\n")

    def run(self, name: str, base: Path) -> tuple[Path, Path]:
        """A new scenario that replicates, backed up."""
        master, replica = base / "master", base / "replica"
        master.mkdir()
        (master / "file").write_text("as backed up")
        hosts = ["--master", "localhost", "--replica", "localhost"]
        self.arcxo.text("scenario", "create", name, *hosts, "--root", f"{master}={replica}")
        self.arcxo.text("scenario", "run", name)
        self.arcxo.wait(name, "in-sync")
        self.arcxo.text("backup", "--scenario", name, "--wait")
        return master, replica

    def session(self, name: str = "shop") -> RestoreSelection:
        (found,) = [one for one in self.arcxo.json("session", "list") if one["scenario_name"] == name]
        return RestoreSelection(found["media_serial"], found["number"])

    def log(self) -> str:
        newest = max(int(one["id"]) for one in self.arcxo.json("job", "list"))
        return self.arcxo.text("log", "--job", str(newest))


def ended(services: Services, job_id: int) -> JobResult | None:
    until(lambda: services.jobs.show(job_id).status is JobStatus.DONE, "the restore to end")
    return services.jobs.show(job_id).last_result


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    base = tmp_path_factory.mktemp("shop")
    with running_home(base) as arcxo:
        yield Shop(arcxo, base)


def test_ae0464_an_account_that_may_not_stop_the_scenario_restores_nothing_unless_told_to_go_on(
    shop: Shop,
) -> None:
    services = bootstrap.open_services(str(shop.arcxo.home))
    try:
        (shop.master / "file").write_text("newer")
        shop.arcxo.wait("shop", "in-sync")
        for go_on, result, content in (
            (False, JobResult.FAILED, "newer"),
            (True, JobResult.FINISHED, "as backed up"),
        ):
            script = RestoreScript((shop.session(),), continue_if_not_stopped=go_on)
            watcher = Credentials("watcher", "only looks")
            job = services.restores.submit(RestoreRequest(script, master_credentials=watcher))
            assert ended(services, job.id) is result
            assert "AE0464" in shop.log()
            assert (shop.replica / "file").read_text() == content
    finally:
        services.close()


def test_ae0470_a_second_job_is_told_that_another_one_reads_the_scenario(shop: Shop) -> None:
    # So many rows that the archive waits for whoever reads them, and is not over before the other job comes.
    for count in range(3000):
        (shop.master / f"{count:0200}").touch()
    shop.arcxo.text("scenario", "run", "shop")
    shop.arcxo.wait("shop", "in-sync")
    (media,) = [path for path in (shop.arcxo.home / "media").iterdir() if (path / "label").exists()]
    agent = connect_local(str(shop.arcxo.home), 60)
    number = next(one.scenario.id for one in agent.scenarios() if one.scenario.name == "shop")
    agent.begin_backup(number, "localhost", 101, 1)
    # Begun again, a job's point holds everything, and can be read without a base.
    point = agent.begin_backup(number, "localhost", 101, 1)
    order = ArchiveOrder(point.id, point.entities[0].entity, str(media), 101, 1)
    try:
        with contextlib.closing(cast("Generator[object, None, None]", agent.archive(order))) as reading:
            next(reading)
            with pytest.raises(BusyError, match="AE0470"):
                agent.begin_backup(number, "localhost", 102, 1)
    finally:
        agent.end_backup(point.id, keep=False)
        agent.close()


def test_e3371_a_session_of_a_scenario_that_is_gone_has_no_original_place(shop: Shop, tmp_path: Path) -> None:
    shop.run("gone", tmp_path)
    shop.arcxo.text("scenario", "stop", "gone")
    shop.arcxo.text("scenario", "delete", "gone", "--yes")
    session = shop.session("gone")
    where = [session.media_serial, str(session.session)]
    shop.arcxo.text("restore", "session", *where, "--to", "original-replica", "--wait", expect=1)
    assert "E3371" in shop.log()
