"""Restores through the real console, by mouse and keyboard: found, planned, refused, done, taken back."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.trees import assert_identical
from tests.support.volumes import mounted_tmpfs
from tests.support.xvfb_console import Console, console

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("journeys")]

SESSIONS = "Media and sessions"
LOGINS = "Session User Name and Password"
LOGIN = "Enter User Name and Password"
PLAN = "Restore: plan"


class Site:
    """A scenario that replicates, backed up once; then the console of its home."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.place = place
        self.master, self.replica = place / "master", place / "replica"
        self.used: Console

    def begin(self, *backup: str) -> None:
        for name, text in (("letters/lost report.txt", "the report"), ("letters/b", "b"), ("sums/c", "c")):
            path = self.master / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.replica.mkdir()
        hosts = ("--master", "localhost", "--replica", "localhost")
        self.arcxo.text("scenario", "create", "Papers", *hosts, "--root", f"{self.master}={self.replica}")
        self.arcxo.text("scenario", "run", "Papers")
        self.in_sync()
        self.back_up(*backup)

    def in_sync(self) -> None:
        self.arcxo.wait("Papers", "in-sync")

    def back_up(self, *options: str) -> None:
        self.arcxo.text("backup", "--scenario", "Papers", *options, "--wait")

    # hands

    def open_restore(self, view: int = 0) -> None:
        used = self.used
        used.wait_window("Arcxo")
        used.keys("ctrl+3")
        used.find("Source view")
        if view:
            used.click("Source view")
            used.keys(*["Down"] * view, "Return")

    def session(self, number: int) -> dict[str, Any]:
        """The row of a session, once it is listed."""
        found: dict[str, Any] = self.used.wait(
            lambda: next(
                (row for row in self.used.rows(SESSIONS) if row["cells"][0].startswith(f"Session {number}")),
                None,
            ),
            f"session {number} to be listed",
        )
        return found

    def to_folder(self, directory: Path, host: str = "") -> None:
        used = self.used
        used.click_tab("Destination")
        used.click("Restore files to their original location(s)")
        if host:
            used.click("Machine")
            used.keys("Down", "Return")
            used.wait(
                lambda: any(seen["text"] == host for seen in used.widgets("QComboBox", "Machine")),
                f"the machine {host}",
            )
        used.fill("Folder", str(directory))

    def logins(self) -> None:
        self.used.click("Start", "QPushButton")
        self.used.wait_window(LOGINS)

    def plan(self) -> dict[str, object]:
        """Show the plan; its last button, once it counts."""
        used = self.used
        used.click("Show plan", window=LOGINS)
        used.wait_window(PLAN)
        found: dict[str, object] = used.wait(
            lambda: next(
                (
                    seen
                    for seen in used.widgets("QPushButton", window=PLAN)
                    if re.fullmatch(r"Restore [\d,]+ (files?|items?)", seen["text"]) and seen["enabled"]
                ),
                None,
            ),
            "the plan to be counted",
        )
        return found

    def restore(self, result: str = "Finished") -> None:
        used = self.used
        used.click_at(self.plan()["place"])  # type: ignore[arg-type]
        used.wait_window("Arcxo")
        used.click("Show job", "QPushButton")
        used.wait(lambda: self.shows("Restore", result), f"the restore to show {result}", 60)

    def shows(self, begins: str, result: str) -> bool:
        rows = self.used.rows("Job queue")
        return any(row["cells"][0].startswith(begins) and result in row["cells"] for row in rows)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_home(tmp_path) as arcxo:
        yield Site(arcxo, tmp_path)


@contextlib.contextmanager
def used(site: Site) -> Iterator[Site]:
    """The console on the site's home."""
    with console(site.arcxo.home, site.place / "console.log") as made:
        site.used = made
        yield site


def test_a_deleted_file_is_found_by_its_name_and_comes_back_on_the_master(site: Site) -> None:
    site.begin()
    lost = site.master / "letters/lost report.txt"
    lost.unlink()
    site.in_sync()
    site.back_up()
    with used(site) as there:
        console = there.used
        there.open_restore(view=2)
        console.fill("Looking for", "lost rep*")
        console.keys("Return")
        row = console.row("Found files and folders", "lost report.txt")
        console.click_at(row["marker_place"])
        there.logins()
        console.click("Edit…", window=LOGINS)
        console.wait_window(LOGIN + " for CA XOsoft Session")
        # The window may still be put in its place by the window manager.
        master = "Restore to Master Server localhost"

        def chosen() -> bool:
            console.click(master)
            return any(seen["checked"] for seen in console.widgets("QRadioButton", master))

        console.wait(chosen, "the Master to be chosen")
        console.keys("Return")
        console.wait_window(LOGINS)
        console.row("Sessions and their log-ins", "Restore to Master Server", window=LOGINS)
        there.restore()
    assert lost.read_text() == "the report"
    site.arcxo.text("scenario", "run", "Papers")
    site.in_sync()
    assert_identical(site.master, site.replica)


def test_a_whole_session_goes_to_the_replica_of_a_running_scenario_which_runs_again(site: Site) -> None:
    site.begin()
    (site.master / "letters/b").write_text("spoilt")
    site.in_sync()
    with used(site) as there:
        console = there.used
        there.open_restore()
        session = there.session(1)
        console.click_at(session["marker_place"])
        there.logins()
        console.click("Show plan", window=LOGINS)
        console.wait_window(PLAN)
        console.find("Papers is stopped before the restore", window=PLAN)
        console.keys("Escape")
        console.wait_window("Arcxo")
        there.logins()
        there.restore()
        assert (site.replica / "letters/b").read_text() == "b"
        assert (site.master / "letters/b").read_text() == "spoilt"
        console.keys("ctrl+4")
        stopped = console.wait(lambda: _scenario(console, "Stopped"), "the scenario to be stopped")
        console.click_at(stopped["place"])
        console.click("Run", "QToolButton")
        console.click("Run", "QPushButton", window="ARCserve Backup server connection")
        console.click("Run and replace")
        console.wait(lambda: _scenario(console, "Replicating"), "the scenario to run again", 60)
    site.in_sync()
    assert_identical(site.master, site.replica)


def _scenario(console: Console, state: str) -> dict[str, list[int]] | None:
    rows = console.rows("Scenarios")
    return next((row for row in rows if row["cells"][:2] == ["Papers", state] and row["seen"]), None)


def test_a_wrong_session_password_is_said_and_the_right_one_restores(site: Site, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("the password\n")
    site.begin("--session-password-file", str(password))
    out = tmp_path / "out"
    out.mkdir()
    with used(site) as there:
        console = there.used
        there.open_restore()
        session = there.session(1)
        console.click_at(session["marker_place"])
        there.to_folder(out)
        there.logins()
        console.click("Show plan", window=LOGINS)
        console.wait_window(LOGIN)
        console.fill("Session Password", "not the password")
        console.keys("Return")
        console.wait(
            lambda: any("wrong" in seen["text"].lower() or "does not open" in seen["text"].lower()
                        for seen in console.widgets("Label", window=LOGIN)),
            "the wrong password to be said",
        )  # fmt: skip
        assert os.listdir(out) == []
        console.fill("Session Password", "the password")
        console.keys("Return")
        console.wait_window(LOGINS)
        there.restore()
    assert_identical(site.master, out)


@pytest.mark.needs_root
def test_a_full_destination_is_foreseen_and_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    site.begin()
    (site.master / "large").write_bytes(os.urandom(6 << 20))
    site.in_sync()
    site.back_up()
    small = tmp_path / "small"
    small.mkdir()
    with mounted_tmpfs(small, "4m"):
        with used(site) as there:
            console = there.used
            there.open_restore()
            session = there.session(2)
            console.click_at(session["marker_place"])
            there.to_folder(small)
            there.logins()
            console.click("Show plan", window=LOGINS)
            console.wait_window(PLAN)
            console.find("Space may not suffice", window=PLAN)
            console.keys("Escape")
            console.wait_window("Arcxo")
            there.logins()
            console.click_at(there.plan()["place"])  # type: ignore[arg-type]
            console.wait_window("Arcxo")
            console.click("Show job", "QPushButton")
            console.wait(
                lambda: there.shows("Restore", "Failed") or there.shows("Restore", "Incomplete"),
                "the restore to end badly",
                60,
            )
        assert not (small / "large").exists()
        whole = {
            name: (small / name).read_text() for name in ("letters/b", "sums/c") if (small / name).exists()
        }
        assert whole.items() <= {"letters/b": "b", "sums/c": "c"}.items()


def test_a_restore_is_taken_back(site: Site, tmp_path: Path) -> None:
    site.begin()
    out = tmp_path / "out"
    (out / "letters").mkdir(parents=True)
    (out / "letters/b").write_text("was here before")
    with used(site) as there:
        console = there.used
        there.open_restore()
        session = there.session(1)
        console.click_at(session["marker_place"])
        there.to_folder(out)
        there.logins()
        there.restore()
        assert (out / "letters/b").read_text() == "b"
        row = next(row for row in console.rows("Job queue") if row["cells"][0].startswith("Restore"))
        console.click_at(row["place"])
        console.keys("ctrl+z")
        console.wait(
            lambda: any(re.fullmatch(r"Undo [\d,]+ items?", seen["text"]) and seen["enabled"]
                        for seen in console.widgets("QPushButton")),
            "the undo to be counted",
        )  # fmt: skip
        undo = next(seen for seen in console.widgets("QPushButton") if seen["text"].startswith("Undo "))
        console.click_at(undo["place"])
        console.wait(lambda: there.shows("Undo", "Finished"), "the undo to show Finished", 60)
    assert (out / "letters/b").read_text() == "was here before"
    until(lambda: not (out / "sums").exists(), "what was restored to be gone")


def test_an_earlier_version_of_a_folder_goes_to_another_host(site: Site, tmp_path: Path) -> None:
    branch = Arcxo(tmp_path / "branch")
    told = branch.json("agent", "init", "--password-stdin", given="of the branch\n")
    address = spawn_agent(str(branch.home)).address
    try:
        given = ("--user", "caroot", "--password-stdin", "--fingerprint", str(told["fingerprint"]))
        site.arcxo.text("host", "add", "branch", address, *given, given="of the branch\n")
        site.begin()
        (site.master / "letters/b").write_text("of today")
        (site.master / "letters/new").write_text("of today")
        site.in_sync()
        site.back_up()
        out = tmp_path / "out"
        out.mkdir()
        with used(site) as there:
            console = there.used
            there.open_restore(view=1)
            console.click_at(console.row("Machines and folders", "localhost")["place"])
            for folder in site.master.parts[1:]:
                console.keys("Right")
                console.row("Machines and folders", folder)
                console.keys("Down")
            console.keys("Right")
            console.click_at(console.row("Machines and folders", "letters")["place"])
            console.keys("ctrl+y")
            console.wait(lambda: len(console.rows("Versions")) == 2, "both versions of the folder")
            console.click_at(console.rows("Versions")[1]["place"])
            console.click("Add to basket")
            there.to_folder(out, host="branch")
            there.logins()
            console.click("Edit…", window=LOGINS)
            console.fill("Destination User Name", "caroot")
            console.fill("Destination Password", "of the branch")
            console.keys("Return")
            console.row("Sessions and their log-ins", "Ready", window=LOGINS)
            there.restore()
        assert {name.name: name.read_text() for name in (out).rglob("*") if name.is_file()} == {
            "lost report.txt": "the report",
            "b": "b",
        }
    finally:
        stop_agent(str(branch.home))
