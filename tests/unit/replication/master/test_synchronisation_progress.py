from app.replication.master import progress
from app.replication.master.progress import SyncFigures
from app.replication.master.sends import Sent


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


def figures(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return SyncFigures(), clock


def test_nothing_is_said_before_it_is_known(monkeypatch):
    made, clock = figures(monkeypatch)
    known = made.progress()
    assert (known.files_total, known.bytes_total, known.eta_low_seconds) == (None, None, None)
    made.begin()
    made.total(100, 1000)
    clock.now += 10
    assert made.progress().eta_low_seconds is None


def test_the_time_left_lies_between_that_by_files_and_that_by_bytes(monkeypatch):
    made, clock = figures(monkeypatch)
    made.begin()
    made.total(100, 1000)
    for _ in range(50):
        made.same(2)
    clock.now += 10
    known = made.progress()
    assert known.eta_low_seconds == 10
    assert known.eta_high_seconds == 90


def test_progress_moves_within_a_large_file(monkeypatch):
    made, clock = figures(monkeypatch)
    made.begin()
    made.total(1, 1 << 30)
    made.sent(Sent(b"big", (), 1 << 20, 256 << 20, 256 << 20, 1 << 30))
    clock.now += 5
    known = made.progress()
    assert (known.current_path, known.file_bytes_done, known.file_bytes_total) == (b"big", 256 << 20, 1 << 30)
    assert known.bytes_compared == 256 << 20
    assert known.eta_high_seconds == 15


def test_what_was_passed_over_quickly_does_not_shorten_what_has_to_be_sent(monkeypatch):
    made, clock = figures(monkeypatch)
    made.begin()
    made.total(11, 600)
    made.same_files(10, 500)
    for sent in range(1, 5):
        clock.now += 1
        made.sent(Sent(b"big", (), 10, 10, 10 * sent, 100))
    known = made.progress()
    assert known.eta_low_seconds is not None
    assert known.eta_high_seconds is not None
    assert 0 < known.eta_low_seconds <= 6 <= known.eta_high_seconds


def test_one_look_knows_how_fast_it_was_just_now(monkeypatch):
    made, clock = figures(monkeypatch)
    made.begin()
    made.total(1, 1000)
    clock.now += 1
    made.sent(Sent(b"big", (), 500, 500, 500, 1000))
    for _ in range(6):
        clock.now += 1
        made.sent(Sent(b"big", (), 10, 10, 500, 1000))
    known = made.progress()
    assert known.eta_high_seconds is not None
    assert known.eta_high_seconds >= 44


def test_the_share_counts_files_and_bytes(monkeypatch):
    made, _ = figures(monkeypatch)
    assert made.progress().share is None
    made.begin()
    made.total(2, 1000)
    made.same(0)
    assert made.progress().share == 0.25
    made.sent(Sent(b"big", (), 0, 500, 500, 1000))
    assert made.progress().share == 0.5
