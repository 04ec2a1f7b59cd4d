"""Several masters, several replicas, one server, over cables that delay and lose. By command only."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, until
from tests.support.clock_skew import skewed
from tests.support.network_hosts import Network, NetworkHost, add_host, network
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.needs_root, pytest.mark.deep, pytest.mark.timeout(900)]


class Configuration:
    """One server, and hosts that it knows."""

    def __init__(self, net: Network, masters: int, replicas: int) -> None:
        self.central = net.host("central")
        self.server: Arcxo = self.central.arcxo
        self.server.text("init", "--password-stdin", given="caroot-secret\n")
        self.masters = [self._known(net.host(f"master{number}", shaped=True)) for number in range(masters)]
        self.replicas = [self._known(net.host(f"replica{number}", shaped=True)) for number in range(replicas)]

    def _known(self, host: NetworkHost) -> NetworkHost:
        fingerprint = host.set_up_agent()
        host.start_agent()
        add_host(self.server, host, fingerprint)
        return host

    def replicate(self, name: str, master: NetworkHost, *replicas: NetworkHost) -> tuple[Path, list[Path]]:
        data = master.path("data")
        targets = {replica.path(f"copy-{name}") for replica in replicas}
        assert len(targets) == len(replicas)
        root = f"{data}={replicas[0].path(f'copy-{name}')}"
        hosts = [word for replica in replicas for word in ("--replica", replica.name)]
        self.server.text("scenario", "create", name, "--master", master.name, *hosts, "--root", root)
        self.server.text("scenario", "run", name)
        return data, [replica.path(f"copy-{name}") for replica in replicas]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    with network(tmp_path) as made:
        yield made


def churn(directory: Path, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    while not stop.wait(0.01):
        path = directory / f"{chance.randrange(20)}" / f"{chance.randrange(40)}"
        path.parent.mkdir(exist_ok=True)
        if chance.random() < 0.2:
            path.unlink(missing_ok=True)
        elif chance.random() < 0.2 and path.exists():
            path.rename(directory / f"moved-{chance.randrange(40)}")
        else:
            path.write_bytes(chance.randbytes(chance.randrange(40_000)))


def test_two_masters_two_replicas_one_server_through_delay_loss_cuts_and_deaths(net: Network) -> None:
    made = Configuration(net, 2, 2)
    for host in (*made.masters, *made.replicas):
        host.shape(delay_ms=50, loss=0.005)
    first, first_copies = made.replicate("first", made.masters[0], made.replicas[0])
    second, second_copies = made.replicate("second", made.masters[1], made.replicas[1])
    pairs = [(first, first_copies[0]), (second, second_copies[0])]
    stop = threading.Event()
    writers = [
        threading.Thread(target=churn, args=(data, stop, seed)) for seed, (data, _) in enumerate(pairs)
    ]
    for writer in writers:
        writer.start()
    try:
        for round_ in range(2):
            made.replicas[round_].cut()
            stop.wait(4)
            made.replicas[round_].join()
            made.replicas[1 - round_].die()
            stop.wait(3)
            made.replicas[1 - round_].start_agent()
            stop.wait(3)
            made.masters[round_].die()
            stop.wait(1)
            made.masters[round_].start_agent()
            stop.wait(5)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for name, (data, copy) in zip(("first", "second"), pairs, strict=True):
        made.server.wait(name, "in-sync", 120)
        assert_identical(data, copy)


def test_many_masters_one_replica_over_two_hundred_milliseconds_and_loss(net: Network) -> None:
    made = Configuration(net, 3, 1)
    made.replicas[0].shape(delay_ms=200, loss=0.01)
    trees = [
        made.replicate(f"scenario{number}", master, made.replicas[0])
        for number, master in enumerate(made.masters)
    ]
    for number, (data, _) in enumerate(trees):
        for file in range(100):
            (data / f"{number}-{file}").write_bytes(random.Random(file).randbytes(5_000))
    for number, (data, copies) in enumerate(trees):
        made.server.wait(f"scenario{number}", "in-sync", 120)
        assert_identical(data, copies[0])


def test_a_host_that_is_away_is_named_and_the_others_are_told_of(net: Network) -> None:
    made = Configuration(net, 2, 1)
    made.replicate("near", made.masters[0], made.replicas[0])
    made.replicate("away", made.masters[1], made.replicas[0])
    made.server.wait("near", "in-sync", 60)
    made.masters[1].die()
    found = {one["scenario"]["name"]: one for one in made.server.json("scenario", "list")}
    assert found["near"]["state"] == "replicating"
    assert found["away"]["state"] == "unknown"
    assert "master1" in found["away"]["reason"]
    assert "master1" in made.server.text("scenario", "stop", "away", expect=1)
    made.masters[1].start_agent()
    until(
        lambda: (
            {one["scenario"]["name"]: one["state"] for one in made.server.json("scenario", "list")}["away"]
            == "replicating"
        ),
        "the scenario to run again by itself",
    )


def test_the_servers_own_host_is_the_replica_of_a_branch(net: Network) -> None:
    made = Configuration(net, 1, 0)
    server, central = made.server, made.central
    server.text("server", "start", "--agent-listen", central.address)
    try:
        fingerprint = server.json("agent", "show")["fingerprint"]
        arguments = ["--user", "caroot", "--password-stdin", "--fingerprint", fingerprint]
        server.text("host", "add", "central", central.address, *arguments, given="caroot-secret\n")
        made.replicas = [central]
        data, (copy,) = made.replicate("home", made.masters[0], central)
        (data / "file").write_text("kept")
        server.wait("home", "in-sync", 60)
        assert_identical(data, copy)
        server.text("backup", "--scenario", "home", "--wait", timeout_s=240)
        (session,) = server.json("session", "list")
        assert (session["machine"], session["replica"]) == ("master0", "central")
        (data / "file").write_text("spoilt")
        server.wait("home", "in-sync", 60)
        server.text(
            "restore",
            "session",
            session["media_name"],
            str(session["number"]),
            "--to",
            "original-replica",
            "--wait",
        )
        assert (copy / "file").read_text() == "kept"
        told = server.text("scenario", "create", "x", "--master", "master0", "--root", "/data=/x", expect=2)
        assert "E1153" in told
    finally:
        server.stop()


def test_a_backup_that_loses_its_host_or_its_cable_leaves_no_session_and_the_next_one_is_whole(
    net: Network,
) -> None:
    made = Configuration(net, 1, 1)
    replica = made.replicas[0]
    data, _ = made.replicate("files", made.masters[0], replica)
    for number in range(30):
        (data / str(number)).write_bytes(random.Random(number).randbytes(2_000_000))
    made.server.wait("files", "in-sync", 60)
    made.server.start()
    try:
        for lose, again in ((replica.cut, replica.join), (replica.die, replica.start_agent)):
            replica.shape(rate_bytes=3_000_000)
            job = made.server.json("backup", "--scenario", "files")["id"]
            _under_way(made, job)
            lose()
            made.server.text("job", "wait", str(job), timeout_s=240, expect=1)
            assert made.server.json("session", "list") == []
            replica.shape(rate_bytes=0)
            again()
            made.server.wait("files", "in-sync", 120)
        made.server.text("backup", "--scenario", "files", "--wait", "--verify", "compare", timeout_s=240)
        (session,) = made.server.json("session", "list")
        assert session["files"] == 30
        made.server.text("media", "verify", session["media_name"], "--full", timeout_s=240)
    finally:
        made.server.stop()


def test_a_restore_outlives_a_cable_that_is_cut_for_a_minute_and_counts_each_file_once(net: Network) -> None:
    made = Configuration(net, 0, 1)
    replica = made.replicas[0]
    data, back = replica.path("data"), replica.path("back")
    for number in range(30):
        (data / str(number)).write_bytes(random.Random(number).randbytes(2_000_000))
    made.server.start()
    try:
        made.server.text("backup", "--source", f"{replica.name}:{data}", "--wait", timeout_s=240)
        (session,) = made.server.json("session", "list")
        replica.shape(rate_bytes=3_000_000)
        where = [session["media_name"], str(session["number"]), "--to", f"{replica.name}:{back}"]
        job = str(made.server.json("restore", "session", *where)["id"])
        until(lambda: len(list(back.iterdir())) > 3, "the restore to be under way")
        replica.cut()
        until(lambda: "W5153" in made.server.text("log", "--job", job), "the loss to be told", 120)
        time.sleep(60)  # how long the cable is out
        assert made.server.json("job", "show", job)["status"] == "active"
        replica.join()
        replica.shape(rate_bytes=0)
        made.server.text("job", "wait", job, timeout_s=240)
        assert_identical(data, back)
        assert made.server.json("job", "show", job)["files"] == 30
        assert made.server.text("log", "--job", job).count("W5153") == 1
    finally:
        made.server.stop()


def test_clocks_that_are_two_hours_apart_disturb_neither_replication_nor_rewind_nor_backup(
    net: Network, tmp_path: Path
) -> None:
    made = Configuration(net, 1, 1)
    master, replica = made.masters[0], made.replicas[0]
    for host, seconds in ((master, 3600), (replica, -3600)):
        host.stop_agent()
        host.start_agent(skewed(tmp_path, seconds))
    for host, word in ((master, "ahead"), (replica, "behind")):
        (told,) = [one for one in made.server.json("preflight", host.name) if one["code"] == "W1165"]
        assert (word in told["text"], "3600" in told["text"]) == (True, True)
    data, (copy,) = made.replicate("files", master, replica)
    for number in range(50):
        (data / str(number)).write_text("good")
    made.server.wait("files", "in-sync", 60)
    made.server.text("scenario", "bookmark", "files", "good")
    for number in range(50):
        (data / str(number)).write_text("spoilt")
    (data / "0").rename(data / "renamed")
    (data / "1").unlink()
    made.server.wait("files", "in-sync", 60)
    assert_identical(data, copy)
    made.server.start()
    try:
        made.server.text("backup", "--scenario", "files", "--wait", timeout_s=240)
        (data / "2").write_text("again")
        made.server.wait("files", "in-sync", 60)
        made.server.text("backup", "--scenario", "files", "--wait", timeout_s=240)
        assert [one["files"] for one in made.server.json("session", "list")] == [49, 49]
    finally:
        made.server.stop()
    made.server.text("scenario", "stop", "files")
    made.server.text("scenario", "rewind", "files", "--to", "good")
    assert {path.name: path.read_text() for path in copy.iterdir()} == {str(n): "good" for n in range(50)}
    replica.die()
    replica.start_agent()
    made.server.text("scenario", "run", "files")
    made.server.wait("files", "in-sync", 60)
    assert_identical(data, copy)


def _under_way(made: Configuration, job: int) -> None:
    def stored() -> bool:
        progress = made.server.json("job", "show", str(job)).get("progress") or {}
        return int(progress.get("stored_bytes") or 0) > 5_000_000

    until(stored, "the backup to be under way")
