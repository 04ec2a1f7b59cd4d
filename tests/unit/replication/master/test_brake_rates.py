import pytest

from app.replication.master.rates import Rates


def test_the_limit_is_a_share_of_all_files_and_at_least_a_thousand():
    rates = Rates(20)
    assert [rates.limit(files) for files in (0, 100, 5_000, 5_001, 100_000)] == [
        1_000, 1_000, 1_000, 1_001, 20_000,
    ]  # fmt: skip


def test_a_small_tree_never_exceeds_it():
    rates = Rates(20)
    rates.note(999, 0.0)
    assert not rates.exceeded(0, 1.0)
    rates.note(1, 1.0)
    assert rates.exceeded(0, 1.0)


@pytest.mark.parametrize(("files_left", "exceeded"), [(3_999, True), (4_000, True), (4_001, False)])
def test_the_share_is_of_the_files_there_were_before(files_left, exceeded):
    rates = Rates(20)
    rates.note(1_000, 0.0)
    assert rates.exceeded(files_left, 0.0) is exceeded


def test_only_the_last_minute_counts():
    rates = Rates(20)
    for second in range(120):
        rates.note(16, float(second))
        assert not rates.exceeded(0, float(second))
    rates.note(100, 120.0)
    assert rates.exceeded(0, 120.0)
    assert rates.count(200.0) == 0


def test_what_was_moved_only_is_taken_back():
    rates = Rates(20)
    rates.note(3_000, 0.0)
    rates.note(-2_500, 1.0)
    assert rates.count(1.0) == 500
    assert not rates.exceeded(2_500, 1.0)


def test_off_and_forgotten_counts_exceed_nothing():
    off = Rates(0)
    off.note(1_000_000, 0.0)
    assert not off.exceeded(0, 0.0)
    decided = Rates(20)
    decided.note(5_000, 0.0)
    decided.forget()
    assert not decided.exceeded(0, 0.0)


def test_usual_is_the_average_of_the_hour_before():
    rates = Rates(20)
    for minute in range(60):
        rates.note(6, minute * 60.0 + 30)
    rates.note(5_000, 60 * 60.0 + 70)
    assert rates.usual_per_minute(60 * 60.0 + 75) == pytest.approx(6.0, abs=0.2)
