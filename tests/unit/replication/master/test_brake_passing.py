from app.replication.master.passing import Passing


def test_a_file_that_came_a_moment_ago_may_go():
    passing = Passing()
    passing.created(0, b"new", 100.0)
    assert not passing.removed(0, b"other", 101.0)
    assert not passing.removed(1, b"new", 101.0)
    assert passing.removed(0, b"new", 101.0)
    assert not passing.removed(0, b"new", 101.0)


def test_it_is_of_age_after_ten_seconds():
    passing = Passing()
    passing.created(0, b"new", 100.0)
    assert not passing.removed(0, b"new", 110.5)


def test_an_older_file_renamed_over_it_stays_an_older_file():
    passing = Passing()
    passing.created(0, b"new", 100.0)
    passing.renamed(0, b"old", b"new")
    assert not passing.removed(0, b"new", 101.0)


def test_renamed_it_is_as_young_as_before():
    passing = Passing()
    passing.created(0, b"new.tmp", 100.0)
    passing.renamed(0, b"new.tmp", b"new")
    assert not passing.removed(0, b"new.tmp", 101.0)
    assert passing.removed(0, b"new", 101.0)


def test_only_the_newest_are_known():
    passing = Passing()
    for number in range(5000):
        passing.created(0, b"%d" % number, 100.0)
    assert not passing.removed(0, b"0", 101.0)
    assert passing.removed(0, b"4999", 101.0)
