"""Two hosts whose clocks differ, whose disks fill up, or whose agents are exchanged while a scenario runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.accounts import Accounts, Role
from app.agent.api import Agent, Peer
from app.agent.client import connect
from app.agent.home import AgentHome
from app.agent.run import spawn_agent, stop_agent
from app.model.job import Credentials
from app.model.scenario import NewScenario, ReplicaSpec, Root
from tests.support.agent_processes import wait_until
from tests.support.capabilities import missing
from tests.support.trees import fill, picture, without_folder_times
from tests.support.volumes import mounted_tmpfs

pytestmark = pytest.mark.deep

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
HOUR_S = 3600
SYNCHRONISATION_BEGAN = "IR00119"


class Host:
    """An agent that can be stopped and started again where it was."""

    def __init__(self, base: Path, name: str) -> None:
        self.name = name
        self.home = AgentHome(str(base / f"home-{name}"))
        Accounts(self.home).add("caroot", "secret", Role.ADMINISTRATOR)
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        info = spawn_agent(self.home.path, self.address)
        self.address = info.address
        self.agent: Agent = connect(info.address, Credentials("caroot", "secret"), info.fingerprint, 60)

    def stop(self) -> None:
        self.agent.close()
        stop_agent(self.home.path)


class Pair:
    """A scenario from hq to branch that runs."""

    def __init__(self, base: Path, hq: Host, branch: Host, copy: Path | None = None) -> None:
        self.hq, self.branch = hq, branch
        self.data, self.copy = base / "data", copy or base / "copy"
        self.data.mkdir()
        hq.agent.set_name("hq")
        spec = ReplicaSpec("branch", (os.fsencode(self.copy),))
        made = hq.agent.create_scenario(NewScenario("s", "hq", (spec,), (Root(os.fsencode(self.data)),)))
        self.number = made.id
        xml, certificate = hq.agent.export_scenario(made.id), hq.agent.peers(made.id)[1]
        given = branch.agent.admit_scenario(xml, "branch", certificate)
        hq.agent.set_peer(Peer(made.id, "branch", branch.address, given.certificate, given.key))

    def run(self) -> None:
        self.hq.agent.run(self.number)
        self.in_sync()

    def in_sync(self) -> None:
        wait_until(lambda: self.state() == "replicating", 60)
        self.hq.agent.barrier(self.number, 60)

    def state(self) -> str:
        return self.hq.agent.scenario(self.number).replicas[0].state.value

    def reason(self) -> str:
        status = self.hq.agent.scenario(self.number)
        return f"{status.reason} {status.replicas[0].reason}"

    def synchronisations(self) -> int:
        return sum(event.code == SYNCHRONISATION_BEGAN for event in self.hq.agent.events(0, 10_000))

    def assert_equal(self) -> None:
        assert without_folder_times(picture(self.copy)) == without_folder_times(picture(self.data))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    hq, branch = Host(tmp_path, "hq"), Host(tmp_path, "branch")
    yield hq, branch
    for host in (hq, branch):
        host.stop()


@pytest.fixture(params=[HOUR_S, -HOUR_S], ids=["an hour ahead", "an hour behind"])
def skewed(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Host, Host]]:
    """The second host's clock is another one."""
    if not FAKETIME.exists():
        missing("faketime")
    hq = Host(tmp_path, "hq")
    monkeypatch.setenv("LD_PRELOAD", str(FAKETIME))
    monkeypatch.setenv("FAKETIME", f"{request.param:+d}s")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    branch = Host(tmp_path, "branch")
    for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"):
        monkeypatch.delenv(name)
    yield hq, branch
    for host in (hq, branch):
        host.stop()


def test_clocks_an_hour_apart_change_nothing_of_what_arrives(
    skewed: tuple[Host, Host], tmp_path: Path
) -> None:
    hq, branch = skewed
    apart = (branch.agent.hello().time - hq.agent.hello().time).total_seconds()
    assert abs(abs(apart) - HOUR_S) < 120
    pair = Pair(tmp_path, hq, branch)
    fill(pair.data)
    pair.run()
    pair.assert_equal()
    (pair.data / "file").write_text("good")
    pair.in_sync()
    point = hq.agent.bookmark(pair.number, "before")
    (pair.data / "file").write_text("spoilt")
    pair.in_sync()
    pair.assert_equal()
    hq.agent.stop(pair.number)
    branch.agent.rewind(pair.number, point.id)
    assert (pair.copy / "file").read_text() == "good"
    hq.agent.run(pair.number)
    pair.in_sync()
    pair.assert_equal()


@pytest.mark.needs_root
def test_a_disk_that_is_full_there_is_named_and_all_goes_on_when_there_is_room(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    hq, branch = hosts
    there = tmp_path / "there"
    there.mkdir()
    with mounted_tmpfs(there, "24m"):
        pair = Pair(tmp_path, hq, branch, there / "copy")
        (pair.data / "kept").write_text("kept")
        pair.run()
        filler = there / "filler"
        filler.write_bytes(bytes(20 << 20))
        for number in range(8):
            (pair.data / f"large-{number}").write_bytes(os.urandom(1 << 20))
        wait_until(lambda: "space" in pair.reason() or "full" in pair.reason(), 60)
        assert (pair.copy / "kept").read_text() == "kept"
        filler.unlink()
        if pair.state() in ("stopped", "problem"):
            hq.agent.run(pair.number)
        pair.in_sync()
        pair.assert_equal()
        hq.agent.stop(pair.number)


def test_agents_exchanged_while_a_scenario_runs_go_on_from_the_spool(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    hq, branch = hosts
    pair = Pair(tmp_path, hq, branch)
    (pair.data / "before").write_text("before")
    pair.run()
    synchronised = pair.synchronisations()
    assert synchronised > 0
    branch.stop()
    (pair.data / "in the spool").write_text("recorded, and not sent")
    wait_until(lambda: pair.state() == "disconnected", 60)
    hq.stop()
    (pair.data / "while away").write_text("recorded at the next start")
    hq.start()
    branch.start()
    pair.in_sync()
    pair.assert_equal()
    assert pair.synchronisations() == synchronised
