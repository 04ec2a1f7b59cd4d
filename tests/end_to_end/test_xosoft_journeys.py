"""The XOsoft Manager by mouse and keyboard: a replica rewound and taken back, held removals decided about,
a host whose password was changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.trees import picture as whole_picture
from tests.support.trees import without_folder_times
from tests.support.xvfb_console import Console, Seen, console

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("journeys")]


def picture(directory: Path) -> dict[bytes, tuple[object, ...]]:
    """What is there but for what the product keeps in it."""
    return {path: entry for path, entry in whole_picture(directory).items() if b".arcxo-" not in path}


class Site:
    """The scenario Papers, of a master with some files and its replica."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.place = place
        self.master, self.replica = place / "master", place / "replica"

    def begin(self, *options: str, folders: int = 3, files: int = 4, host: str = "localhost") -> None:
        for folder in range(folders):
            (self.master / f"d{folder:02}").mkdir(parents=True)
            for file in range(files):
                (self.master / f"d{folder:02}/f{file:03}").write_text(f"{folder} {file}\n" * 20)
        hosts = ("--master", host, "--replica", host)
        root = f"{self.master}={self.replica}"
        self.arcxo.text("scenario", "create", "Papers", *hosts, "--root", root, *options)
        self.arcxo.text("scenario", "run", "Papers")
        self.in_sync()

    def in_sync(self) -> None:
        self.arcxo.wait("Papers", "in-sync")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_home(tmp_path) as arcxo:
        yield Site(arcxo, tmp_path)


def open_manager(used: Console) -> None:
    """The XOsoft Manager, with Papers chosen."""
    used.wait_window("Arcxo")
    used.keys("ctrl+4")
    used.click_at(used.row("Scenarios", "Papers")["place"])


def wait_scenario(used: Console, state: str, name: str = "Papers", timeout_s: float = 60) -> None:
    """Until the tree shows that state."""
    used.wait(
        lambda: any(row["cells"][:2] == [name, state] for row in used.rows("Scenarios")),
        f"{name} to be shown as {state}",
        timeout_s,
    )


def wait_said(used: Console, begins: str, *, window: str = "", timeout_s: float = 30) -> Any:
    """Until a label says what begins so; the whole of it."""

    def said() -> str | None:
        labels = used.widgets("Label", window=window)
        return next((seen["text"] for seen in labels if seen["text"].startswith(begins)), None)

    return used.wait(said, f"“{begins}…” to be said", timeout_s)


def click_beginning(used: Console, begins: str, *, window: str = "") -> None:
    """Click the button whose text begins so, once it can be clicked."""

    def ready() -> Seen | None:
        found = used.widgets("QPushButton", window=window)
        return next((s for s in found if s["text"].startswith(begins) and s["enabled"] and s["top"]), None)

    used.click_at(used.wait(ready, f"a button “{begins}…”")["place"])


def test_a_bookmark_clicked_in_the_timeline_is_gone_back_to_and_taken_back(site: Site) -> None:
    site.begin("--brake", "off")
    site.arcxo.text("scenario", "bookmark", "Papers", "good")
    good = picture(site.replica)
    shutil.rmtree(site.master / "d01")
    (site.master / "d00/f000").write_text("spoilt")
    (site.master / "added").write_text("added")
    site.in_sync()
    spoilt = picture(site.replica)
    assert spoilt != good
    wizard = "Restore data: Papers"
    with console(site.arcxo.home, site.place / "console.log") as used:
        open_manager(used)
        used.click("Stop", "QToolButton")
        wait_scenario(used, "Stopped")
        assert picture(site.replica) == spoilt
        used.click("Restore data", "QToolButton")
        used.wait_window(wizard)
        used.click_at(used.row("Replicas", "localhost", window=wizard)["place"])
        used.click("Next", "QPushButton", window=wizard)
        used.click("Rewind to an earlier moment", "QRadioButton", window=wizard)
        used.click("Next", "QPushButton", window=wizard)
        used.click_at(used.wait(lambda: mark_of(used, "good"), "the bookmark in the timeline")["place"])
        wait_said(used, "Back to ", window=wizard)
        used.click("Next", "QPushButton", window=wizard)
        used.find("Everything in the root directories", "QRadioButton", window=wizard)
        used.click("Next", "QPushButton", window=wizard)
        counted = wait_said(used, "8 paths on localhost: 5 create · 1 overwrite", window=wizard)
        assert "1 delete" in counted, counted
        rows = used.rows("What changes", window=wizard)
        assert [row["cells"][0] for row in rows if row["depth"] == 1] == ["d00", "d01", "added"], rows
        assert picture(site.replica) == spoilt
        click_beginning(used, "Rewind to ", window=wizard)
        wait_said(used, "localhost was rewound to good", window=wizard)
        assert picture(site.replica) == good
        used.click("Take it back", "QPushButton", window=wizard)
        wait_said(used, "Taken back: localhost is what it was before", window=wizard)
        assert picture(site.replica) == spoilt
        used.click("Close", "QPushButton", window=wizard)
        used.wait_window("Arcxo")
        used.wait(lambda: replica_files(used) == "9", "the files of the replica to be counted anew")
    site.arcxo.text("scenario", "run", "Papers")
    site.in_sync()
    assert without_folder_times(picture(site.master)) == without_folder_times(picture(site.replica))


def replica_files(used: Console) -> str:
    """How many files the tree shows for the replica."""
    rows = used.rows("Scenarios")
    return next((row["cells"][3] for row in rows if row["depth"] == 3), "")


def mark_of(used: Console, text: str) -> Seen | None:
    """Where the timeline shows the mark with this text."""
    found = (mark for seen in used.ask("look")["widgets"] for mark in seen.get("marks", ()))
    return next((mark for mark in found if mark["text"] == text), None)


def test_held_removals_are_brought_back_in_one_folder_and_accepted_elsewhere(site: Site) -> None:
    site.begin(folders=20, files=100)
    before = picture(site.master)
    for folder in range(12):
        shutil.rmtree(site.master / f"d{folder:02}")
    dialog, held = "Safety brake: Papers", "What the safety brake holds"
    with console(site.arcxo.home, site.place / "console.log") as used:
        open_manager(used)
        wait_scenario(used, "Braked")
        wait_said(used, "The safety brake holds the replicas of Papers")
        used.click("Review…", "QPushButton", window="Arcxo")
        used.wait_window(dialog)
        used.wait(lambda: all_counted(used, dialog), "all removals to be held")
        assert without_folder_times(picture(site.replica)) == without_folder_times(before)
        used.click_at(used.row(held, "d07", window=dialog)["place"])
        click_beginning(used, "Bring selected back…", window=dialog)
        used.click("Bring back", "QPushButton")
        wait_said(used, "101 changes rejected, 101 brought back", window=dialog)
        assert under(picture(site.master), b"d07") == under(before, b"d07")
        assert without_folder_times(picture(site.replica)) == without_folder_times(before)
        click_beginning(used, "Accept all…", window=dialog)
        used.click("Accept", "QPushButton")
        used.wait_window("Arcxo")
        wait_scenario(used, "Replicating")
        used.wait(
            lambda: not used.widgets("Label", "The safety brake holds the replicas of Papers"),
            "the banner to go",
        )
        site.in_sync()
        kept = {f"d{folder:02}" for folder in (7, *range(12, 20))}
        assert {path.name for path in site.replica.glob("d*")} == kept
        assert {path.name for path in site.master.glob("d*")} == kept
        (site.master / "later").write_text("later")
        site.in_sync()
    assert (site.replica / "later").read_text() == "later"
    assert without_folder_times(picture(site.master)) == without_folder_times(picture(site.replica))


def all_counted(used: Console, dialog: str) -> bool:
    """Whether the review counts all that was removed."""
    return any("1,200 files removed, 12" in seen["text"] for seen in used.widgets("Label", window=dialog))


def under(found: dict[bytes, tuple[object, ...]], name: bytes) -> dict[bytes, tuple[object, ...]]:
    """What of a picture is in that folder."""
    return {path: entry for path, entry in found.items() if path.startswith(name + b"/")}


def test_a_host_with_another_password_is_not_authorized_until_the_right_one_is_given(
    site: Site, tmp_path: Path
) -> None:
    branch = Arcxo(tmp_path / "branch")
    told = branch.json("agent", "init", "--password-stdin", given="of the branch\n")
    address = spawn_agent(str(branch.home)).address
    try:
        given = ("--user", "caroot", "--password-stdin", "--fingerprint", str(told["fingerprint"]))
        site.arcxo.text("host", "add", "branch", address, *given, given="of the branch\n")
        site.begin(host="branch")
        with console(site.arcxo.home, site.place / "console.log") as used:
            open_manager(used)
            wait_scenario(used, "Replicating")
            branch.text("account", "add", "caroot", "--password-stdin", given="another one\n")
            # Who is logged in stays so for some minutes, but not over the end of the agent.
            stop_agent(str(branch.home))
            spawn_agent(str(branch.home), address)
            wait_scenario(used, "Not authorized")
            (site.master / "meanwhile").write_text("replicated all the same")
            until((site.replica / "meanwhile").exists, "the replica to follow without the console")
            used.click("Hosts", "NavigationButton")
            used.click_at(used.row("Hosts", "branch")["place"])
            used.wait(lambda: "Not authorized" in used.row("Hosts", "branch")["cells"], "the host to refuse")
            login = "Log-in of branch"
            used.click("Change log-in", "QToolButton")
            used.wait_window(login)
            used.fill("Password", "of the branch", window=login)
            used.keys("Return")
            wait_fault(used, login)
            used.fill("Password", "another one", window=login)
            used.keys("Return")
            used.wait_window("Arcxo")
            used.wait(lambda: "Connected" in used.row("Hosts", "branch")["cells"], "the host to answer")
            used.keys("ctrl+4")
            wait_scenario(used, "Replicating", timeout_s=10)
        site.in_sync()
    finally:
        stop_agent(str(branch.home))


def wait_fault(used: Console, window: str) -> None:
    """Until the dialog says that the log-in was refused."""
    used.wait(
        lambda: any("refused" in seen["text"] for seen in used.widgets("Label", window=window)),
        "the log-in to be refused",
    )
