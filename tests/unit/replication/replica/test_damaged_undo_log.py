"""A damaged undo log says so: nothing goes back past the damage, and what came after it can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from tests.support.faults import Cut
from tests.support.replica_tree import begin_stream, open_store, picture, put

_CHANGES = 12


class _Site:
    """A replica with a file for each change, number 1 the first."""

    def __init__(self, base: Path) -> None:
        self._state, self._root = base / "state", base / "one"
        self.store = open_store(self._state, self._root)
        begin_stream(self.store)
        for change in range(1, _CHANGES + 1):
            self.apply(change)

    def apply(self, change: int) -> None:
        Applier(self.store).apply_stream("e", change, [put(b"file %02d" % change, b"x")])

    def open_again(self) -> None:
        self.store.close()
        self.store = open_store(self._state, self._root)

    def damage(self, change: int) -> None:
        """One bit of the steps of a change."""
        (path,) = (self._state / "undo").glob("*.undo")
        data = bytearray(path.read_bytes())
        data[data.rindex(b"file %02d" % change)] ^= 1
        path.write_bytes(data)

    def rewind(self, change: int) -> set[bytes]:
        """The files after going back to the state after a change."""
        problems = []
        Applier(self.store).run(lambda batch: problems.extend(undo(batch, entries_after(self.store, change))))
        assert not problems
        return self.files()

    def files(self) -> set[bytes]:
        return set(picture(self._root)) - {b""}


@pytest.fixture
def site(tmp_path: Path) -> _Site:
    return _Site(tmp_path)


def _files(last: int) -> set[bytes]:
    return {b"file %02d" % change for change in range(1, last + 1)}


@pytest.mark.parametrize("damaged", [1, 6, _CHANGES])
def test_no_rewind_goes_past_damage_that_a_start_met(site: _Site, damaged: int) -> None:
    site.damage(damaged)
    site.open_again()
    site.apply(_CHANGES + 1)
    site.open_again()
    for change in (0, damaged - 1):
        with pytest.raises(ArcxoError, match="CR00412"):
            site.rewind(change)
    assert site.files() == _files(_CHANGES + 1)
    assert site.rewind(damaged) == _files(damaged)


def test_what_was_never_committed_is_taken_back_behind_damage(
    site: _Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.damage(6)

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(ReplicaStore, "commit", cut)
        with pytest.raises(Cut):
            site.apply(_CHANGES + 1)
    assert site.files() == _files(_CHANGES + 1)
    site.open_again()
    assert site.files() == _files(_CHANGES)
