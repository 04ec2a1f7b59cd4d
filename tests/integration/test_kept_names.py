"""The properties by which a replica keeps what is deleted on the master."""

import os
import shutil
import threading
from dataclasses import replace

import pytest

from app.model.scenario import Override
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture


@pytest.fixture
def replication(tmp_path):
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def fill(root):
    (root / "d/e").mkdir(parents=True)
    for name in ("a", "b", "d/x", "d/e/y"):
        (root / name).write_text(f"first {name}")


def only_there(replication):
    replication.settle()
    return sorted(set(picture(replication.replica)) - set(picture(replication.master)))


def names(paths):
    return sorted(os.fsdecode(path) if isinstance(path, bytes) else str(path) for path in paths)


def test_names_deleted_while_replicating_stay_when_they_are_to_be_kept(replication):
    fill(replication.master)
    replication.run(keep_deleted_during_replication=True, brake_percent=0)
    (replication.master / "a").unlink()
    shutil.rmtree(replication.master / "d")
    assert names(only_there(replication)) == ["a", "d", "d/e", "d/e/y", "d/x"]
    assert (replication.replica / "d/e/y").read_text() == "first d/e/y"
    assert replication.engine.difference(replication.id).items == ()


def test_a_name_used_again_gets_what_the_master_has_there(replication):
    fill(replication.master)
    replication.run(keep_deleted_during_replication=True, brake_percent=0)
    (replication.master / "a").unlink()
    (replication.master / "b").unlink()
    shutil.rmtree(replication.master / "d")
    replication.settle()
    (replication.master / "a").write_text("second a")
    (replication.master / "b").mkdir()
    (replication.master / "b/in").write_text("in b")
    (replication.master / "d").mkdir()
    (replication.master / "d/x").write_text("second d/x")
    # A directory takes up what was kept under its name; files and links replace it.
    assert names(only_there(replication)) == ["d/e", "d/e/y"]
    assert (replication.replica / "a").read_text() == "second a"
    assert (replication.replica / "d/x").read_text() == "second d/x"
    os.rename(replication.master / "a", replication.master / "moved")
    assert names(only_there(replication)) == ["d/e", "d/e/y"]
    os.rename(replication.master / "moved", replication.master / "d/e")
    assert only_there(replication) == []
    assert (replication.replica / "d/e").read_text() == "second a"


def test_what_is_kept_while_replicating_goes_with_the_next_synchronisation_unless_that_keeps_too(replication):
    fill(replication.master)
    replication.run(keep_deleted_during_replication=True, keep_deleted_during_sync=True, brake_percent=0)
    (replication.master / "a").unlink()
    assert names(only_there(replication)) == ["a"]
    replication.engine.stop(replication.id)
    shutil.rmtree(replication.master / "d")
    replication.run()
    assert names(only_there(replication)) == ["a", "d", "d/e", "d/e/y", "d/x"]
    replication.engine.stop(replication.id)
    scenario = replication.engine.status(replication.id).scenario
    properties = replace(scenario.properties, keep_deleted_during_sync=False)
    replication.engine.update(replace(scenario, properties=properties))
    replication.run()
    replication.assert_equal()


def test_keeping_may_differ_by_replica(replication):
    fill(replication.master)
    replication.create(brake_percent=0)
    scenario = replication.engine.status(replication.id).scenario
    keeps = (Override("keep_deleted_during_replication", "true"),)
    replication.engine.update(
        replace(scenario, replicas=tuple(replace(spec, overrides=keeps) for spec in scenario.replicas))
    )
    replication.run()
    (replication.master / "a").unlink()
    assert names(only_there(replication)) == ["a"]


def test_a_removal_is_not_kept_back_by_a_replica_that_had_trouble_with_the_name(replication):
    fill(replication.master)
    replication.run(keep_deleted_during_replication=True, brake_percent=0)
    shutil.rmtree(replication.replica / "d")
    (replication.master / "d/e/z").write_text("its directory is gone there")
    (replication.master / "d/e/z").unlink()
    shutil.rmtree(replication.master / "d")
    replication.settle()
    replication.connector.cut()
    until(lambda: replication.connector.links, what="the connection")
    replication.settle()
    assert replication.engine.status(replication.id).problem_count == 0
