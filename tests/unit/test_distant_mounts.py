"""A mount that stops answering is named, and nobody waits for it longer than once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from app import distant_mounts
from app.agent.browsing import list_directory
from app.agent.preflight import check_place
from app.distant_mounts import DistantMounts
from app.model.errors import ArcxoError
from app.model.scenario import Filters
from app.replication.master.filters import PathFilter
from app.replication.master.roots import ComparedRoot
from app.replication.master.walker import walk
from app.replication.replica.engine import ReplicaEngine
from tests.support.capabilities import missing
from tests.support.hanging_mount import HangingMount, hanging_mount
from tests.unit.agent.test_source_points import Rig, codes

pytestmark = pytest.mark.needs_root


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(distant_mounts, "PATIENCE_S", 0.15)
    return 0.15


@pytest.fixture
def tree(tmp_path: Path, patience: float) -> Iterator[tuple[Path, HangingMount]]:
    top = tmp_path / "top"
    (top / "a").mkdir(parents=True)
    (top / "dead").mkdir()
    (top / "a/near").write_text("near")
    (top / "last").write_text("last")
    try:
        with hanging_mount(top / "dead") as mount:
            yield top, mount
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")


def walked(top: Path) -> tuple[list[bytes], dict[bytes, str]]:
    root = ComparedRoot(0, os.fsencode(top))
    root.identify()
    told: dict[bytes, str] = {}
    found = [
        path
        for path, _ in walk(
            root, PathFilter(Filters()), lambda path, error: told.update({path: str(error.strerror)})
        )
    ]
    return found, told


def test_mounts_are_known_as_they_come_and_go(tmp_path: Path) -> None:
    mounts = DistantMounts()
    place = tmp_path / "with space"
    place.mkdir()
    inside = os.fsencode(place / "x")
    assert mounts.place_of(inside) is None
    try:
        with hanging_mount(place):
            assert mounts.place_of(inside) == os.fsencode(place)
            assert mounts.place_of(os.fsencode(place) + b"-not") is None
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")
    assert mounts.place_of(inside) is None


def test_a_silent_mount_costs_the_patience_once_and_is_asked_again_when_it_answers(
    tree: tuple[Path, HangingMount], patience: float
) -> None:
    top, mount = tree
    mounts, path = DistantMounts(), os.fsencode(top / "dead/far")
    assert mounts.lstat(path).st_size == 8
    mount.stop()
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(TimeoutError, match="dead does not answer"):
            mounts.lstat(path)
    assert patience <= time.monotonic() - began < 10 * patience
    mount.go_on()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert mounts.lstat(path).st_size == 8
            break
        except TimeoutError:
            assert time.monotonic() < deadline


def test_a_walk_names_a_silent_mount_and_goes_on(tree: tuple[Path, HangingMount]) -> None:
    top, mount = tree
    everything = [b"", b"a", b"a/near", b"dead", b"dead/far", b"last"]
    assert walked(top) == (everything, {})
    mount.stop()
    found, told = walked(top)
    assert found == [b"", b"a", b"a/near", b"last"]
    assert list(told) == [b"dead"]
    assert "does not answer" in told[b"dead"]
    mount.go_on()


def test_browsing_shows_a_silent_mount_as_one_that_cannot_be_read(tree: tuple[Path, HangingMount]) -> None:
    top, mount = tree
    mount.stop()
    shown = {one.name: one.readable for one in list_directory(os.fsencode(top))}
    assert shown == {b"a": True, b"dead": False, b"last": True}
    with pytest.raises(ArcxoError, match="AE1021") as refused:
        list_directory(os.fsencode(top / "dead"))
    assert "does not answer" in refused.value.params["reason"]
    mount.go_on()


def test_preflight_names_a_place_that_does_not_answer(tree: tuple[Path, HangingMount]) -> None:
    top, mount = tree
    mount.stop()
    (line,) = check_place(cast("ReplicaEngine", None), os.fsencode(top / "dead"))
    assert (line.outcome.value, line.code) == ("error", "AE1042")
    mount.go_on()


@pytest.mark.parametrize("cross", [False, True])
def test_a_backup_leaves_a_silent_mount_out_and_says_so(
    tree: tuple[Path, HangingMount], tmp_path: Path, cross: bool
) -> None:
    top, mount = tree
    rig = Rig(tmp_path / "rig")
    rig.back_up(top, cross=True)
    mount.stop()
    _, events = rig.back_up(top, cross=cross)
    assert codes(events) == (["E4211"] if cross else ["I4270"])
    assert {name.rpartition("/")[2] for name in rig.files()} == {"near", "last"}
    with pytest.raises(ArcxoError, match="AE1063"):
        rig.begin(top / "dead")
    mount.go_on()
