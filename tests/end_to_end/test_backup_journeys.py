"""Backups through the real console, by mouse and keyboard: two scenarios, hold, stop, a server that dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.test_console_journey import make_home, new_scenario, scenario_shows
from tests.support.arcxo_command import Arcxo
from tests.support.trees import fill
from tests.support.xvfb_console import Console, console

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("story")]


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Console]:
    home = tmp_path / "home"
    with console(home, tmp_path / "console.log") as made:
        yield made
    if home.exists():
        Arcxo(home).stop()


def queue_row(used: Console, holds: str) -> list[str] | None:
    """The cells of the first job whose row has `holds` somewhere."""
    found = [row["cells"] for row in used.rows("Job queue")]
    return next((cells for cells in found if any(holds in cell for cell in cells)), None)


def queue_shows(used: Console, name: str, word: str) -> bool:
    rows = [row["cells"] for row in used.rows("Job queue")]
    return any(cells[0] == name and word in cells for cells in rows)


def submit(used: Console, arcxo: Arcxo, data: Path, name: str, *options: str) -> None:
    """Queue a backup of a directory, and choose it in the queue."""
    arcxo.text("backup", "--source", f"localhost:{data}", "--name", name, "--retry-missed", "0", *options)
    used.keys("ctrl+5")
    used.wait(lambda: queue_row(used, name), f"job {name} in the queue")
    used.click_at(used.row("Job queue", name)["place"])


def test_two_scenarios_are_backed_up_from_a_clean_home(used: Console, tmp_path: Path) -> None:
    make_home(used)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name / "master")
    new_scenario(used, tmp_path / "one" / "master", tmp_path / "one" / "replica")
    used.wait(lambda: scenario_shows(used, "Papers", "Replicating"), "Papers to replicate")
    arcxo = Arcxo(tmp_path / "home")
    second = tmp_path / "two"
    arcxo.text(
        "scenario", "create", "Plans", "--master", "localhost", "--replica", "localhost",
        "--root", f"{second}/master={second}/replica",
    )  # fmt: skip
    arcxo.text("scenario", "run", "Plans")
    used.wait(lambda: scenario_shows(used, "Plans", "Replicating"), "Plans to replicate")
    used.keys("ctrl+2")
    for name in ("Papers", "Plans"):
        used.mark("Source", name)
    used.click("Start", "QPushButton")
    used.wait_window("Security and Agent Information")
    used.click("OK", window="Security and Agent Information")
    used.wait_window("Submit Job")
    used.wait(
        lambda: any("is replicating" in seen["text"] for seen in used.widgets("Label", window="Submit Job")),
        "the preflight check",
    )
    used.keys("Return")
    used.click("Show job", "QPushButton")
    used.wait(lambda: queue_row(used, "Finished"), "the job to show Finished", 90)
    sessions = arcxo.json("session", "list")
    assert {one["scenario_name"] for one in sessions} == {"Papers", "Plans"}


def test_a_job_is_held_stopped_and_rescheduled(used: Console, tmp_path: Path) -> None:
    make_home(used)
    data = tmp_path / "to-be-kept"
    data.mkdir()
    (data / "file").write_text("kept")
    arcxo = Arcxo(tmp_path / "home")
    submit(used, arcxo, data, "Held", "--hold")
    assert queue_shows(used, "Held", "Hold")
    used.click("Ready / Hold", "QToolButton")
    used.wait(lambda: queue_shows(used, "Held", "Finished"), "the held job to finish", 60)
    submit(used, arcxo, data, "Stopped", "--before", "/bin/sleep 600")
    used.wait(lambda: queue_shows(used, "Stopped", "Active"), "the job to be active")
    used.click("Stop", "QToolButton")
    used.wait(lambda: queue_shows(used, "Stopped", "Canceled"), "the job to be canceled", 30)
    submit(used, arcxo, data, "Moved", "--hold")
    used.click("Reschedule…", "QToolButton")
    used.wait_window("Reschedule")
    used.click("Reschedule job", window="Reschedule")
    used.wait_window("Arcxo")
    used.click("Ready / Hold", "QToolButton")
    used.wait(lambda: queue_shows(used, "Moved", "Finished"), "the rescheduled job to finish", 60)


def test_a_server_that_is_killed_leaves_a_crashed_job_that_runs_again(used: Console, tmp_path: Path) -> None:
    make_home(used)
    arcxo = Arcxo(tmp_path / "home")
    data, gate = tmp_path / "to-be-kept", tmp_path / "gate"
    data.mkdir()
    (data / "file").write_text("kept")
    script = tmp_path / "wait"
    script.write_text(f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.1; done\n")
    script.chmod(0o755)
    submit(used, arcxo, data, "Hourly", "--before", str(script), "--every", "1h")
    used.wait(lambda: queue_shows(used, "Hourly", "Active"), "the job to be active")
    pid = arcxo.json("server", "status")["pid"]
    arcxo.kill(pid)
    arcxo.start()
    used.wait(lambda: queue_shows(used, "Hourly", "Crashed"), "the job to show Crashed", 60)
    gate.touch()
    used.click_at(used.row("Job queue", "Hourly")["place"])
    used.wait(
        lambda: any(seen["enabled"] for seen in used.widgets("QToolButton", "Run now")),
        "Run now to be offered",
    )
    used.click("Run now", "QToolButton")
    used.wait(lambda: queue_shows(used, "Hourly", "Finished"), "the job to finish", 60)
