"""Scenarios between hosts of a network, driven from a third one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, until
from tests.support.network_hosts import Network, add_host, network

pytestmark = pytest.mark.needs_root


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("net")) as made:
        yield made


class Branch:
    """A server's home, a master and a replica, each on a host of its own."""

    def __init__(self, net: Network) -> None:
        self.central = net.host("central")
        self.hq = net.host("hq")
        self.branch = net.host("branch")
        self.fingerprints: dict[str, str] = {}
        self.server: Arcxo = self.central.arcxo
        self.server.text("init", "--password-stdin", given="caroot-secret\n")
        for host in (self.hq, self.branch):
            self.fingerprints[host.name] = host.set_up_agent()
            host.start_agent()
        for host in (self.hq, self.branch):
            add_host(self.server, host, self.fingerprints[host.name])
        self.data = self.hq.path("data")
        self.copy = self.branch.path("copy")

    def in_sync(self, timeout_s: float = 30) -> None:
        self.server.wait("shared", "in-sync", timeout_s)


@pytest.fixture(scope="module")
def branch(net: Network) -> Branch:
    made = Branch(net)
    (made.data / "before").write_text("before")
    root = f"{made.data}={made.copy}"
    made.server.text("scenario", "create", "shared", "--master", "hq", "--replica", "branch", "--root", root)
    made.server.text("scenario", "run", "shared")
    made.in_sync()
    return made


def contents(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_changes_reach_the_other_host_and_a_cut_cable_costs_no_synchronisation(branch: Branch) -> None:
    (branch.data / "more").mkdir(exist_ok=True)
    (branch.data / "more/now").write_text("now")
    branch.in_sync()
    assert contents(branch.copy) == contents(branch.data)
    shown = branch.server.json("scenario", "show", "shared")
    assert (shown["scenario"]["master"], shown["replicas"][0]["host"]) == ("hq", "branch")
    before = _synchronisations(branch)
    assert before > 0
    branch.branch.cut()
    for number in range(50):
        (branch.data / f"while-cut-{number}").write_text(str(number))
    assert not (branch.copy / "while-cut-0").exists()
    branch.branch.join()
    branch.in_sync()
    assert contents(branch.copy) == contents(branch.data)
    assert _synchronisations(branch) == before


@pytest.mark.deep
def test_a_dead_replica_comes_back_and_catches_up_from_the_spool(branch: Branch) -> None:
    before = _synchronisations(branch)
    branch.branch.die()
    (branch.data / "while-dead").write_text("kept")
    until(
        lambda: branch.server.json("scenario", "show", "shared")["replicas"][0]["state"] == "disconnected",
        "the loss to be seen",
    )
    branch.branch.start_agent()
    branch.in_sync()
    assert (branch.copy / "while-dead").read_text() == "kept"
    assert _synchronisations(branch) == before


@pytest.mark.deep
def test_a_replica_there_is_bookmarked_and_rewound_from_here(branch: Branch) -> None:
    (branch.data / "victim").write_text("good")
    branch.in_sync()
    branch.server.text("scenario", "bookmark", "shared", "good")
    (branch.data / "victim").write_text("bad")
    branch.in_sync()
    branch.server.text("scenario", "stop", "shared")
    branch.server.text("scenario", "rewind", "shared", "--to", "good")
    assert (branch.copy / "victim").read_text() == "good"
    branch.server.text("scenario", "run", "shared")
    branch.in_sync()
    assert (branch.copy / "victim").read_text() == "bad"


def _synchronisations(branch: Branch) -> int:
    events = branch.server.json("scenario", "events", "shared")
    return sum(event["code"] == "IR00119" for event in events)
