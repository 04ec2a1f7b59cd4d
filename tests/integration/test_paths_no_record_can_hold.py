"""What is on a master root and no record can hold is refused by itself; all the rest is replicated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import distant_mounts
from app.model.scenario import ScenarioState
from app.replication.master import sweeps
from tests.support.capabilities import missing
from tests.support.odd_mount import OddMount, odd_mount
from tests.support.replication_pair import Pair, until

pytestmark = [pytest.mark.needs_root]

LONG = b"long " * 60
"""300 bytes, as file systems from elsewhere take them."""


@pytest.fixture(params=["as of this machine", "as of another one"])
def odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[OddMount]:
    """A file system at the master root. What comes over /dev/fuse counts as far away: read otherwise."""
    if request.param == "as of this machine":
        monkeypatch.setattr(distant_mounts.distant, "places", tuple)
    monkeypatch.setattr(sweeps, "MINUTE_S", 0.03)
    place = tmp_path / "master"
    place.mkdir()
    try:
        with odd_mount(place) as mount:
            mount.put(b"near", "near")
            yield mount
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")


@pytest.fixture
def pair(tmp_path: Path, odd: OddMount) -> Iterator[Pair]:
    (tmp_path / "base").mkdir()
    pair = Pair(tmp_path / "base", odd.place)
    yield pair
    pair.close()


def refused(pair: Pair, lacking: tuple[bytes, ...] = ()) -> dict[bytes, str]:
    """What is told of as refused: the path beneath the root, and why.

    `lacking`: what may lack attributes on the replica, whose file system has no room for so many.
    """
    status = pair.engine.status(pair.id)
    assert status.problem_count == len(status.problems)
    top = os.fsencode(pair.master) + b"/"
    found = {one.path.removeprefix(top): one for one in status.problems}
    unset = {path for path, one in found.items() if one.code == "WR00236"}
    assert unset <= set(lacking)
    assert {found[path].code for path in found.keys() - unset} <= {"WR00232"}
    return {path: one.params["cause"] for path, one in found.items() if path not in unset}


def told(pair: Pair) -> list[str]:
    return [event.params["path"] for event in pair.events.newer_than(0) if event.code == "WR00232"]


def test_a_long_name_that_is_there_at_the_start_is_refused_and_the_rest_arrives(
    pair: Pair, odd: OddMount
) -> None:
    odd.put(LONG, "too long")
    odd.make(b"d" * 256)
    odd.put(b"d" * 256 + b"/inside", "never seen")
    odd.make(b"folder")
    odd.put(b"folder/" + LONG, "too long")
    odd.put(b"folder/other", "other")
    pair.run()
    pair.settle()
    assert sorted(path.name for path in pair.replica.rglob("*")) == ["folder", "near", "other"]
    assert (pair.replica / "folder/other").read_text() == "other"
    assert sorted(refused(pair)) == [b"d" * 256, b"folder/" + LONG, LONG]
    assert len(told(pair)) == 3
    # So it does when it begins with what was recorded, and when all is compared again.
    pair.restart_master()
    pair.settle()
    pair.engine.synchronize(pair.id, "")
    pair.settle()
    assert sorted(refused(pair)) == [b"d" * 256, b"folder/" + LONG, LONG]


def test_a_long_name_that_comes_and_goes_is_refused_until_it_is_gone(pair: Pair, odd: OddMount) -> None:
    pair.run(sweep_minutes=1)
    pair.settle()
    assert refused(pair) == {}
    odd.put(LONG, "too long")
    odd.put(b"other", "other")
    until((pair.replica / "other").exists, 10, "a name that is not too long")
    until(lambda: refused(pair), 10, "the refusal")
    assert refused(pair) == {LONG: "its name has 300 bytes, and names on a replica may have 255"}
    odd.drop(LONG)
    until(lambda: not refused(pair), 10, "the refusal to be over")
    assert pair.engine.status(pair.id).state is ScenarioState.REPLICATING
    assert told(pair) == [os.fsdecode(pair.master) + "/" + LONG.decode()]


def test_a_name_the_system_itself_does_not_take_hides_nothing_beside_it(pair: Pair, odd: OddMount) -> None:
    odd.put(b"n" * 1500, "no call takes it")
    odd.put(b"z", "behind it")
    try:
        names = os.listdir(odd.place)
    except OSError as error:
        missing(f"a listing with a name of 1500 bytes ({error})")
    if len(names) < 3:
        missing("a listing with a name of 1500 bytes")
    pair.run()
    pair.settle()
    assert (pair.replica / "z").read_text() == "behind it"
    assert list(refused(pair)) == [b"n" * 1500]


def test_a_link_to_nothing_and_too_many_attributes_are_refused(pair: Pair, odd: OddMount) -> None:
    odd.put(b"empty", link="")
    odd.put(b"link", link="near")
    odd.put(b"many", "many", attributes=1025)
    odd.put(b"some", "some", attributes=1024)
    pair.run()
    pair.settle()
    assert os.readlink(pair.replica / "link") == "near"
    assert sorted(path.name for path in pair.replica.iterdir()) == ["link", "near", "some"]
    assert sorted(refused(pair, lacking=(b"some",))) == [b"empty", b"many"]
    odd.put(b"many", "fewer", attributes=3)
    until((pair.replica / "many").exists, 30, "what has fewer attributes by now")
    assert list(refused(pair, lacking=(b"some",))) == [b"empty"]


def test_comparing_tells_what_is_refused_as_not_compared(pair: Pair, odd: OddMount) -> None:
    odd.put(LONG, "too long")
    odd.put(b"empty", link="")
    pair.run()
    pair.settle()
    report = pair.engine.difference(pair.id, "", 100, content=True)
    assert (report.figures["differences"], report.figures["unread"]) == (0, 2)


def test_what_cannot_be_recorded_any_more_stays_on_the_replica_as_it_was(pair: Pair, odd: OddMount) -> None:
    odd.put(b"many", "many", attributes=2)
    pair.run()
    pair.settle()
    pair.engine.stop(pair.id)
    odd.put(b"many", "longer", attributes=1025)
    pair.run()
    pair.settle()
    assert list(refused(pair)) == [b"many"]
    assert (pair.replica / "many").read_text() == "many"
    report = pair.engine.difference(pair.id, "", 100, content=True)
    assert (report.figures["differences"], report.figures["unread"]) == (0, 1)
