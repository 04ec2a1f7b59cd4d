from __future__ import annotations

import pytest

from app.model.scenario import ReplicaState
from app.replication.master.hints import Behind, Hints
from app.replication.master.waiting import AWAY_S, Wait, explain, shown_state, unrecorded


@pytest.mark.parametrize("state", [ReplicaState.REPLICATING, ReplicaState.SYNCHRONIZING])
def test_a_replica_without_a_sign_of_life_is_shown_as_disconnected(state: ReplicaState) -> None:
    shown, reason = shown_state(state, "", AWAY_S + 0.1)
    assert shown is ReplicaState.DISCONNECTED
    assert "no sign of life" in reason
    assert shown_state(state, "as it was", AWAY_S) == (state, "as it was")


@pytest.mark.parametrize("state", [ReplicaState.SUSPENDED, ReplicaState.PROBLEM, ReplicaState.BRAKED])
def test_what_else_is_the_matter_with_it_stays_shown(state: ReplicaState) -> None:
    assert shown_state(state, "why", 1_000.0) == (state, "why")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "3 changes waiting: connecting to the replica"),
        ("Script /s failed; next try in 60 s", "3 changes waiting: Script /s failed; next try in 60 s"),
    ],
)
def test_what_holds_a_synchronisation_back_is_said_rather_than_connecting(reason: str, said: str) -> None:
    assert explain(Wait(ReplicaState.CONNECTING, reason, 3)) == said


def _behind(seconds: float = 20.0, paths: int = 1, due_s: float | None = None, cost_s: float = 0.0) -> Behind:
    return Behind(seconds, paths, 0, b"db", due_s, cost_s)


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        (None, ""),
        (_behind(0.5), ""),
        (_behind(), "1 changed path not recorded yet: /m/db is being read"),
        (
            _behind(paths=1_200, cost_s=3.2),
            "1,200 changed paths not recorded yet: /m/db is being read (reading it took 3.2 s before)",
        ),
        (
            _behind(due_s=9.0, cost_s=3.2),
            (
                "1 changed path not recorded yet: /m/db changes while it is read;"
                " reading it took 3.2 s, it is read again in 9 s"
            ),
        ),
        (_behind(due_s=0.4), "1 changed path not recorded yet: changes of /m/db are gathered into one"),
    ],
)
def test_what_is_not_recorded_yet_is_explained(behind: Behind | None, said: str) -> None:
    assert unrecorded(behind, "/m/db") == said


def test_the_path_that_was_told_of_first_is_the_one_that_is_named() -> None:
    hints = Hints()
    assert hints.behind() is None
    hints.add(0, b"db", settled=True, delay=0.0)
    hints.take(10, 0.0)
    found = hints.behind()
    assert found is not None
    assert (found.path, found.paths, found.due_s) == (b"db", 1, None)
    # Told while it is read, which took long.
    hints.add(0, b"db")
    hints.recorded(0, b"db", 3.0)
    hints.add(0, b"other", delay=50.0)
    hints.done()
    found = hints.behind()
    assert found is not None
    assert (found.path, found.paths, found.cost_s) == (b"db", 2, 3.0)
    assert found.due_s is not None
    assert 10 < found.due_s <= 12
    hints.moved(0, b"db", b"moved", directory=False)
    hints.flush()
    moves, _ = hints.take(10, 0.0)
    assert moves
    found = hints.behind()
    assert found is not None
    assert found.due_s is None
    hints.done()
    assert hints.behind() is None
