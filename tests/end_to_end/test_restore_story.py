"""Restores to a replica through the command line: exact, taken back, gone on with after kills."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.restore_model import Tree, read

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("restores")]


class Place:
    """A home with a scenario, and a session of what its master held first."""

    def __init__(self, arcxo: Arcxo, directory: Path) -> None:
        self.arcxo = arcxo
        self.master = directory / "master"
        self.replica = directory / "replica"
        self.first: Tree = {}
        self.session: tuple[str, str] = ("", "")

    def role(self, name: str) -> int:
        """The pid of the agent's process for a role."""
        found = until(lambda: self.arcxo.processes("role_main"), f"the {name} process")
        return next(pid for pid, command in found.items() if f" {name} " in command)

    def pid(self, victim: str) -> int:
        """The pid of `worker`, `agent`, `server` or a role."""
        if victim == "worker":
            return until(lambda: next(iter(self.arcxo.processes("worker_main")), None), "the worker")
        if victim in ("agent", "server"):
            return int(self.arcxo.json("server", "status")["agent_pid" if victim == "agent" else "pid"])
        return self.role(victim)

    def run(self) -> None:
        """Run and be in sync."""
        self.arcxo.text("scenario", "run", "files", "--replace-restored")
        self.arcxo.wait("files", "in-sync", 120)

    def restore(self, *options: str) -> Any:
        """Submit a restore of the first session to the replica."""
        return self.arcxo.json("restore", "session", *self.session, *options)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("restores")
    master = directory / "master"
    for number in range(1_500):
        folder = master / f"{number // 100:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}").write_bytes(os.urandom(2_000))
    with running_home(directory) as arcxo:
        made = Place(arcxo, directory)
        arcxo.text(
            "scenario", "create", "files", "--master", "localhost", "--replica", "localhost",
            "--root", f"{master}={made.replica}",
        )  # fmt: skip
        made.run()
        assert arcxo.json("backup", "--scenario", "files", "--wait")["last_result"] == "finished"
        session = arcxo.json("session", "list")[0]
        made.session = (session["media_serial"], str(session["number"]))
        made.first = read(made.replica)
        for number in range(0, 1_500, 3):
            (master / f"{number // 100:03}" / f"{number:05}").write_text(f"changed {number}")
        (master / "new").mkdir()
        (master / "new/file").write_text("not in the session")
        (master / "000/00001").unlink()
        yield made


@pytest.fixture(autouse=True)
def in_sync(place: Place) -> None:
    """Each test begins with a replica that holds what the master holds now."""
    place.run()


def test_an_exact_restore_is_planned_agreed_to_and_taken_back(place: Place) -> None:
    arcxo, before = place.arcxo, read(place.replica)
    plan = arcxo.json("restore", "session", *place.session, "--exact", "--plan", "--items", "0")
    assert plan["counts"]["delete"] == 2
    assert plan["counts"]["create"] == 1
    assert len(plan["items"]) == sum(plan["counts"].values())
    assert plan["kept_bytes"] > 0
    assert plan["stops_scenario"] == "files"
    assert "E5188" in arcxo.text("restore", "session", *place.session, "--exact", "--wait", expect=2)
    assert read(place.replica) == before
    job = place.restore("--exact", "--yes", "--wait")
    assert job["last_result"] == "finished"
    assert read(place.replica) == place.first
    refused = arcxo.text("scenario", "run", "files", expect=6)
    assert "E5189" in refused
    number = str(job["id"])
    assert arcxo.json("restore", "undo", "--list")[0]["job_id"] == job["id"]
    (place.replica / "001/00100").write_text("someone's work")
    undone = arcxo.json("restore", "undo", number, "--wait", expect=3)
    assert undone["last_result"] == "incomplete"
    left = before | {b"001/00100": read(place.replica)[b"001/00100"]}
    assert read(place.replica) == left
    assert (place.replica / "001/00100").read_text() == "someone's work"
    arcxo.json("restore", "undo", number, "--force", "--wait")
    assert read(place.replica) == before
    assert arcxo.json("restore", "undo", "--list") == []
    # The replica is what it was: there is nothing to ask about.
    arcxo.text("scenario", "run", "files")


@pytest.mark.parametrize(
    "victim",
    [
        "worker",
        pytest.param("replica", marks=pytest.mark.deep),
        pytest.param("agent", marks=pytest.mark.deep),
        pytest.param("server", marks=pytest.mark.deep),
    ],
)
def test_a_kill_in_a_restore_is_gone_on_from_and_taken_back(place: Place, victim: str) -> None:
    arcxo, before = place.arcxo, read(place.replica)
    job = str(place.restore("--exact", "--yes")["id"])
    place.pid("worker")
    arcxo.kill(place.pid(victim))
    if victim == "server":
        arcxo.start()
    ended = until(lambda: _ended(arcxo, job), "the restore to be over", 90)
    if ended["last_result"] != "finished":
        assert ended["last_result"] == "crashed", arcxo.text("log", "--job", job)
        arcxo.text("job", "run", job)
        arcxo.json("job", "wait", job)
    assert read(place.replica) == place.first
    assert arcxo.json("restore", "undo", job, "--wait")["last_result"] == "finished"
    assert read(place.replica) == before


def test_a_file_of_the_replica_that_a_program_has_open_waits_for_it(place: Place) -> None:
    arcxo, target = place.arcxo, place.replica / "000/00003"
    with target.open("ab") as file:
        program = subprocess.Popen(["sleep", "600"], stdout=file)
    try:
        job = arcxo.json(
            "restore", "session", *place.session, "--path", str(place.master / "000"), "--wait", expect=3
        )
        (waiting,) = arcxo.json("restore", "pending")
        assert (waiting["job_id"], waiting["target"]) == (job["id"], str(target))
        assert target.read_text() == "changed 3"
        assert Path(waiting["waiting"]).read_bytes() == place.first[b"000/00003"].data
    finally:
        program.kill()
        program.wait()
    until(lambda: arcxo.json("restore", "pending") == [] or None, "the file to take its place", 60)
    assert target.read_bytes() == place.first[b"000/00003"].data
    assert not Path(waiting["waiting"]).exists()
    arcxo.json("restore", "undo", str(job["id"]), "--wait")
    assert target.read_text() == "changed 3"


def _ended(arcxo: Arcxo, job: str) -> dict[str, str] | None:
    shown: dict[str, str] = arcxo.json("job", "show", job)
    return shown if shown["status"] == "done" else None
