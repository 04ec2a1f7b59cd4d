"""The safety brake on real processes: held, reviewed, surviving a kill, rejected, accepted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.trees import assert_identical, without_folder_times
from tests.support.trees import picture as whole_picture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brake")]


def picture(directory: Path) -> dict[bytes, tuple[object, ...]]:
    """What is there; that a folder's time has changed is no removal, and may be sent before the first one."""
    return without_folder_times(whole_picture(directory))


@pytest.fixture
def arcxo(tmp_path: Path) -> Iterator[Arcxo]:
    for number in range(2_000):
        folder = tmp_path / "master" / f"{number // 100:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:04}").write_bytes(b"%d\n" % number * 20)
    with running_home(tmp_path) as made:
        made.text(
            "scenario", "create", "files", "--master", "localhost", "--replica", "localhost",
            "--root", f"{tmp_path / 'master'}={tmp_path / 'replica'}",
        )  # fmt: skip
        made.text("scenario", "run", "files")
        made.wait("files", "in-sync", 120)
        yield made


def _show(arcxo: Arcxo, *more: str) -> Any:
    return arcxo.json("scenario", "brake", "files", "show", *more)


def _remove(master: Path) -> None:
    for number in range(12):
        shutil.rmtree(master / f"{number:02}")


def _state(arcxo: Arcxo) -> str:
    return str(arcxo.json("scenario", "show", "files")["replicas"][0]["state"])


def _masters(arcxo: Arcxo) -> set[int]:
    return {pid for pid, command in arcxo.processes("role_main").items() if " master " in command}


def _held(arcxo: Arcxo) -> bool:
    return bool(_show(arcxo)["counts"].get("removed_files") == 1_200 and _state(arcxo) == "braked")


def test_a_mass_removal_is_held_rejected_and_accepted(arcxo: Arcxo, tmp_path: Path) -> None:
    master, replica = tmp_path / "master", tmp_path / "replica"
    before, there = picture(master), picture(replica)
    _remove(master)
    until(lambda: _held(arcxo), "the brake")
    assert picture(replica) == there
    shown = _show(arcxo, "--path", str(master / "07"), "--limit", "50")
    assert shown["counts"] == {"removed_files": 1_200, "removed_folders": 12, "undecided": 1_212}
    assert len(shown["items"]) == 50
    assert shown["truncated"]
    human = arcxo.text("scenario", "brake", "files", "show", "--limit", "3")
    assert "1,200 removed files" in human
    assert "arcxo scenario brake files accept" in human
    waits = arcxo.text("scenario", "wait", "files", "--state", "in-sync", "--timeout", "1", expect=6)
    assert "safety brake" in waits
    refused = arcxo.text("scenario", "synchronize", "files", expect=6)
    assert "safety brake" in refused

    killed = until(lambda: _masters(arcxo), "the master process")
    for pid in killed:
        arcxo.kill(pid)
    # What is asked of it while it ends is answered by AE1016.
    until(lambda: _masters(arcxo) - killed, "another master process")
    until(lambda: _held(arcxo), "the brake after a kill", 60)
    assert picture(replica) == there

    partly = arcxo.json("scenario", "brake", "files", "reject", "--path", str(master / "07"))
    assert (partly["restored"], partly["left"], partly["lifted"]) == (101, 1_111, False)
    rest = arcxo.json("scenario", "brake", "files", "reject")
    assert (rest["restored"], rest["lifted"]) == (1_111, True)
    arcxo.wait("files", "in-sync", 60)
    assert_identical(master, replica)
    after = picture(master)
    assert {path: after[path] for path in before if path} == {path: before[path] for path in before if path}

    _remove(master)
    until(lambda: _held(arcxo), "the brake again")
    assert arcxo.json("scenario", "brake", "files", "accept")["lifted"]
    arcxo.wait("files", "in-sync", 60)
    assert_identical(master, replica)
    assert len(os.listdir(replica)) == 8
    assert not _show(arcxo)["braked"]
    arcxo.text("scenario", "brake", "files", "accept", expect=6)
