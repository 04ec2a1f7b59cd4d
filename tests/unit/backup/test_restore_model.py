import os
import random
from dataclasses import replace

import pytest

from app.backup.api import RestoreTask, UndoTask, plan_restore, restore, undo
from app.model.job import Conflict
from app.model.restore import RestoreAction
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.restore_model import expected, make, random_tree, read


def never() -> bool:
    return False


@pytest.mark.parametrize("seed", range(24))
def test_a_restore_makes_of_any_tree_what_the_rules_say_and_an_undo_takes_it_back(tmp_path, seed):
    check_one(tmp_path, random.Random(seed))


@pytest.mark.deep
@pytest.mark.parametrize("block", range(40))
def test_many_random_restores_and_undos(tmp_path, block):
    seed = random.SystemRandom().getrandbits(48)
    for number in range(25):
        directory = tmp_path / f"{number}"
        directory.mkdir()
        print("seed", seed, number)
        check_one(directory, random.Random(f"{seed} {number}"))


def check_one(directory, chance):
    session = random_tree(chance, stamp=1)
    there = random_tree(chance, stamp=2)
    make(directory / "source", session)
    make(directory / "out", there)
    for path in [one for one, leaf in there.items() if leaf.is_directory]:
        # Newer than all of the session, so that the time of directories decides nothing.
        os.utime(os.fsencode(directory / "out") + b"/" + path, (2e9, 2e9))
    there = read(directory / "out")
    media = new_media(directory)
    back_up(media, directory / "source")
    conflict = chance.choice(list(Conflict))
    exact = conflict is Conflict.OVERWRITE and chance.random() < 0.6
    task = RestoreTask(
        media,
        1,
        (),
        ((MASTER, os.fsencode(directory / "out")),),
        conflict,
        exact=exact,
        state=str(directory / "state"),
        undo_days=7,
    )
    planned = plan_restore(task, limit=10_000)
    assert read(directory / "out") == there
    events = Events()
    result = restore(task, events, never)
    after = read(directory / "out", hidden=True)
    assert after == expected(there, session, conflict, exact=exact)
    assert result.mismatches == 0
    assert planned.counts[RestoreAction.DELETE] == result.deleted
    assert planned.counts[RestoreAction.RENAME] == result.renamed
    assert planned.kept_bytes == result.kept_bytes
    changed = {path for path, leaf in after.items() if there.get(path) != leaf and not leaf.is_directory}
    written = planned.counts[RestoreAction.CREATE] + planned.counts[RestoreAction.OVERWRITE] + result.renamed
    assert len(changed) <= written
    take_back = UndoTask(str(directory / "state"), (os.fsencode(directory / "out"),))
    told = Events()
    previewed = undo(replace(take_back, plan_only=True), Events(), never)
    assert read(directory / "out") == after
    back = undo(take_back, told, never)
    assert told.problems == []
    assert read(directory / "out", hidden=True) == there
    assert (back.brought_back, back.changed) == (previewed.brought_back, previewed.changed)
