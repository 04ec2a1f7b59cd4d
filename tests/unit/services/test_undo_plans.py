"""The plan of an undo has what every host would do."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.model.archive import UndoItems
from app.model.errors import NotFoundError
from app.model.restore import UndoAction, UndoItem, UndoResult
from app.services.restore_plan import plan_undo


def host(name: str, count: int) -> Any:
    items = tuple(UndoItem(f"/srv/{name}{number}".encode(), UndoAction.REMOVE) for number in range(count))
    return SimpleNamespace(
        undo_restore=lambda _order: iter((UndoItems(items), UndoResult(count, 0, 0, 0, 0)))
    )


def done(_order: Any) -> Iterator[Any]:
    raise NotFoundError("E4240", job=7)
    yield


def test_a_host_that_has_taken_back_all_of_it_keeps_no_other_from_it() -> None:
    over: Any = SimpleNamespace(undo_restore=done)
    plan = plan_undo([over, host("b", 2), over], 7, 100, force=True)
    assert [one.target for one in plan.items] == [b"/srv/b0", b"/srv/b1"]
    with pytest.raises(NotFoundError):
        plan_undo([over, over], 7, 100, force=True)


def test_the_paths_of_all_hosts_are_in_it_up_to_the_limit() -> None:
    hosts = [host("a", 3), host("b", 2), host("c", 4)]
    whole = plan_undo(hosts, 7, 100, force=False)
    assert (whole.removed, len(whole.items), whole.truncated) == (9, 9, False)
    some = plan_undo(hosts, 7, 4, force=False)
    assert [one.target for one in some.items] == [b"/srv/a0", b"/srv/a1", b"/srv/a2", b"/srv/b0"]
    assert (some.removed, some.truncated) == (9, True)
