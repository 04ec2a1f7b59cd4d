"""SIGKILL in the middle of each stage: everything converges, nothing is lost, nobody has to clean up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kills")]

_FILES = 2_000
_BIG_BYTES = 24 << 20


class Place:
    """A home with one scenario over a tree that takes a while to copy."""

    def __init__(self, arcxo: Arcxo, directory: Path) -> None:
        self.arcxo = arcxo
        self.master = directory / "master"
        self.replica = directory / "replica"

    def role(self, name: str) -> int:
        """The pid of the agent's process for a role ("master", "replica")."""
        found = until(lambda: self.arcxo.processes("role_main"), f"the {name} process")
        return next(pid for pid, command in found.items() if f" {name} " in command)

    def agent(self) -> int:
        """The pid of the agent's control process."""
        return int(self.arcxo.json("server", "status")["agent_pid"])

    def server(self) -> int:
        """The pid of the server."""
        return int(self.arcxo.json("server", "status")["pid"])

    def converge(self) -> None:
        """Replicating and equal again, with no help."""
        self.arcxo.wait("files", "replicating", 120)
        self.arcxo.wait("files", "in-sync", 120)
        assert_identical(self.master, self.replica)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("kills")
    master = directory / "master"
    for number in range(_FILES):
        folder = master / f"{number // 200:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}").write_bytes(os.urandom(3_000))
    (master / "big").write_bytes(os.urandom(_BIG_BYTES))
    with running_home(directory) as arcxo:
        made = Place(arcxo, directory)
        arcxo.text(
            "scenario", "create", "files", "--master", "localhost", "--replica", "localhost",
            "--root", f"{made.master}={made.replica}",
        )  # fmt: skip
        yield made


@pytest.fixture(autouse=True)
def running(place: Place) -> None:
    """Each test begins with a scenario that runs, whatever the one before left (restores stop it)."""
    if not _runs(place):
        place.arcxo.text("scenario", "run", "files", "--replace-restored")


@pytest.mark.parametrize("victim", ["replica", "master"])
def test_role_killed_while_synchronising(place: Place, victim: str) -> None:
    place.arcxo.text("scenario", "stop", "files")
    shutil.rmtree(place.replica, ignore_errors=True)
    place.replica.mkdir()
    place.arcxo.text("scenario", "run", "files")
    until(lambda: sum(1 for _ in place.replica.rglob("*")) > 200, "synchronisation to be under way")
    place.arcxo.kill(place.role(victim))
    place.converge()


@pytest.mark.parametrize("victim", ["replica", "master", "agent"])
def test_process_killed_while_replicating(place: Place, victim: str) -> None:
    place.converge()
    for number in range(600):
        (place.master / f"new-{victim}-{number}").write_bytes(os.urandom(2_000))
        if number == 300:
            place.arcxo.kill(place.agent() if victim == "agent" else place.role(victim))
    (place.master / "000/00001").unlink(missing_ok=True)
    os.rename(place.master / f"new-{victim}-3", place.master / f"renamed-{victim}")
    place.converge()


def test_server_killed_while_replicating_leaves_the_agent_alone(place: Place) -> None:
    place.converge()
    agent = place.agent()
    place.arcxo.kill(place.server())
    (place.master / "written-without-a-server").write_text("still replicated")
    until((place.replica / "written-without-a-server").exists, "replication without a server")
    place.arcxo.start()
    assert place.agent() == agent
    place.converge()


@pytest.mark.parametrize("victim", ["server", "worker", "agent"])
def test_process_killed_during_a_backup(place: Place, victim: str, tmp_path: Path) -> None:
    place.converge()
    (place.master / "big").write_bytes(os.urandom(_BIG_BYTES))
    place.converge()
    before = {session["number"] for session in place.arcxo.json("session", "list")}
    job = place.arcxo.json("backup", "--scenario", "files")["id"]
    worker = until(lambda: next(iter(place.arcxo.processes("worker_main")), None), "the archiving worker")
    place.arcxo.kill(worker if victim == "worker" else getattr(place, victim)())
    if victim == "server":
        place.arcxo.start()
    ended = until(lambda: _ended(place, job), "the job to be over", 60)
    assert ended["status"] == "done"
    assert ended["last_result"] in ("crashed", "failed", "run_failed", "finished")
    place.converge()
    again = place.arcxo.json("backup", "--scenario", "files", "--wait")
    assert again["last_result"] == "finished"
    assert {session["number"] for session in place.arcxo.json("session", "list")} > before
    assert "damage" not in place.arcxo.text("media", "list")
    newest = max(place.arcxo.json("session", "list"), key=lambda session: session["number"])
    place.arcxo.text(
        "restore", "session", newest["media_serial"], str(newest["number"]),
        "--path", str(place.master), "--to", str(tmp_path), "--wait",
    )  # fmt: skip
    assert_identical(place.master, tmp_path)


@pytest.mark.parametrize("victim", ["server", "worker"])
def test_process_killed_during_a_restore_to_the_replica(place: Place, victim: str) -> None:
    place.converge()
    assert place.arcxo.json("backup", "--scenario", "files", "--wait")["last_result"] == "finished"
    arguments = (
        "restore", "tree", "--machine", "localhost", "--path", str(place.master), "--to", "original-replica",
    )  # fmt: skip
    job = place.arcxo.json(*arguments)["id"]
    worker = until(lambda: next(iter(place.arcxo.processes("worker_main")), None), "the restoring worker")
    place.arcxo.kill(place.server() if victim == "server" else worker)
    if victim == "server":
        place.arcxo.start()
    ended = until(lambda: _ended(place, job), "the job to be over", 60)
    assert ended["last_result"] in ("crashed", "failed", "finished", "incomplete")
    place.arcxo.text(*arguments, "--wait")
    assert_identical(place.master, place.replica)
    place.arcxo.text("scenario", "run", "files", "--replace-restored")
    place.converge()


def _ended(place: Place, job: int) -> dict[str, str] | None:
    shown = place.arcxo.json("job", "show", str(job))
    return shown if shown["status"] == "done" else None


def _runs(place: Place) -> bool:
    state = place.arcxo.json("scenario", "show", "files")["state"]
    return state not in ("stopped", "problem")
