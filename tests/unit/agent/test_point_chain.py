"""Kept points cost what changed, and each can be had whole whatever became of those before it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.agent import point_chain, point_files, point_releases
from app.agent.api import ArchiveOrder
from app.agent.point_chain import kept_of
from app.agent.point_files import SavedPoint
from app.model.errors import ArcxoError
from app.snapshot import comparing
from app.snapshot.rolling import read_changes
from tests.support.faults import Cut, CutAt
from tests.unit.agent.test_backup_points import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path, keep=3)
    for name in ("a/b/one", "a/two", "c/three"):
        path = host.tree.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    yield host
    host.events.close()


def kept(host: Host) -> list[SavedPoint]:
    return kept_of(point_files.PointFiles(host.home.directory("points")).all())


def contents(root: Path | bytes) -> dict[bytes, bytes]:
    """Every file with what is in it, and every directory."""
    found = {}
    top = os.fsencode(root)
    for directory, names, files in os.walk(top):
        for name in names:
            found[os.path.relpath(os.path.join(directory, name), top)] = b"<directory>"
        for name in files:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = file.read()
    return found


def whole(point: SavedPoint, points: list[SavedPoint]) -> dict[bytes, bytes]:
    """What a kept point stands for: the state of its base with its own changes put over it."""
    snapshot = point.roots[0].snapshot
    if point.whole:
        return contents(snapshot.path)
    state = whole(next(one for one in points if one.id == point.base), points)
    own = contents(snapshot.path)
    for change in read_changes(snapshot):
        if not change.path:
            continue  # the root itself, which is there
        stays = change.there and not change.deep and own[change.path] == b"<directory>"
        for path in list(state):
            if path == change.path or (path.startswith(change.path + b"/") and not stays):
                del state[path]
        if change.there:
            state[change.path] = own[change.path]
            if change.deep:
                state |= {path: own[path] for path in own if path.startswith(change.path + b"/")}
    return state


def replace_file(host: Host, name: str, text: str) -> None:
    path = host.tree.root / name
    path.unlink(missing_ok=True)
    path.write_text(text)
    host.tree.stamp(os.fsencode(name))


def churn(host: Host, chooser: random.Random) -> None:
    """A few changes of every kind, stamped as the applier stamps them."""
    root = host.tree.root
    for _ in range(chooser.randrange(1, 5)):
        name = chooser.choice(["a", "c", "d"])
        path = root / name
        match chooser.randrange(5):
            case 0:
                replace_file(host, f"file-{chooser.randrange(4)}", str(chooser.random()))
            case 1 if path.is_dir():
                shutil.rmtree(path)
                host.tree.stamp(os.fsencode(name), "removed")
            case 2 if not path.exists():
                (path / "inner").mkdir(parents=True)
                (path / "inner/new").write_text(str(chooser.random()))
                host.tree.stamp(os.fsencode(name), "subtree")
            case 3 if path.is_dir():
                os.chmod(path, 0o700 | chooser.randrange(0o70))
                host.tree.stamp(os.fsencode(name))
                replace_file(host, f"{name}/more", str(chooser.random()))
            case 4 if path.is_dir():
                shutil.rmtree(path)
                path.write_text("a file now")
                host.tree.stamp(os.fsencode(name), "subtree")
            case _:
                replace_file(host, "file", str(chooser.random()))


def keep_state(host: Host, job: int) -> dict[bytes, bytes]:
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), job, 1)
    host.points.end(point.id, keep=True)
    return contents(host.tree.root)


def test_a_point_after_a_kept_one_freezes_only_what_changed(host: Host) -> None:
    keep_state(host, 1)
    replace_file(host, "a/two", "changed")
    keep_state(host, 2)
    first, second = kept(host)
    assert first.whole
    assert second.base == first.id
    assert contents(second.roots[0].snapshot.path) == {b"a": b"<directory>", b"a/two": b"changed"}


@pytest.mark.parametrize("seed", range(8))
def test_every_kept_point_is_the_state_it_was_made_of(host: Host, seed: int) -> None:
    chooser = random.Random(seed)
    states = []
    for job in range(1, 9):
        churn(host, chooser)
        states.append(keep_state(host, job))
        host.points.releases.tend()
        points = kept(host)
        assert [whole(point, points) for point in points] == states[-3:]
        host.snapshots()  # nothing lies there that no point knows of


@pytest.mark.slow
def test_giving_up_the_oldest_survives_a_death_at_every_write(tmp_path: Path) -> None:
    at = 0
    while True:
        at += 1
        (tmp_path / str(at)).mkdir()
        host = Host(tmp_path / str(at), keep=2)
        chooser = random.Random(3)
        states = []
        for job in (1, 2, 3):
            churn(host, chooser)
            states.append(keep_state(host, job))
        cut = CutAt(at)
        with cut, contextlib.suppress(Cut):
            host.points.releases.tend()
        host.points = host.start()
        host.points.releases.release_abandoned()
        host.points.releases.tend()
        points = kept(host)
        assert [whole(point, points) for point in points] == states[1:], cut.trace
        host.snapshots()
        host.events.close()
        if not cut.happened:
            break
    assert at > 10


def test_a_job_that_begins_again_gets_everything(host: Host) -> None:
    keep_state(host, 1)
    replace_file(host, "file", "changed")
    small = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 2, 1)
    with pytest.raises(ArcxoError) as raised:
        host.points.archive_task(ArchiveOrder(small.id, "/", "/no-media", 2, 1))
    assert raised.value.code == "AE1051"
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 2, 1)
    assert contents(point.entities[0].roots[0][1]) == contents(host.tree.root)


def test_without_change_numbers_a_point_holds_what_differs_from_the_kept_one(host: Host) -> None:
    keep_state(host, 1)
    replace_file(host, "a/two", "changed")
    host.tree.incarnation = "two"
    state = keep_state(host, 2)
    first, second = kept(host)
    assert (second.base, second.against) == (first.id, (first.incarnation, first.change))
    assert contents(second.roots[0].snapshot.path) == {
        b"a": b"<directory>",
        b"a/two": b"changed",
    }
    assert whole(second, [first, second]) == state


def test_of_a_file_with_several_names_all_are_in_a_compared_point(host: Host) -> None:
    root = host.tree.root
    os.link(root / "a/two", root / "two-again")
    os.link(root / "a/b/one", root / "c/one-again")
    keep_state(host, 1)
    (root / "a/b").rename(root / "elsewhere")  # changes no stamp of what is in it
    host.tree.incarnation = "two"
    state = keep_state(host, 2)
    points = kept(host)
    listed = {change.path for change in read_changes(points[1].roots[0].snapshot)}
    assert listed >= {b"a/two", b"two-again", b"elsewhere", b"c/one-again"}
    assert whole(points[1], points) == state


def test_a_point_that_was_compared_is_for_what_it_was_compared_with(host: Host) -> None:
    keep_state(host, 1)
    first = kept(host)[0]
    host.tree.incarnation = "two"
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 2, 1)
    for base in (("two", first.change), (first.incarnation, first.change + 1)):
        order = ArchiveOrder(point.id, "/", "/no-media", 2, 1, 1, *base)
        with pytest.raises(ArcxoError, match="AE1051"):
            host.points.archive_task(order)


@pytest.mark.parametrize("seed", range(8))
def test_points_are_right_where_change_numbers_are_lost_now_and_then(host: Host, seed: int) -> None:
    chooser = random.Random(100 + seed)
    states = []
    for job in range(1, 11):
        churn(host, chooser)
        if chooser.random() < 0.6:
            host.tree.incarnation = f"of job {job}"
        states.append(keep_state(host, job))
        host.points.releases.tend()
        points = kept(host)
        assert [whole(point, points) for point in points] == states[-3:]
        assert sum(point.whole for point in points) == 1
        host.snapshots()  # nothing lies there that no point knows of


@pytest.mark.parametrize("harm", ["manifest", "changes", "everything differs"])
def test_what_cannot_be_compared_is_frozen_whole(
    host: Host, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    keep_state(host, 1)
    replace_file(host, "a/two", "changed")
    keep_state(host, 2)
    first, second = (one.roots[0].snapshot for one in kept(host))
    if harm == "manifest":
        assert first.manifest is not None
        Path(os.fsdecode(first.manifest)).write_bytes(b"nothing of the kind")
    elif harm == "changes":
        Path(os.fsdecode(second.container), "changes").write_bytes(b"nothing of the kind")
    else:
        monkeypatch.setattr(comparing, "_MANY", 0)
        for path in host.tree.root.rglob("*"):
            os.utime(path)
    host.tree.incarnation = "two"
    state = keep_state(host, 3)
    newest = kept(host)[-1]
    assert newest.whole
    assert contents(newest.roots[0].snapshot.path) == state


def test_a_long_chain_begins_anew(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_chain, "LONGEST", 3)
    began_whole = []
    for job in range(1, 8):
        replace_file(host, "file", str(job))
        keep_state(host, job)
        began_whole.append(kept(host)[-1].whole)
        host.points.releases.tend()
    assert began_whole == [True, False, False, False, True, False, False]


def test_a_point_whose_base_was_given_up_is_not_kept(host: Host) -> None:
    keep_state(host, 1)
    replace_file(host, "file", "changed")
    point = host.points.begin(host.scenario, "localhost", (("/", (0,)),), 2, 1)
    host.full = True
    host.points.releases.tend()
    host.points.end(point.id, keep=True)
    assert kept(host) == []
    assert host.snapshots() == set()


def test_taking_over_that_fails_is_told_and_done_later(
    host: Host, monkeypatch: pytest.MonkeyPatch, expected_log: Callable[[str], None]
) -> None:
    expected_log("could not be released")
    states = []
    for job in range(1, 5):
        replace_file(host, "file", str(job))
        states.append(keep_state(host, job))

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(point_releases, "take_over", refuse)
        host.points.releases.tend()
    assert host.codes() == ["AE0461"]
    host.points.releases.tend()
    points = kept(host)
    assert [whole(point, points) for point in points] == states[1:]
