"""Scripts before and after synchronisations, on master and replica, and on the trigger file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.events import EventRecord
from app.model.scenario import ReplicaState, ScenarioState
from app.replication.master import synchroniser
from app.replication.replica import incoming, stream
from app.replication.scripts import around_sync, trigger
from tests.support import replication_pair
from tests.support.replica_link import MemoryLink, pair
from tests.support.replication_pair import Pair, until


@pytest.fixture
def replication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(around_sync, "RETRY_FIRST_S", 0.3)
    monkeypatch.setattr(trigger, "LOOK_EVERY_S", 0.05)
    made = Pair(tmp_path)
    yield made
    made.close()


def script(replication: Pair, name: str, text: str) -> str:
    path = replication.base / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def logged(replication: Pair, name: str, extra: str = "") -> str:
    """A script that adds its name and what it is told to a log."""
    log = replication.base / "log"
    line = f'echo "{name} $ARCXO_ROLE $ARCXO_SCENARIO $ARCXO_REPLICA" >> {log}'
    return script(replication, name, f"{extra}\n{line}")


def log(replication: Pair) -> list[str]:
    path = replication.base / "log"
    return path.read_text().splitlines() if path.exists() else []


def events(replication: Pair, code: str) -> list[EventRecord]:
    return [event for event in replication.events.newer_than(0) if event.code == code]


def test_all_four_run_around_a_synchronisation_in_order(replication: Pair) -> None:
    (replication.master / "f").write_text("x")
    replica_saw = replication.base / "saw"
    replication.run(
        script_before_sync=logged(replication, "before"),
        script_after_sync=logged(replication, "after"),
        replica_script_before_sync=logged(
            replication, "rbefore", f"ls {replication.replica} | wc -l > {replica_saw}"
        ),
        replica_script_after_sync=logged(replication, "rafter"),
    )
    until(lambda: len(log(replication)) == 4)
    lines = log(replication)
    assert lines[:2] == ["before master files localhost", "rbefore replica files localhost"]
    assert sorted(lines[2:]) == ["after master files localhost", "rafter replica files localhost"]
    assert replica_saw.read_text().strip() == "0"
    until(lambda: len(events(replication, "IR00500")) == 4)
    told = events(replication, "IR00500")
    assert {event.params["exit_code"] for event in told} == {"0"}
    assert {event.scenario_name for event in told} == {"files"}
    replication.engine.synchronize(replication.id)
    until(lambda: len(log(replication)) == 8)


@pytest.mark.parametrize("side", ["script_before_sync", "replica_script_before_sync"])
def test_a_synchronisation_waits_until_the_script_before_it_succeeds(replication: Pair, side: str) -> None:
    (replication.master / "f").write_text("x")
    good = replication.base / "good"
    program = script(replication, "before", f"echo not yet; test -e {good} || exit 7")
    replication.create(**{side: program})  # type: ignore[arg-type]
    replication.engine.run(replication.id)
    until(lambda: len(events(replication, "ER00501")) >= 2)
    assert events(replication, "ER00501")[0].params["exit_code"] == "7"
    assert events(replication, "ER00501")[0].params["output"] == "not yet"
    assert os.listdir(replication.replica) == []
    status = replication.engine.status(replication.id).replicas[0]
    assert "waits" in status.reason or "runs" in status.reason
    assert status.state is not ReplicaState.REPLICATING
    good.touch()
    replication.wait()
    replication.assert_equal()
    assert replication.engine.status(replication.id).replicas[0].reason == ""


def test_a_scenario_stops_while_its_script_hangs(replication: Pair) -> None:
    pid = replication.base / "pid"
    program = script(replication, "hang", f"echo $$ > {pid}; exec sleep 600")
    replication.create(script_before_sync=program)
    replication.engine.run(replication.id)
    until(lambda: pid.exists() and pid.read_text().strip())
    replication.engine.stop(replication.id)
    assert replication.engine.status(replication.id).state is ScenarioState.STOPPED
    until(lambda: not os.path.exists(f"/proc/{pid.read_text().strip()}"))


def test_changes_of_a_hanging_replica_script_are_not_lost(replication: Pair) -> None:
    gate = replication.base / "gate"
    program = script(replication, "gated", f"while [ ! -e {gate} ]; do sleep 0.05; done")
    replication.create(replica_script_before_sync=program)
    replication.engine.run(replication.id)
    until(
        lambda: "runs before" in replication.engine.status(replication.id).replicas[0].reason,
        what="the reason",
    )
    (replication.master / "meanwhile").write_text("x")
    gate.touch()
    replication.wait()
    replication.assert_equal()


def test_a_cut_link_ends_a_replica_script_though_so_much_waits_that_nothing_is_read(
    replication: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_WAITING_BYTES_MAX", 1)
    monkeypatch.setattr(synchroniser, "BATCH_BYTES", 20_000)
    monkeypatch.setattr(stream, "_ALIVE_EVERY_S", 0.1)
    ends: list[MemoryLink] = []

    def noted() -> tuple[MemoryLink, MemoryLink]:
        ends.extend(made := pair())
        return made

    monkeypatch.setattr(replication_pair, "pair", noted)
    pid = replication.base / "pid"
    program = script(replication, "hang", f"echo $$ > {pid}; exec sleep 600")
    for number in range(300):
        (replication.master / f"{number}").mkdir()
        (replication.master / f"{number}/link").symlink_to("x" * 4000)
    replication.create(replica_script_before_sync=program)
    replication.engine.run(replication.id)
    until(lambda: pid.exists() and pid.read_text().strip())
    running = pid.read_text().strip()
    replication.connector.reachable = False
    # A call that is lost ends the links of both its sides.
    for end in ends:
        end.close()
    until(lambda: not os.path.exists(f"/proc/{running}"), 5, "the end of the script")


def test_one_that_takes_too_long_is_told(replication: Pair) -> None:
    replication.run(script_after_sync=script(replication, "slow", "sleep 600"), script_timeout_seconds=1)
    until(lambda: events(replication, "ER00502"))
    assert events(replication, "ER00502")[0].params["limit"] == "1"


def test_one_that_cannot_run_is_told_and_warned_of_before(replication: Pair) -> None:
    program = script(replication, "open", "true")
    os.chmod(program, 0o777)
    replication.create(script_before_sync=program)
    checks = replication.engine.check(replication.engine.status(replication.id).scenario)  # type: ignore[arg-type]
    assert "WR00505" in [check.code for check in checks]
    replication.engine.run(replication.id)
    until(lambda: events(replication, "ER00503"))
    assert "written" in events(replication, "ER00503")[0].params["cause"]
    os.chmod(program, 0o755)
    replication.wait()


def test_the_trigger_file_runs_its_script_when_it_appears_and_changes(replication: Pair) -> None:
    program = script(replication, "on", f'echo "$ARCXO_TRIGGER_FILE" >> {replication.base}/log')
    replication.run(trigger_file="jobs/go", script_on_trigger=program)
    (replication.master / "jobs").mkdir()
    file = replication.master / "jobs/go"
    until(lambda: _state(replication) == 1)
    file.write_text("1")
    until(lambda: log(replication) == [str(file)])
    until(lambda: len(events(replication, "IR00500")) == 1)
    file.unlink()
    file.write_text("2 again")
    until(lambda: len(log(replication)) == 2)
    replication.assert_equal()


def test_a_trigger_while_the_engine_is_down_is_not_missed(replication: Pair) -> None:
    file = replication.base / "go"
    program = script(replication, "on", f"echo on >> {replication.base}/log")
    file.write_text("there before")
    replication.run(trigger_file=str(file), script_on_trigger=program)
    until(lambda: _state(replication) == 1)
    replication.engine.close()
    file.write_text("while it was down")
    replication.engine = replication.open_engine()
    replication.wait()
    until(lambda: log(replication) == ["on"])


def test_the_end_of_the_engine_ends_scripts_that_still_run(replication: Pair) -> None:
    pid = replication.base / "pid"
    program = script(replication, "hang", f"echo $$ > {pid}; exec sleep 600")
    replication.run(script_after_sync=program)
    until(lambda: pid.exists() and pid.read_text().strip())
    replication.engine.close()
    assert not os.path.exists(f"/proc/{pid.read_text().strip()}")
    assert [event.code for event in replication.events.newer_than(0)].count("IR00504") == 1
    replication.engine = replication.open_engine()


def _state(replication: Pair) -> int:
    path = replication.home / f"engine/master/{replication.id}/trigger.json"
    return len(path.read_text()) > 4 if path.exists() else 0
