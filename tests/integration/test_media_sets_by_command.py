"""The story of media sets by command: spanning real volumes through the agent, a killed server, a rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair, log_of
from tests.support.capabilities import volume_or_report
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.needs_root, pytest.mark.deep, pytest.mark.xdist_group("media-sets")]
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def arcxo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arcxo]:
    place = tmp_path_factory.mktemp("media-sets")
    (place / "master").mkdir()
    for number in range(9):
        (place / "master" / f"f{number}").write_bytes(os.urandom(4 * MEGABYTE))
    with contextlib.ExitStack() as stack:
        for name in ("one", "two"):
            (place / name).mkdir()
            volume = stack.enter_context(volume_or_report(place / name, "ext4", 28))
            (place / f"disk-{name}").symlink_to(volume)
        yield stack.enter_context(running_home(place))


def test_a_set_on_two_volumes_is_restored_renamed_and_erased_across_a_kill(
    arcxo: Arcxo, tmp_path: Path
) -> None:
    place = arcxo.home.parent
    pair = Pair(arcxo, "files", place / "master", place / "replica")
    pair.run()
    for name in ("one", "two"):
        disk = os.path.realpath(place / f"disk-{name}")
        assert arcxo.json("device", "add", disk, "--name", name, "--group", "SPAN")["identity"]
    backup = ("backup", "--scenario", "files", "--group", "SPAN", "--media", "M", "--wait")
    job = arcxo.json(*backup)
    assert job["last_result"] == "finished", log_of(arcxo, job)
    media = [one for one in arcxo.json("media", "list") if one["name"] == "M"]
    assert [(one["sequence"], one["device"]) for one in media] in (
        [(1, "one"), (2, "two")],
        [(1, "two"), (2, "one")],
    )
    (session,) = arcxo.json("session", "list", "M")
    number = str(session["number"])
    restore = ("restore", "session", session["media_serial"], number, "--structure", "none", "--wait")
    arcxo.text(*restore, "--path", str(place / "master"), "--to", str(tmp_path / "all"))
    restored = tmp_path / "all"
    restored = restored / "master" if (restored / "master").exists() else restored
    assert_identical(place / "master", restored)
    # A change is written to what has room, and builds on the session of the set.
    (place / "master" / "f0").write_bytes(os.urandom(MEGABYTE))
    arcxo.wait("files", "in-sync")
    arcxo.text(*backup)
    newest = max(arcxo.json("session", "list"), key=lambda one: one["number"])
    assert (newest["number"], newest["new_bytes"] < 2 * MEGABYTE) == (session["number"] + 1, True)
    assert arcxo.json("media", "verify", "M", "--full", "--wait")["last_result"] == "finished"
    assert arcxo.json("media", "rename", "M", "N", "--wait")["last_result"] == "finished"
    assert {one["media_name"] for one in arcxo.json("session", "list")} == {"N"}
    plan = arcxo.json("media", "erase", "N", "--plan")
    assert (len(plan["media"]), len(plan["sessions"]), plan["refused"]) == (2, 2, "")
    arcxo.text("media", "erase", "N", expect=2)
    # Protected, it is refused; then a server that is killed while it erases leaves nothing to anybody.
    arcxo.text("media", "expire", "N", "30d", "--wait")
    assert "E5201" in arcxo.text("media", "erase", "N", "--yes", expect=1)
    arcxo.text("media", "expire", "N", "now", "--wait")
    arcxo.text("media", "erase", "N", "--yes")
    arcxo.kill(arcxo.json("server", "status")["pid"])
    arcxo.start()
    for job in arcxo.json("job", "list"):
        if job["kind"] == "media_erase" and job["status"] != "done":
            arcxo.text("job", "wait", str(job["id"]))
    until(lambda: _is_gone_or_whole(arcxo), "the erasing to be finished or not begun")
    if any(one["name"] == "N" for one in arcxo.json("media", "list")):
        arcxo.text("media", "erase", "N", "--yes", "--wait")
    for name in ("one", "two"):
        left = {path.name for path in (place / f"disk-{name}").iterdir()} - {"lost+found"}
        assert left == {".arcxo-device"}
    assert arcxo.json("session", "list") == []
    shutil.rmtree(tmp_path / "all")


def _is_gone_or_whole(arcxo: Arcxo) -> bool:
    return len([one for one in arcxo.json("media", "list") if one["name"] == "N"]) in (0, 2)
