import os

import pytest

from app.model.errors import ArcxoError
from app.replication.master.spool import Spool
from tests.support.faults import Cut, CutAt, count_calls


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
    assert not spool.wait_beyond(0, 0.01)
    spool.sync()
    assert [r.data for r in spool.read(0, 10)] == [b"a"]
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
    with pytest.raises(ArcxoError, match="ER00210"):
        spool.append([b"x" * 500])
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

    count = count_calls(lambda: work(tmp_path / "count", []))
    assert count > 20
    for at in range(1, count + 1):
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
