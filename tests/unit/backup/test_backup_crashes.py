import contextlib
import os
import random
from pathlib import Path

import pytest

from app.backup.api import RestoreTask, archive, restore
from app.media.api import sessions, verify
from app.model.errors import ArcxoError
from tests.support.capabilities import volume_or_report
from tests.support.cuts import at_cuts_of_writes, every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.media_samples import MASTER, archive_task, back_up, new_key, new_media, restore_to
from tests.support.trees import assert_identical


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("one")
    (root / "sub/two").write_bytes(os.urandom(50_000))
    return root


def never(*_: object) -> bool:
    return False


@at_cuts_of_writes
def test_backup_cut_at_any_durable_call_leaves_a_sound_media(tmp_path, source, partial, cuts):
    trial = new_media(tmp_path, "trial")
    back_up(trial, source)
    (source / "one").write_text("changed")
    calls = durable_calls(lambda: archive(archive_task(trial, source, base=1), never, never))
    assert len(calls) > 15
    for at in cuts(calls):
        media = new_media(tmp_path, f"M{at}-{partial}")
        (source / "one").write_text("one")
        back_up(media, source)
        (source / "one").write_text("changed")
        with CutAt(at, partial=partial) as layer, pytest.raises(BaseException):  # noqa: B017
            archive(archive_task(media, source, base=1), never, never)
        assert layer.happened
        committed = len(sessions(media))
        assert committed in (1, 2)
        report = verify(media, full=True)
        assert [one for one in report.damage if one.sessions] == [], at
        result, _ = back_up(media, source, base=committed)
        restore_to(media, tmp_path / f"out{at}-{partial}", result.session)
        assert_identical(source, tmp_path / f"out{at}-{partial}")
        assert verify(media, full=True).damage == ()


def test_restore_cut_at_any_durable_call_leaves_whole_files_only(tmp_path, source):
    media = new_media(tmp_path)
    back_up(media, source)
    target = tmp_path / "out"

    def existing() -> None:
        (target / "sub").mkdir(parents=True, exist_ok=True)
        (target / "one").write_text("local")
        (target / "sub/two").write_text("local")

    existing()
    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(target)),))
    calls = durable_calls(lambda: restore(task, never, never))
    for at in every_call(calls):
        existing()
        # How many threads take part varies, and with it the number of calls: the last may not come.
        with CutAt(at, partial=True), contextlib.suppress(Cut):
            restore(task, never, never)
        for name in ("one", "sub/two"):
            assert (target / name).read_bytes() in (b"local", (source / name).read_bytes())
    restore(task, never, never)
    assert_identical(source, target)


@pytest.mark.needs_root
def test_full_disk_is_named_and_earlier_sessions_stay(tmp_path, source):
    with volume_or_report(tmp_path, "ext4", 8) as volume:
        media = new_media(volume)
        back_up(media, source)
        (source / "big").write_bytes(random.Random(1).randbytes(20 << 20))
        with pytest.raises(ArcxoError) as caught:
            archive(archive_task(media, source, base=1), never, never)
        assert caught.value.code == "E4141"
        assert [header.number for header in sessions(media)] == [1]
        assert verify(media, full=True).damage == ()
        assert os.listdir(f"{media}/tmp") == []
        (source / "big").unlink()
        back_up(media, source, base=1)
        out = volume / "out"
        restore_to(media, out, 2)
        assert_identical(source, out)


@pytest.mark.parametrize("encrypted", [False, True])
def test_flipped_bits_anywhere_in_any_object_are_found_by_a_full_check(tmp_path, source, encrypted):
    media = new_media(tmp_path)
    key = new_key(media) if encrypted else None
    back_up(media, source, key=key)
    chooser = random.Random(4)
    for directory, _, names in os.walk(media):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                sound = file.read()
            places = {0, len(sound) - 1, *(chooser.randrange(len(sound)) for _ in range(12))}
            for place in sorted(places):
                with open(path, "wb") as file:
                    file.write(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
                try:
                    damage = verify(media, full=True, data_keys=(key.data_key,) if key else ()).damage
                except ArcxoError:
                    assert name == "label", (path, place)
                else:
                    assert damage, (path, place)
            with open(path, "wb") as file:
                file.write(sound)
    assert verify(media, full=True).damage == ()


@pytest.mark.parametrize("encrypted", [False, True])
def test_damage_is_named_by_files_and_sessions_and_spares_the_rest(tmp_path, source, encrypted):
    media = new_media(tmp_path)
    key = new_key(media) if encrypted else None
    keys = (key.data_key,) if key else ()
    back_up(media, source, key=key)
    old = set(os.listdir(f"{media}/packs"))
    (source / "three").write_bytes(os.urandom(40_000))
    back_up(media, source, base=1, key=key)
    new = sorted(
        set(os.listdir(f"{media}/packs")) - old, key=lambda name: os.stat(f"{media}/packs/{name}").st_size
    )
    with open(f"{media}/packs/{new[-1]}", "r+b") as file:
        file.seek(1000)
        file.write(b"damaged")
    assert verify(media, full=False).damage == ()
    (damage,) = verify(media, full=True, data_keys=keys).damage
    assert (damage.code, damage.sessions, damage.files) == ("E4147", (2,), (MASTER + b"/three",))
    hidden = verify(media, full=True)
    assert hidden.names_hidden == encrypted
    result, events = restore_to(media, tmp_path / "out", 2, key=key)
    assert events.codes() == [("E4223", MASTER + b"/three")]
    assert result.files == 2
    assert (tmp_path / "out/sub/two").read_bytes() == (source / "sub/two").read_bytes()
    assert not (tmp_path / "out/three").exists()
    os.unlink(f"{media}/packs/{new[-1]}")
    (damage,) = verify(media, full=False, data_keys=keys).damage
    assert (damage.sessions, damage.files) == ((2,), (MASTER + b"/three",))


def test_writer_judged_dead_may_not_commit(tmp_path, source):
    media = new_media(tmp_path)

    def judge(event: object) -> None:
        for name in os.listdir(f"{media}/intents"):
            if not name.endswith(".end"):
                Path(f"{media}/intents/{name}.end").write_bytes(b"dead")

    with pytest.raises(ArcxoError) as caught:
        archive(archive_task(media, source), judge, never)
    assert caught.value.code == "E4145"
    assert sessions(media) == []


def test_pack_removed_while_the_backup_runs_stops_the_commit(tmp_path, source):
    media = new_media(tmp_path)
    back_up(media, source)

    def remove(event: object) -> None:
        for name in os.listdir(f"{media}/packs"):
            os.unlink(f"{media}/packs/{name}")

    with pytest.raises(ArcxoError) as caught:
        archive(archive_task(media, source, base=1), remove, never)
    assert caught.value.code == "E4146"
    assert len(sessions(media)) == 1
