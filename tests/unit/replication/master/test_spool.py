import contextlib
import os
import random
import shutil
import threading
import time

import pytest

from app.model.errors import ArcxoError
from app.replication.master.spool import Spool
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls


def _new(directory, **options):
    spool = Spool(str(directory), **options)
    if not spool.epoch:
        spool.reset("e" * 32)
    return spool


def _all(spool, after=0):
    found = []
    while more := spool.read(after, 100, 3):
        found += more
        after = more[-1].seq
    return found


def test_records_come_back_in_order_after_reopening(tmp_path):
    spool = _new(tmp_path, segment_bytes=500)
    records = [b"record %d " % n * 10 for n in range(50)]
    for record in records:
        spool.append([record])
        spool.sync()
    assert [r.data for r in _all(spool)] == records
    spool.close()
    again = Spool(str(tmp_path), segment_bytes=500)
    assert (again.epoch, again.last_seq) == ("e" * 32, 50)
    assert [r.data for r in _all(again, 17)] == records[17:]
    again.close()


def test_what_is_not_synced_cannot_be_read(tmp_path):
    spool = _new(tmp_path)
    spool.append([b"a"])
    assert spool.read(0, 10) == []
    assert not spool.wait_beyond(0, spool.wakes, 0.01)
    spool.sync()
    assert [r.data for r in spool.read(0, 10)] == [b"a"]
    spool.close()


@pytest.mark.parametrize("early", [False, True])
def test_a_reader_that_waits_is_woken_also_by_what_came_before_it_waited(tmp_path, early):
    spool = _new(tmp_path)
    wakes = spool.wakes
    answers = []
    readers = [
        threading.Thread(target=lambda: answers.append(spool.wait_beyond(0, wakes, 60.0))),
        threading.Thread(target=lambda: answers.append(spool.wait_woken(wakes, 60.0))),
    ]
    if early:
        spool.wake()
    for reader in readers:
        reader.start()
    if not early:
        spool.wake()
    for reader in readers:
        reader.join(20.0)
    assert answers in ([False, None], [None, False])
    spool.close()


@pytest.mark.parametrize("damage", ["cut", "flip", "zeros"])
def test_a_torn_tail_is_cut_off_and_numbers_go_on(tmp_path, damage):
    spool = _new(tmp_path)
    spool.append([b"one" * 10, b"two" * 10])
    spool.sync()
    spool.close()
    (segment,) = tmp_path.glob("*.seg")
    content = segment.read_bytes()
    if damage == "cut":
        segment.write_bytes(content[:-5])
    elif damage == "flip":
        segment.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        segment.write_bytes(content + bytes(100))
    again = Spool(str(tmp_path))
    kept = 2 if damage == "zeros" else 1
    assert again.last_seq == kept
    assert again.append([b"three"]) == kept + 1
    again.sync()
    again.close()
    assert [r.data for r in _all(Spool(str(tmp_path)))][kept:] == [b"three"]


def test_damage_in_the_middle_is_an_error_not_a_gap(tmp_path):
    spool = _new(tmp_path, segment_bytes=100)
    for n in range(9):
        spool.append([b"%d" % n * 60])
        spool.sync()
    spool.close()
    first = min(tmp_path.glob("*.seg"))
    content = bytearray(first.read_bytes())
    content[80] ^= 1
    first.write_bytes(content)
    again = Spool(str(tmp_path))
    assert again.last_seq == 9
    with pytest.raises(ArcxoError, match="ER00212"):
        _all(again)
    again.close()


def test_segments_go_when_every_replica_has_them_and_numbers_stay(tmp_path):
    spool = _new(tmp_path, segment_bytes=200)
    spool.hold_all(["a", "b"])
    for n in range(20):
        spool.append([b"%d" % n * 50])
        spool.sync()
    spool.set_position("a", 20)
    assert spool.first_seq() == 1
    spool.set_position("b", 10)
    assert 1 < spool.first_seq() <= 11
    spool.set_position("b", 20)
    spool.close()
    again = Spool(str(tmp_path))
    assert again.last_seq == 20
    assert again.size_bytes() < 400
    again.close()


def test_the_limits_refuse_before_anything_is_written(tmp_path):
    spool = _new(tmp_path / "a", max_bytes=1000)
    spool.append([b"x" * 500])
    with pytest.raises(ArcxoError, match="ER00210") as caught:
        spool.append([b"x" * 500])
    assert caught.value.params.keys() == {"size_mb", "more_mb", "limit_mb"}
    assert caught.value.params["more_mb"] == "0.0"
    with pytest.raises(ArcxoError, match="ER00210") as caught:
        spool.append([b"x" * (3 << 20)])
    assert caught.value.params["more_mb"] == "3.0"
    spool.append([b"x" * 10])
    spool.close()
    spool = _new(tmp_path / "b", min_free_bytes=1 << 62)
    with pytest.raises(ArcxoError, match="ER00211"):
        spool.append([b"x"])
    spool.close()


@pytest.mark.parametrize("partial", [False, True])
def test_a_cut_at_any_write_leaves_a_prefix_with_everything_synced(tmp_path, partial):
    def work(directory, synced):
        spool = _new(directory, segment_bytes=150)
        spool.hold_all(["r"])
        for n in range(6):
            spool.append([b"%d" % n * 40, b"+%d" % n])
            spool.sync()
            synced.append(spool.last_seq)
            spool.set_position("r", spool.last_seq - 2)
        spool.close()

    calls = durable_calls(lambda: work(tmp_path / "count", []))
    assert len(calls) > 20
    for at in every_call(calls):
        directory = tmp_path / f"{at}"
        synced = [0]
        with CutAt(at, partial=partial), pytest.raises(Cut):
            work(directory, synced)
        spool = Spool(str(directory))
        assert spool.last_seq >= synced[-1]
        if synced[-1]:
            after = spool.first_seq() - 1
            assert after <= max(0, synced[-1] - 2)
            seqs = [r.seq for r in _all(spool, after)]
            assert seqs == list(range(after + 1, spool.last_seq + 1))
        if not spool.epoch:
            spool.reset("f" * 32)
        spool.append([b"next"])
        spool.sync()
        spool.close()


def test_a_failed_write_leaves_no_half_record(tmp_path, monkeypatch):
    spool = _new(tmp_path)
    spool.append([b"a"])
    real = os.write

    def full(fd, data):
        real(fd, bytes(data)[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        spool.append([b"b" * 100])
    monkeypatch.undo()
    spool.append([b"c"])
    spool.sync()
    spool.close()
    again = Spool(str(tmp_path))
    assert [r.data for r in _all(again)] == [b"a", b"c"]
    again.close()


def _filled(directory, count=30, **options):
    spool = _new(directory, **options)
    for n in range(count):
        spool.append([b"record %d " % n * 20])
        spool.sync()
    return spool


@pytest.mark.parametrize("at", [8, 50, 200, 900])
def test_damage_before_the_end_of_the_newest_file_is_told_and_not_cut_off(tmp_path, at):
    _filled(tmp_path).close()
    (segment,) = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[at - 8 if at == 8 else at] ^= 0x10
    segment.write_bytes(content)
    again = Spool(str(tmp_path))
    assert again.damaged_file == str(segment)
    assert again.last_seq < 30
    assert segment.read_bytes() == content, "nothing is thrown away"
    again.reset("f" * 32)
    assert again.damaged_file == ""
    again.append([b"new"])
    again.sync()
    assert [r.data for r in _all(again)] == [b"new"]
    again.close()


def test_every_flipped_bit_is_found_and_no_garbage_is_read(tmp_path):
    whole = _filled(tmp_path / "whole", 6, segment_bytes=300)
    records = {r.seq: r.data for r in _all(whole)}
    whole.close()
    chance = random.Random(5)
    for turn in range(150):
        copy = tmp_path / f"copy {turn}"
        shutil.copytree(tmp_path / "whole", copy)
        segment = chance.choice(sorted(copy.glob("*.seg")))
        content = bytearray(segment.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        segment.write_bytes(content)
        again = Spool(str(copy), segment_bytes=300)
        with contextlib.suppress(ArcxoError):
            assert {r.seq: r.data for r in _all(again)}.items() <= records.items()
        again.close()


def test_a_missing_file_of_the_spool_is_named(tmp_path):
    spool = _filled(tmp_path, segment_bytes=1000)
    spool.close()
    gone = sorted(tmp_path.glob("*.seg"))[1]
    gone.unlink()
    again = Spool(str(tmp_path), segment_bytes=1000)
    with pytest.raises(ArcxoError, match="ER00212"):
        _all(again)
    again.close()


def test_a_directory_that_is_gone_is_noticed_before_anything_counts_as_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("app.replication.master.spool_log._SPACE_CHECK_S", 0.0)
    spool = _filled(tmp_path / "spool")
    shutil.rmtree(tmp_path / "spool")
    with pytest.raises(ArcxoError, match="ER00291"):
        spool.append([b"more"])
    monkeypatch.setattr("app.replication.master.spool_log._SPACE_CHECK_S", 60.0)
    spool.append([b"more"])
    monkeypatch.setattr("app.replication.master.spool_log._SPACE_CHECK_S", 0.0)
    with pytest.raises(ArcxoError, match="ER00291"):
        spool.sync()
    assert spool.last_seq == 30
    spool.close()


def test_after_a_failed_sync_nothing_more_is_taken_until_it_is_opened_again(tmp_path, monkeypatch):
    spool = _filled(tmp_path)

    def fails(_fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    spool.append([b"lost"])
    with pytest.raises(OSError, match="Input"):
        spool.sync()
    monkeypatch.undo()
    with pytest.raises(OSError, match="Input"):
        spool.append([b"after"])
    assert (spool.last_seq, len(spool.read(29, 100))) == (30, 1)
    spool.close()


@pytest.mark.parametrize("partial", [False, True])
def test_a_disk_that_is_full_at_any_write_loses_nothing_that_was_taken(tmp_path, partial, monkeypatch):
    real = os.write
    writes = 0
    full_at = 0

    def write(fd, data):
        nonlocal writes
        writes += 1
        if writes == full_at:
            if partial:
                real(fd, bytes(data)[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for full_at in range(3, 40):
        writes = 0
        spool = _new(tmp_path / f"{full_at}", segment_bytes=150)
        taken = []
        for n in range(12):
            for _ in range(2):
                try:
                    spool.append([b"%d" % n * 40])
                except OSError:
                    continue
                taken.append(b"%d" % n * 40)
                break
            spool.sync()
        spool.close()
        again = Spool(str(tmp_path / f"{full_at}"), segment_bytes=150)
        assert [r.data for r in _all(again)] == taken
        again.close()


def test_positions_and_doubts_are_known_after_reopening(tmp_path):
    spool = _new(tmp_path)
    spool.hold_all(["a", "b", "c"])
    before = time.time()
    for n in range(10):
        spool.append([b"%d" % n])
    spool.sync()
    spool.set_position("a", 10)
    spool.set_position("b", 4)
    spool.stop_replica("c", "too slow")
    spool.close()
    again = Spool(str(tmp_path))
    assert (again.position("a"), again.position("b"), again.position("c")) == (10, 4, None)
    assert again.stopped_replica("c") == "too slow"
    again.set_position("c", 3)
    assert again.position("c") is None, "what comes late from one that was stopped does not count"
    again.reset("f" * 32)
    for late in ("a", "b", "c"):
        assert again.doubt_since(late) <= before
        assert again.stopped_replica(late) == ""
    again.set_proved("b", proved=False)
    again.set_proved("b", proved=True)
    assert again.doubt_since("b") is None
    again.close()


def test_a_spool_that_ended_in_order_leaves_in_doubt_only_what_changed_since(tmp_path):
    spool = _filled(tmp_path)
    spool.hold_all(["a", "b"])
    spool.set_position("a", 30)
    spool.set_position("b", 29)
    quiet_at = time.time()
    spool.note_quiet(quiet_at)
    spool.close()
    again = Spool(str(tmp_path))
    again.reset("f" * 32)
    assert again.doubt_since("a") == quiet_at
    assert again.doubt_since("b") < quiet_at - 3_000
    again.close()


def test_of_a_damaged_spool_nobody_knows_where_it_ended(tmp_path):
    spool = _filled(tmp_path)
    spool.hold_all(["a"])
    spool.set_position("a", 30)
    spool.note_quiet(time.time())
    spool.close()
    (segment,) = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    again = Spool(str(tmp_path))
    assert again.last_seq < 30
    again.reset("f" * 32)
    assert again.doubt_since("a") < time.time() - 3_000
    again.close()


@pytest.mark.parametrize(
    "content",
    [
        '{"format": 1, "epoch": []',
        '{"format": 2}',
        "[]",
        '{"format": 1, "epoch": "E", "begun_at": 0, "quiet_at": null, "replicas": {"a": [9, NaN, null, ""]}}',
        '{"format": 1, "epoch": "E", "begun_at": 0, "quiet_at": null, "replicas": {"a": [9]}}',
        '{"format": 1, "epoch": "x", "begun_at": 0, "quiet_at": null, "replicas": {"a": [9, 5, null, ""]}}',
    ],
)
def test_a_damaged_list_of_positions_holds_everything_for_everyone(tmp_path, content):
    spool = _filled(tmp_path, segment_bytes=300)
    spool.hold_all(["a"])
    spool.close()
    (tmp_path / "positions.json").write_text(content.replace("E", "e" * 32))
    again = Spool(str(tmp_path), segment_bytes=300)
    again.hold_all(["a", "b"])
    assert (again.position("a"), again.position("b")) == (0, 0)
    again.close()


def test_who_holds_the_spool_back_is_told_and_its_files_go_when_it_is_stopped(tmp_path):
    spool = _new(tmp_path, segment_bytes=300)
    spool.hold_all(["quick", "slow"])
    for n in range(30):
        spool.append([b"%d" % n * 50])
        spool.sync()
        spool.set_position("quick", spool.last_seq)
    assert spool.behind() == ["slow"]
    size = spool.size_bytes()
    spool.stop_replica("slow", "full")
    assert spool.size_bytes() < size / 3
    assert spool.behind() == []
    spool.stop_replica("quick", "full too")
    assert spool.first_seq() > 25
    spool.close()


def test_room_is_made_when_a_limit_is_reached(tmp_path):
    asked = []

    def relieve(error):
        asked.append(error.code)
        late = spool.behind()
        for name in late:
            spool.stop_replica(name, "full")
        return bool(late)

    spool = _new(tmp_path, max_bytes=2_000, segment_bytes=300, relieve=relieve)
    spool.hold_all(["quick", "slow"])
    for n in range(100):
        spool.append([b"%d" % n * 50])
        spool.sync()
        spool.set_position("quick", spool.last_seq)
    assert asked == ["ER00210"]
    assert spool.stopped_replica("slow") == "full"
    assert spool.size_bytes() < 2_000
    spool.close()


def test_a_spool_that_nobody_reads_any_more_never_gets_full(tmp_path):
    spool = _new(tmp_path, max_bytes=2_000, segment_bytes=300)
    spool.hold_all(["only"])
    spool.stop_replica("only", "full")
    for n in range(100):
        spool.append([b"%d" % n * 50])
        if n % 10 == 9:
            spool.sync()
    spool.sync()
    assert spool.size_bytes() < 2_000
    spool.close()


def test_bytes_that_wait_are_told_for_any_position(tmp_path):
    spool = _filled(tmp_path, 40, segment_bytes=2_000)
    assert spool.bytes_after(40) == 0
    sizes = [spool.bytes_after(seq) for seq in range(41)]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(len(r.data) for r in _all(spool)) < sizes[0] < spool.size_bytes()
    spool.close()


def _lose_unsynced(layer, directory, chance):
    """What the disk has after the power failed: of bytes never synced any part, or nothing at all."""
    for path in directory.glob("*"):
        durable = layer.durable.get(str(path), 0)
        content = path.read_bytes()
        if len(content) > durable:
            kept = chance.randrange(durable, len(content) + 1)
            tail = bytearray(content[durable:kept])
            if tail and chance.random() < 0.5:
                tail[: chance.randrange(len(tail) + 1)] = bytes(chance.randrange(len(tail) + 1))
            path.write_bytes(content[:durable] + bytes(tail))


class _PowerCut(CutAt):
    """Knows how much of each file was durable."""

    def __init__(self, at):
        super().__init__(at)
        self.durable = {}

    def _wrap(self, name, original):
        call = super()._wrap(name, original)
        if name not in ("fsync", "fdatasync"):
            return call

        def synced(fd):
            call(fd)
            path = os.readlink(f"/proc/self/fd/{fd}")
            self.durable[path] = os.fstat(fd).st_size

        return synced


def test_a_power_cut_at_any_write_keeps_everything_that_was_synced(tmp_path):
    def work(directory, synced):
        spool = _new(directory, segment_bytes=150)
        spool.hold_all(["r"])
        for n in range(5):
            spool.append([b"%d" % n * 40, b"+%d" % n])
            spool.sync()
            synced.append(spool.last_seq)
            spool.set_position("r", spool.last_seq - 2)
        spool.close()

    calls = durable_calls(lambda: work(tmp_path / "count", []))
    chance = random.Random(3)
    for at in every_call(calls):
        directory = tmp_path / f"{at}"
        synced = [0]
        layer = _PowerCut(at)
        with layer, pytest.raises(Cut):
            work(directory, synced)
        if directory.exists():
            _lose_unsynced(layer, directory, chance)
        spool = Spool(str(directory))
        assert spool.last_seq >= synced[-1]
        if synced[-1]:
            after = spool.first_seq() - 1
            assert [r.seq for r in _all(spool, after)] == list(range(after + 1, spool.last_seq + 1))
            assert after <= max(0, synced[-1] - 2)
        spool.close()
