"""Scripts, notices, events and previews of a real home, through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.arcxo_command import ARCXO, Arcxo, running_home, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("scripts")]


class Place:
    """One home, its directories, and scripts that write to one log."""

    def __init__(self, arcxo: Arcxo, base: Path) -> None:
        self.arcxo = arcxo
        self.base = base
        self.master = base / "master"
        self.log = base / "log"

    def script(self, name: str, text: str) -> str:
        path = self.base / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def events(self, *options: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.arcxo.json("scenario", "events", "files", *options)
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    base = tmp_path_factory.mktemp("scripts")
    (base / "master/cache").mkdir(parents=True)
    for name in ("a.txt", "b.tmp", "cache/c"):
        (base / "master" / name).write_text("12345")
    with running_home(base) as arcxo:
        made = Place(arcxo, base)
        line = f'echo "$ARCXO_PURPOSE/$ARCXO_ROLE" >> {made.log}'
        both = made.script("both", f"{line}; echo done")
        notify = made.script("notify", f'echo "told $1 $ARCXO_EVENT_TRIGGER" >> {made.log}')
        settings = [
            f"script_before_sync={both}",
            f"script_after_sync={both}",
            f"replica_script_before_sync={both}",
            f"replica_script_after_sync={both}",
            f"notify_script={notify}",
            "notify_on=significant,error",
        ]
        arcxo.text(
            "scenario", "create", "files", "--root", f"{made.master}={base / 'replica'}",
            "--exclude", "*.tmp", "--exclude", "cache",
            *(part for setting in settings for part in ("--set", setting)),
        )  # fmt: skip
        arcxo.text("scenario", "run", "files")
        arcxo.wait("files", "in-sync")
        yield made


@pytest.fixture(autouse=True)
def replicating(place: Place) -> None:
    """Each test begins with a scenario that is in sync."""
    if place.arcxo.json("scenario", "show", "files")["state"] == "stopped":
        place.arcxo.text("scenario", "run", "files")
    place.arcxo.wait("files", "in-sync")


def test_scripts_of_both_sides_ran_and_their_ends_are_events(place: Place) -> None:
    wanted = {
        f"{when} synchronization/{side}" for when in ("before", "after") for side in ("master", "replica")
    }
    until(lambda: wanted == {line for line in place.logged() if "/" in line}, 30)
    until(lambda: sum(event["code"] == "IR00500" for event in place.events()) >= 4, 30)
    told = [event for event in place.events() if event["code"] == "IR00500"]
    assert {event["params"]["exit_code"] for event in told} == {"0"}
    assert "exit code 0" in told[0]["text"]


def test_the_notification_script_was_told_of_significant_events(place: Place) -> None:
    until(lambda: {"told SR00014 significant", "told SR00202 significant"} <= set(place.logged()), 30)
    assert not any("IR00" in line for line in place.logged())


def test_events_by_number_severity_and_as_a_stream(place: Place) -> None:
    everything = place.events()
    last = everything[-1]["sequence"]
    severities = {event["severity"] for event in place.events("--severity", "significant")}
    assert severities == {"significant"}
    assert all(event["sequence"] > last for event in place.events("--newer-than", str(last)))
    assert len(place.events("--last", "2")) == 2
    place.arcxo.text("scenario", "events", "--last", "2", "--newer-than", "1", expect=2)
    follower = subprocess.Popen(
        [*ARCXO, "--home", str(place.arcxo.home), "--json", "scenario", "events", "files", "--follow"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert follower.stdout is not None
        seen = [json.loads(follower.stdout.readline())["sequence"] for _ in everything]
        assert seen == [event["sequence"] for event in everything]
        place.arcxo.text("scenario", "bookmark", "files", "here")
        while (event := json.loads(follower.stdout.readline()))["code"] != "IR00160":
            assert event["sequence"] > last
        assert event["params"]["text"] == "here"
    finally:
        follower.terminate()
        follower.communicate(timeout=30)


def test_a_preview_of_the_scenario_and_of_other_filters(place: Place) -> None:
    seen = place.arcxo.json("scenario", "preview", "files")
    assert (seen["complete"], seen["included_files"], seen["excluded_files"]) == (True, 1, 2)
    assert sorted(os.listdir(place.base / "replica")) == ["a.txt"]
    other = place.arcxo.json("scenario", "preview", "--root", str(place.master), "--include", "*.tmp")
    assert [example["path"] for example in other["included"]] == [str(place.master / "b.tmp")]
    place.arcxo.text("scenario", "preview", "--root", str(place.master), "--exclude", "../x", expect=2)


def test_what_is_no_script_or_filter_is_refused_when_it_is_set(place: Place) -> None:
    place.arcxo.text("scenario", "set", "files", "script_before_sync=quiesce", expect=2)
    place.arcxo.text("scenario", "set", "files", "notify_on=everything", expect=2)
    place.arcxo.text("scenario", "stop", "files")
    assert "ER00122" in place.arcxo.text("scenario", "set", "files", "exclude=a//b", expect=2)


def test_a_killed_engine_leaves_no_script_and_goes_on(place: Place) -> None:
    pid = place.base / "pid"
    gate = place.base / "gate"
    program = place.script("hang", f"echo $$ > {pid}; while [ ! -e {gate} ]; do sleep 0.1; done")
    place.arcxo.text("scenario", "stop", "files")
    place.arcxo.text("scenario", "set", "files", f"script_before_sync={program}")
    place.arcxo.text("scenario", "run", "files")
    until(lambda: pid.exists() and pid.read_text().strip(), 30)
    first = pid.read_text().strip()
    state = place.arcxo.json("scenario", "show", "files")
    assert "runs before" in state["replicas"][0]["reason"]
    for number in place.arcxo.processes("role_main"):
        os.kill(number, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{first}"), 30)
    until(lambda: pid.read_text().strip() not in ("", first), 60)
    gate.touch()
    place.arcxo.wait("files", "in-sync")
    assert not place.arcxo.processes("runner.py")
