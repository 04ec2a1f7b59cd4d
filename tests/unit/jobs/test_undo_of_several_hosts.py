"""An undo of a restore to several hosts goes on with those that still keep something of it."""

from __future__ import annotations

import pytest

from app.jobs.restore_undo import of_those_that_know
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.restore import UndoResult


def ask(host: str) -> list[UndoResult]:
    """A host whose name begins with "done" keeps nothing more, one with "away" cannot be asked."""
    if host.startswith("done"):
        raise NotFoundError("E4240", job=7)
    if host.startswith("away"):
        raise BusyError("AE1027", host=host, call="undo", seconds=60)
    return [UndoResult(1, 0, 0, 0)]


@pytest.mark.parametrize(
    ("hosts", "results"),
    [(["one", "two"], 2), (["done", "two"], 1), (["one", "done"], 1), (["done", "two", "done"], 1)],
)
def test_what_one_host_has_done_keeps_no_other_from_it(hosts: list[str], results: int) -> None:
    assert len(of_those_that_know(hosts, ask)) == results


@pytest.mark.parametrize(
    ("hosts", "code"), [(["done"], "E4240"), (["done", "done2"], "E4240"), (["done", "away"], "AE1027")]
)
def test_with_no_host_that_keeps_anything_it_fails(hosts: list[str], code: str) -> None:
    with pytest.raises(ArcxoError) as told:
        of_those_that_know(hosts, ask)
    assert told.value.code == code
