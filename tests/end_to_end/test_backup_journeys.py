"""Backups through the real console, by mouse and keyboard: two scenarios, hold, stop, a server that dies, a
wrong password, media that are full.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.end_to_end.test_console_journey import make_home, new_scenario, scenario_shows
from tests.support.arcxo_command import Arcxo
from tests.support.trees import fill
from tests.support.volumes import mounted_tmpfs
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


def whole_job_shows(used: Console, word: str) -> bool:
    """Whether a job that is nobody's child shows it; children are named after it, with a dash."""
    rows = [row["cells"] for row in used.rows("Job queue")]
    return any(word in cells and " - " not in cells[0] for cells in rows)


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
    used.wait(lambda: whole_job_shows(used, "Finished"), "the job to show Finished", 90)
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


def open_folders(used: Console, *names: str) -> None:
    """Open rows of the Source tree, one beneath the other, by the keyboard."""
    for name in names:
        used.click_at(used.row("Source", name)["place"])
        used.keys("Right")


def refused(used: Console, window: str) -> bool:
    """Whether a row of the log-ins says so."""
    rows = used.rows("Log-ins of this backup", window=window)
    return any(cell.startswith("Refused") for row in rows for cell in row["cells"])


def test_a_wrong_password_is_told_in_its_row_and_the_right_one_runs_the_job(
    used: Console, tmp_path: Path
) -> None:
    branch = Arcxo(tmp_path / "branch")
    told = branch.json("agent", "init", "--password-stdin", given="of the branch\n")
    address = spawn_agent(str(branch.home)).address
    # Near the top of what the tree shows of the machine.
    data = Path(tempfile.mkdtemp(prefix="aaa-arcxo-", dir="/dev/shm"))
    window = "Security and Agent Information"
    try:
        (data / "file").write_text("kept")
        make_home(used)
        arcxo = Arcxo(tmp_path / "home")
        given = ("--user", "caroot", "--password-stdin", "--fingerprint", str(told["fingerprint"]))
        arcxo.text("host", "add", "branch", address, *given, given="of the branch\n")
        used.keys("ctrl+2")
        open_folders(used, "UNIX/Linux Systems", "branch", "/", "dev", "shm")
        used.mark("Source", data.name)
        used.click("Start", "QPushButton")
        used.wait_window(window)
        used.click_at(used.row("Log-ins of this backup", "branch", window=window)["place"])
        used.fill("User name", "caroot", window=window)
        used.fill("Password", "not this one", window=window)
        used.click("Log on and check", "QPushButton", window=window)
        used.wait(lambda: refused(used, window), "the row to say that the log-in was refused")
        used.click("OK", window=window)
        used.wait_window(window)
        used.fill("Password", "of the branch", window=window)
        used.click("OK", window=window)
        used.wait_window("Submit Job")
        used.keys("Return")
        used.click("Show job", "QPushButton")
        used.wait(lambda: queue_row(used, "Finished"), "the job to show Finished", 90)
        (session,) = arcxo.json("session", "list")
        assert (session["machine"], session["entity"]) == ("branch", str(data))
    finally:
        stop_agent(str(branch.home))
        shutil.rmtree(data)


@pytest.mark.needs_root
def test_a_job_waits_for_media_and_finishes_when_a_device_is_added(used: Console, tmp_path: Path) -> None:
    make_home(used)
    arcxo = Arcxo(tmp_path / "home")
    data, small, more = tmp_path / "to-be-kept", tmp_path / "small", tmp_path / "more"
    for place in (data, small, more):
        place.mkdir()
    for number in range(10):
        (data / f"file{number}").write_bytes(os.urandom(8 << 20))
    with contextlib.ExitStack() as stack:
        stack.enter_context(mounted_tmpfs(small, "48m"))
        stack.callback(arcxo.stop)
        arcxo.text("group", "add", "SMALL")
        arcxo.text("device", "add", str(small), "--name", "small", "--group", "SMALL")
        submit(used, arcxo, data, "Large", "--group", "SMALL")
        used.wait(
            lambda: (
                any("none has room" in seen["text"] + seen["name"] for seen in used.widgets())
                or queue_row(used, "media in device group SMALL: none has room")
            ),
            "the job to say that it waits for media",
            90,
        )
        assert queue_shows(used, "Large", "Active")
        used.click("Devices and media", "NavigationButton")
        used.click_at(used.row("Devices and media", "SMALL")["place"])
        used.keys("ctrl+shift+n")
        used.wait_window("New device")
        used.fill("Directory", str(more), window="New device")
        used.keys("Return")
        used.wait_window("Arcxo")
        used.keys("ctrl+5")
        used.wait(lambda: queue_shows(used, "Large", "Finished"), "the job to finish", 120)
        codes = [line["code"] for line in arcxo.json("log", "--job", "1")]
        assert {"W5142", "N5143"} <= set(codes)
        (session,) = arcxo.json("session", "list")
        assert session["size_bytes"] == 10 * (8 << 20)
