"""Any sequence of backups, removals and collections, some of them cut: sessions stay whole, garbage goes."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.backup.api import Change, ChangeKind, archive
from app.media.api import collect, remove_sessions, sessions, verify
from app.media.store import DirectoryMediaStore
from app.media.usage import Usage
from app.model.errors import ArcxoError
from tests.support.faults import CutAt
from tests.support.media_samples import archive_task, new_key, new_media, repack_everything, restore_to
from tests.support.trees import assert_identical

BACK_UP, REMOVE, COLLECT = "back up", "remove", "collect"
NEVER_CUT = 10**6
_ROUNDS = int(os.environ.get("ARCXO_ROUNDS") or 1500)
STEPS = some.lists(
    some.tuples(
        some.sampled_from([BACK_UP, BACK_UP, REMOVE, COLLECT]),
        some.integers(0, 10**6),  # what to change, to build on, to remove
        some.one_of(some.just(NEVER_CUT), some.integers(1, 60)),
    ),
    min_size=3,
    max_size=14,
)


class History:
    """A media, the states of its source by name, and which session holds which."""

    def __init__(self, directory: Path, *, encrypted: bool) -> None:
        self.directory = directory
        self.media = new_media(directory)
        self.key = new_key(self.media) if encrypted else None
        self.source = directory / "source"
        for number in range(3):
            (self.source / f"d{number}").mkdir(parents=True)
        self.states: dict[int, Path] = {}

    def step(self, kind: str, choice: int, cut_at: int) -> None:
        before = {one.number for one in sessions(self.media)}
        numbers = sorted(before)
        chosen = numbers[choice % len(numbers)] if numbers else 0
        if kind == BACK_UP:
            self.change(choice)
            base = chosen if choice % 3 else 0
            changes = self.changes_since(base) if base and choice % 2 else None
            task = archive_task(self.media, self.source, base=base, changes=changes, key=self.key)
            try:
                self.cut(lambda: archive(task, lambda _: None, lambda: False), cut_at)
            except ArcxoError as error:
                # Packs of its base wait to be deleted, or to be kept: then everything is read.
                if not changes or error.code != "E4202":
                    raise
            (new,) = {one.number for one in sessions(self.media)} - before or {0}
            if new:
                # It may have been cut after its commit: whoever looks finds it, and it is whole.
                self.states[new] = self.directory / f"state{new}"
                shutil.copytree(self.source, self.states[new])
        elif kind == REMOVE and chosen:
            self.cut(lambda: remove_sessions(self.media, [chosen]), cut_at)
            assert before - {one.number for one in sessions(self.media)} <= {chosen}
        elif kind == COLLECT:
            self.cut(lambda: collect(self.media), cut_at)
            after = {one.number for one in sessions(self.media)}
            assert after == before or before - after <= self.half_removed
        self.half_removed = {
            int(name[:6]) for name in os.listdir(f"{self.media}/sessions") if name.endswith(".removed")
        }

    half_removed: set[int] = frozenset()  # type: ignore[assignment]

    def changes_since(self, number: int) -> tuple[Change, ...]:
        before, now = listing(self.states[number]), listing(self.source)
        differing = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
        folders = sorted({b"", *(os.path.dirname(path) for path in differing)})
        return tuple(Change(path, ChangeKind.CHANGED) for path in [*folders, *differing])

    def change(self, choice: int) -> None:
        for offset in range(2):
            name = self.source / f"d{(choice >> 2 + offset) % 3}/f{(choice >> offset) % 4}"
            if choice % 7 == 0:
                name.unlink(missing_ok=True)
            else:
                # Few contents, so that sessions share them and meet again what was removed.
                name.write_bytes(bytes([(choice >> 4) % 8]) * 30_000 + name.name.encode())

    def cut(self, work: object, cut_at: int) -> None:
        try:
            with CutAt(cut_at, partial=True) as layer:
                work()  # type: ignore[operator]
        except BaseException:
            if not layer.happened:
                raise
        if layer.happened:
            # The process was killed: its writers are gone.
            for name in os.listdir(f"{self.media}/intents"):
                os.unlink(f"{self.media}/intents/{name}")

    def check(self) -> None:
        assert [one for one in verify(self.media, full=True).damage if one.sessions] == []
        for one in sessions(self.media):
            out = self.directory / "out"
            restore_to(self.media, out, one.number, key=self.key)
            assert_identical(self.states[one.number], out)
            shutil.rmtree(out)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("repack.WORTH_BYTES", "repack.DEAD_SHARE", "writer.BLOCK_TARGET_BYTES"):
        module, attribute = name.split(".")
        target = importlib.import_module(f"app.media.{module}")
        monkeypatch.setattr(target, attribute, getattr(target, attribute))
    repack_everything()


def listing(root: Path) -> dict[bytes, tuple[bytes, int]]:
    return {
        os.fsencode(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def play(steps: list[tuple[str, int, int]], *, encrypted: bool) -> None:
    directory = Path(tempfile.mkdtemp(prefix="history-"))
    try:
        history = History(directory, encrypted=encrypted)
        for step in steps:
            history.step(*step)
        history.check()
        collect(history.media)
        collect(history.media)
        history.check()
        usage = Usage(DirectoryMediaStore(history.media))
        usage.refresh()
        packs = usage.packs()
        assert set(os.listdir(f"{history.media}/packs")) == packs
        assert set(os.listdir(f"{history.media}/index")) == packs
        assert os.listdir(f"{history.media}/fossils") == []
        assert os.listdir(f"{history.media}/intents") == []
        assert verify(history.media, full=True).damage == ()
    finally:
        shutil.rmtree(directory)


@given(STEPS, some.booleans())
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_sessions_stay_whole_and_garbage_goes_whatever_happens(
    steps: list[tuple[str, int, int]], encrypted: bool
) -> None:
    play(steps, encrypted=encrypted)


@pytest.mark.deep
@pytest.mark.timeout(3600)
@given(STEPS, some.booleans())
@settings(max_examples=_ROUNDS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_sessions_stay_whole_in_many_histories(steps: list[tuple[str, int, int]], encrypted: bool) -> None:
    play(steps, encrypted=encrypted)
