import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.agent.api import ArchiveOrder, SourcePoint
from app.agent.home import AgentHome
from app.agent.point_releases import LEASE_S
from app.agent.source_points import SourcePoints
from app.backup.api import ArchiveTask, archive
from app.media.api import session_entries, sessions
from app.model.archive import ArchiveResult
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.media import Consistency
from app.model.source import DirectSource, parse_source
from tests.support.capabilities import missing
from tests.support.media_samples import Events, new_media
from tests.support.volumes import MissingCapabilityError, loop_volume, mounted_tmpfs


class Rig:
    """The sources of a home, archived into a media in this very process."""

    def __init__(self, base: Path) -> None:
        base.mkdir()
        self.home = AgentHome(str(base / "home"))
        self.media = new_media(base)
        self.points = SourcePoints(self.home)

    def begin(self, path: Path, job: int = 1, *, cross: bool = False) -> SourcePoint:
        return self.points.begin(DirectSource("hq", os.fsencode(path), cross), job)

    def task(self, point: SourcePoint, base: int = 0) -> ArchiveTask:
        order = ArchiveOrder(point.id, point.entities[0].entity, self.media, 1, 1, base_session=base)
        return self.points.archive_task(order)

    def back_up(self, path: Path, *, cross: bool = False, base: int = 0) -> tuple[ArchiveResult, Events]:
        point = self.begin(path, cross=cross)
        events = Events()
        result = archive(self.task(point, base), events, lambda: False)
        self.points.end(point.id)
        return result, events

    def files(self) -> set[str]:
        number = max(header.number for header in sessions(self.media))
        found = session_entries(self.media, number)
        return {os.fsdecode(one.path) for one in found if one.metadata.kind.value == "file"}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "rig")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "inner").mkdir(parents=True)
    (made / "one").write_text("one")
    (made / "inner/two").write_text("two")
    return made


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    try:
        with loop_volume(tmp_path, "btrfs") as made:
            yield made
    except MissingCapabilityError as error:
        missing(str(error))


def codes(events: Events) -> list[str]:
    return sorted(problem.code for problem in events.problems)


def test_a_session_says_where_it_was_read_and_how(rig: Rig, source: Path) -> None:
    point = rig.begin(source)
    archive(rig.task(point), Events(), lambda: False)
    (header,) = sessions(rig.media)
    assert (header.machine, header.replica, header.entity) == ("hq", "hq", str(source))
    assert (header.scenario_id, header.roots) == (0, (os.fsencode(source),))
    assert (header.consistency, header.snapshot_provider) == (Consistency.FUZZY, "none")
    assert rig.files() == {str(source / "one"), str(source / "inner/two")}


def test_only_what_changed_since_the_last_session_is_read(rig: Rig, source: Path) -> None:
    for name in ("one", "inner/two"):
        os.utime(source / name, (1_000_000_000, 1_000_000_000))
    first, _ = rig.back_up(source)
    assert first.new_bytes == 6
    # What changed in the seconds before a point is read again: stamps are coarse.
    (source / "one").write_text("four")
    second, events = rig.back_up(source, base=first.session)
    assert second.incremental
    assert second.new_bytes == 4
    assert [row.path for row in events.rows if row.path.endswith(b"two")] == []


def test_all_of_a_file_system_is_compared_with_its_last_session_too(rig: Rig, source: Path) -> None:
    def top(base: int = 0) -> ArchiveTask:
        task = rig.task(rig.begin(source), base)
        return replace(task, roots=(replace(task.roots[0], master_path=b"/"),))

    first = archive(top(), Events(), lambda: False)
    assert rig.files() == {"/one", "/inner/two"}
    (source / "inner/two").unlink()
    events = Events()
    second = archive(top(first.session), events, lambda: False)
    assert (second.incremental, second.new_bytes) == (True, 0)
    assert [row.path for row in events.rows if row.removed] == [b"/inner/two"]
    assert rig.files() == {"/one"}


def test_homes_media_and_side_stores_are_left_out(rig: Rig, source: Path) -> None:
    other = AgentHome(str(source / "other"))
    assert other.id
    new_media(source)
    (source / ".arcxo-0123").mkdir()
    (source / ".arcxo-0123/temporary").write_text("x")
    (source / ".arcxo-replaced-1").mkdir()
    (source / ".arcxo-replaced-1/kept").write_text("of people")
    result, events = rig.back_up(source)
    assert codes(events) == ["I4272"] * 3
    assert result.problems == 0
    names = {"one", "inner/two", ".arcxo-replaced-1/kept"}
    assert rig.files() == {str(source / name) for name in names}
    for inside in (source / "other", source / "other/engine"):
        with pytest.raises(UsageError, match="AE1065"):
            rig.begin(inside)


def test_what_is_gone_when_it_is_its_turn_is_not_there(rig: Rig, source: Path) -> None:
    point = rig.begin(source)
    events = Events()

    def canceled() -> bool:
        (source / "one").unlink(missing_ok=True)
        return False

    for number in range(40):
        (source / f"many-{number}").write_text("x")
    assert archive(rig.task(point), events, canceled).problems == 0
    assert str(source / "one") not in rig.files()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"relative/path", "AE1060"),
        (b"/a/../b", "AE1060"),
        (b"/no\0name", "AE1060"),
        (b"", "AE1060"),
        (b"/there/is/nothing", "AE1061"),
        (b"/proc", "AE1064"),
        (b"/sys/kernel", "AE1064"),
    ],
)
def test_what_cannot_be_a_source_is_refused(rig: Rig, path: bytes, code: str) -> None:
    with pytest.raises(ArcxoError, match=code):
        rig.points.begin(DirectSource("hq", path), 1)


def test_files_links_and_other_things_are_refused_by_name(rig: Rig, source: Path) -> None:
    (source / "link").symlink_to("inner")
    os.mkfifo(source / "pipe")
    for name, kind in {"one": "a file", "link": "a symbolic link to inner", "pipe": "something else"}.items():
        with pytest.raises(UsageError, match="AE1062") as refused:
            rig.begin(source / name)
        assert refused.value.params["kind"] == kind


def test_a_directory_that_may_not_be_read_is_refused(
    rig: Rig, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.agent.source_places.os.scandir", refuse)
    with pytest.raises(ArcxoError, match="AE1063"):
        rig.begin(source)


def test_an_order_of_a_point_that_is_not_there_is_refused(rig: Rig, source: Path) -> None:
    point = rig.begin(source)
    with pytest.raises(NotFoundError, match="AE1024"):
        rig.points.archive_task(ArchiveOrder(point.id, "/other", rig.media, 1, 1))
    rig.points.end(point.id)
    rig.points.end(point.id)
    with pytest.raises(NotFoundError, match="AE1024"):
        rig.task(point)


def test_a_job_that_begins_again_leaves_one_point(rig: Rig, source: Path) -> None:
    first = rig.begin(source, job=7)
    second = rig.begin(source, job=7)
    assert first.id not in rig.points
    assert second.id in rig.points


@pytest.mark.needs_root
def test_other_file_systems_are_left_out_or_taken_by_choice(rig: Rig, source: Path) -> None:
    mounted = source / "mounted"
    mounted.mkdir()
    with mounted_tmpfs(mounted):
        (mounted / "three").write_text("three")
        own = {str(source / "one"), str(source / "inner/two")}
        assert codes(rig.back_up(source)[1]) == ["I4270"]
        assert rig.files() == own
        assert codes(rig.back_up(source, cross=True)[1]) == []
        assert rig.files() == {*own, str(mounted / "three")}
        proc = source / "proc"
        proc.mkdir()
        subprocess.run(["mount", "-t", "proc", "proc", str(proc)], check=True)
        try:
            assert codes(rig.back_up(source, cross=True)[1]) == ["I4271"]
        finally:
            subprocess.run(["umount", str(proc)], check=True)


@pytest.mark.needs_root
def test_a_volume_that_can_is_frozen_first(rig: Rig, volume: Path) -> None:
    source = volume / "source"
    source.mkdir()
    (source / "file").write_text("as it was")
    subprocess.run(["btrfs", "subvolume", "create", str(source / "inner")], check=True, capture_output=True)
    (source / "inner/beneath").write_text("of another subvolume")
    point = rig.begin(source)
    (source / "file").write_text("later, and longer")
    (source / "new").write_text("later")
    events = Events()
    archive(rig.task(point), events, lambda: False)
    (header,) = sessions(rig.media)
    assert (header.consistency, header.snapshot_provider) == (Consistency.CRASH, "btrfs")
    assert header.size_bytes == len("as it was")
    assert codes(events) == ["I4270"]
    rig.points.end(point.id)
    assert sorted(os.listdir(volume)) == ["source"]
    assert os.listdir(rig.home.directory("sources")) == []


@pytest.mark.needs_root
def test_a_whole_volume_keeps_its_snapshot_out_of_the_backup(rig: Rig, volume: Path) -> None:
    (volume / "file").write_text("text")
    first, events = rig.back_up(volume)
    assert codes(events) == ["I4272"]
    assert rig.files() == {str(volume / "file")}
    second, _ = rig.back_up(volume, base=first.session)
    assert second.incremental
    assert os.listdir(volume) == ["file"]


@pytest.mark.needs_root
def test_a_source_with_other_subvolumes_is_read_as_it_is_when_they_are_wanted(rig: Rig, volume: Path) -> None:
    subprocess.run(["btrfs", "subvolume", "create", str(volume / "inner")], check=True, capture_output=True)
    (volume / "inner/beneath").write_text("wanted")
    rig.back_up(volume, cross=True)
    (header,) = sessions(rig.media)
    assert header.consistency is Consistency.FUZZY
    assert rig.files() == {str(volume / "inner/beneath")}


@pytest.mark.needs_root
def test_what_a_killed_agent_left_is_released_at_the_next_start(rig: Rig, volume: Path) -> None:
    (volume / "file").write_text("text")
    rig.begin(volume)
    assert len(os.listdir(volume)) == 2
    directory = rig.home.directory("sources")
    Path(directory, "cut.new").write_text("{")
    SourcePoints(rig.home).release_abandoned()
    assert os.listdir(volume) == ["file"]
    assert os.listdir(directory) == []


@pytest.mark.needs_root
def test_a_snapshot_goes_minutes_after_its_server_was_last_heard(
    rig: Rig, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.agent.source_points.time.monotonic", lambda: now[0])
    (volume / "file").write_text("text")
    point = rig.begin(volume)
    rig.points.touch(point.id, renewed=True)
    now[0] += LEASE_S - 1
    rig.points.touch(point.id)
    now[0] += LEASE_S - 1
    rig.points.tend()
    assert point.id in rig.points
    now[0] += 2
    rig.points.tend()
    assert point.id not in rig.points
    assert os.listdir(volume) == ["file"]
    assert os.listdir(rig.home.directory("sources")) == []


def test_sources_are_written_as_host_and_path() -> None:
    assert parse_source(b"hq:/srv/data/") == ("hq", b"/srv/data")
    assert parse_source(b"hq:/") == ("hq", b"/")
    assert parse_source(b"hq:/with:colon") == ("hq", b"/with:colon")
    for text in (b"/srv", b":/srv", b"hq", b"hq:", b"a/b:/srv", b"hq:srv"):
        with pytest.raises(UsageError):
            parse_source(text)


def times(*directories: Path) -> list[int]:
    return [one.stat().st_mtime_ns for one in directories]


def test_a_backup_leaves_a_directory_and_those_above_the_times_they_had(rig: Rig, source: Path) -> None:
    directories = (source, source / "inner", source.parent)
    for one in directories:
        os.utime(one, (1_000_000_000, 1_000_000_000))
    rig.back_up(source)
    assert times(*directories) == [1_000_000_000 * 10**9] * 3


@pytest.mark.needs_root
def test_a_whole_volume_keeps_its_time_though_its_snapshot_lies_in_it(rig: Rig, volume: Path) -> None:
    (volume / "one").write_text("one")
    os.utime(volume, (1_000_000_000, 1_000_000_000))
    _, events = rig.back_up(volume)
    assert codes(events) == ["I4272"]  # our own area is left out
    assert times(volume) == [1_000_000_000 * 10**9]
