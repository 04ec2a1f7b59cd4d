"""A media on a device that is read-only, full, or pulled out while it is used."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.media.api import (
    add_slot,
    collect,
    heal,
    list_slots,
    plan_purge,
    read_label,
    remove_sessions,
    sessions,
    unlock,
    verify,
)
from app.media.device import look_at_device, make_device
from app.media.extract.__main__ import main as extract
from app.model.errors import ArcxoError
from app.model.media_keys import SlotKind
from tests.support.capabilities import volume_or_report
from tests.support.media_samples import MASTER, back_up, flip, new_key, new_media, restore_to
from tests.support.trees import assert_identical

pytestmark = pytest.mark.needs_root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("one")
    (root / "sub/two").write_bytes(os.urandom(400_000))
    return root


def test_a_read_only_media_is_listed_checked_and_restored_and_refuses_the_rest(
    tmp_path: Path, source: Path
) -> None:
    with volume_or_report(tmp_path, "ext4", 16) as volume:
        media = new_media(volume)
        key = new_key(media, "secret")
        back_up(media, source, key=key)
        subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
        before = picture(media)
        assert read_label(media).name == "M1"
        assert unlock(media, "secret").data_key == key.data_key
        assert len(list_slots(media)) == 1
        assert [one.number for one in sessions(media)] == [1]
        for full in (False, True):
            assert verify(media, full=full, data_keys=(key.data_key,)).damage == ()
        assert plan_purge(media, [1]).frees_bytes > 400_000
        restore_to(media, tmp_path / "out", 1, key=key)
        assert_identical(source, tmp_path / "out")
        password = tmp_path / "password"
        password.write_text("secret\n")
        assert extract([media, "1", str(tmp_path / "lone"), "--password-file", str(password)]) == 0
        assert_identical(source, tmp_path / "lone" / os.fsdecode(MASTER).lstrip("/"))
        damage = verify(media, full=True).damage
        refused: list[Callable[[], object]] = [
            lambda: back_up(media, source, base=1, key=key),
            lambda: remove_sessions(media, [1]),
            lambda: add_slot(media, key, "another", SlotKind.PASSWORD),
        ]
        for work in refused:
            with pytest.raises(ArcxoError) as told:
                work()
            assert told.value.code == "E4142", told.value
            assert "Read-only" in told.value.params["reason"]
        assert heal(media, damage).healed == ()
        assert collect(media).freed_bytes == 0
        assert picture(media) == before


def test_a_copy_of_media_on_a_read_only_disk_is_a_device_that_is_never_mistaken(
    tmp_path: Path, source: Path
) -> None:
    first, second = (new_media(tmp_path / name, name) for name in ("one", "two"))
    back_up(first, source)
    with volume_or_report(tmp_path, "ext4", 16) as volume:
        subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
        with pytest.raises(ArcxoError, match="E4163"):
            make_device("EMPTY", str(volume))
        subprocess.run(["mount", "-o", "remount,rw", str(volume)], check=True)
        shutil.copytree(first, volume / "copied")
        subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
        identity = make_device("COPY", str(volume))
        assert read_label(first).serial in identity
        state = look_at_device("COPY", str(volume), identity)
        assert (state.readable, state.writable) == (True, False)
        place = str(volume)
    # What is there while the disk is not mounted, or another one is, is not the device.
    Path(place).mkdir(exist_ok=True)
    assert look_at_device("COPY", place, identity).fault.code == "E4165"
    shutil.copytree(second, Path(place) / "copied")
    assert look_at_device("COPY", place, identity).fault.code == "E4165"


def picture(media: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(media)): path.read_bytes() for path in Path(media).rglob("*") if path.is_file()
    }


def test_a_media_that_goes_away_while_it_is_used_loses_no_committed_session(
    tmp_path: Path, source: Path
) -> None:
    """The device is unplugged: its directory is there, and empty."""
    with volume_or_report(tmp_path, "ext4", 24) as volume:
        media = new_media(volume)
        back_up(media, source)
        (source / "large").write_bytes(os.urandom(2_000_000))
        gone: list[bool] = []

        def unplug() -> bool:
            if not gone:
                gone.append(True)
                subprocess.run(["umount", "-l", str(volume)], check=True)
            return False

        from app.backup.api import archive
        from tests.support.media_samples import archive_task

        with pytest.raises(ArcxoError) as told:
            archive(archive_task(media, source, base=1), lambda _: None, unplug)
        assert told.value.code in ("E4142", "E4105", "E4146", "E4121", "E4202"), told.value
        # Nothing is made in the empty directory, and nothing taken for deletable.
        with pytest.raises(ArcxoError):
            collect(media)
        with pytest.raises(ArcxoError):
            read_label(media)
        image = next(tmp_path.glob("*.img"))
        subprocess.run(["mount", "-o", "loop", str(image), str(volume)], check=True)
        assert [one.number for one in sessions(media)] == [1]
        assert [one for one in verify(media, full=True).damage if one.sessions] == []
        result, _ = back_up(media, source, base=1)
        restore_to(media, tmp_path / "out", result.session)
        assert_identical(source, tmp_path / "out")


def test_on_a_full_disk_sessions_are_purged_and_room_comes_back(tmp_path: Path, source: Path) -> None:
    with volume_or_report(tmp_path, "ext4", 24) as volume:
        media = new_media(volume)
        for number in range(4):
            (source / "sub/two").write_bytes(os.urandom(1_500_000))
            back_up(media, source, base=number)
        with (volume / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
            except OSError:
                pass
        (source / "sub/two").write_bytes(os.urandom(1_500_000))
        with pytest.raises(ArcxoError, match="E4141"):
            back_up(media, source, base=4)
        before = shutil.disk_usage(volume).free
        remove_sessions(media, [1, 2])
        report = collect(media)
        # What a pack that is written anew takes is counted against it.
        assert report.freed_bytes > 2_500_000
        assert shutil.disk_usage(volume).free - before > 2_500_000
        result, _ = back_up(media, source, base=4)
        assert verify(media, full=True).damage == ()
        restore_to(media, tmp_path / "out", result.session)
        assert_identical(source, tmp_path / "out")


def test_damage_on_a_device_that_returns_errors_is_named(tmp_path: Path, source: Path) -> None:
    """A pack whose blocks cannot be read at all is as lost as one with other bytes."""
    media = new_media(tmp_path)
    back_up(media, source)
    pack = max(os.listdir(f"{media}/packs"), key=lambda name: os.stat(f"{media}/packs/{name}").st_size)
    path = f"{media}/packs/{pack}"
    size = os.stat(path).st_size
    flip(path, 1000)
    os.truncate(path, size - 10)
    damage = verify(media, full=False).damage
    assert [(one.object_name, one.sessions) for one in damage] == [(f"packs/{pack}", (1,))]
