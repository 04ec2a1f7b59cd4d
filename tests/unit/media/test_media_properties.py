"""Random trees come back identical from any session, whatever happened to the media in between.

Backups with and without a base, encrypted or not, over media so small that a session spans several, removals,
collections that repack whatever they can, new passwords, copies to another set, and the lone reader.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.media.api import (
    KeyInfo,
    add_slot,
    collect,
    open_slots,
    remove_sessions,
    remove_slot,
    sessions,
    unlock,
    verify,
)
from app.media.extract.__main__ import main as extract
from app.model.media_keys import SlotKind
from tests.support.media_samples import MASTER, new_key, new_media, repack_everything, restore_to
from tests.support.random_trees import RandomTree
from tests.support.spanning import TinyMedia
from tests.support.trees import assert_identical

_ROUNDS = int(os.environ.get("ARCXO_ROUNDS") or 300)
_LIMIT = 260_000
BACK_UP, REMOVE, COLLECT, PASSWORD, COPY = "back up", "remove", "collect", "password", "copy"
STEPS = some.lists(
    some.tuples(
        some.sampled_from([BACK_UP, BACK_UP, BACK_UP, REMOVE, COLLECT, PASSWORD, COPY]),
        some.integers(0, 10**6),
    ),
    min_size=4,
    max_size=10,
)


class World:
    """A set of tiny media, a tree, and what each session, (media, number), must restore to."""

    def __init__(
        self, directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch, *, encrypted: bool, spanning: bool
    ) -> None:
        self.directory = directory
        self.tiny = TinyMedia(directory / "devices", _LIMIT if spanning else 1 << 40, monkeypatch)
        self.password = "pässwörd 0"
        self.encrypted = encrypted
        if encrypted:
            new_key(self.tiny.paths[0], self.password)
        self.source = directory / "source"
        self.tree = RandomTree(self.source, seed)
        self.states: dict[tuple[str, int], Path] = {}
        self.copies = 0

    def key(self, path: str) -> KeyInfo | None:
        return unlock(path, self.password) if self.encrypted else None

    def committed(self) -> list[tuple[str, int]]:
        return [(path, one.number) for path in self.tiny.paths for one in sessions(path)]

    def step(self, kind: str, choice: int) -> None:
        present = self.committed()
        chosen = present[choice % len(present)] if present else None
        if kind == BACK_UP:
            self.tree.change()
            here = [number for path, number in present if path == self.tiny.paths[-1]]
            base = here[choice % len(here)] if here and choice % 3 else 0
            before = set(present)
            self.tiny.back_up(self.source, base=base, key=self.key(self.tiny.paths[-1]))
            (new,) = set(self.committed()) - before
            self.states[new] = self.directory / f"state{len(self.states)}"
            # With hard links, holes, owners, attributes and times.
            command = ["cp", "-a", "--sparse=always", str(self.source), str(self.states[new])]
            subprocess.run(command, check=True)
        elif kind == REMOVE and chosen:
            remove_sessions(chosen[0], [chosen[1]])
        elif kind == COLLECT:
            for path in self.tiny.paths:
                collect(path)
        elif kind == PASSWORD and self.encrypted:
            new = f"pässwörd {choice}"
            for path in self.tiny.paths:
                for slot in open_slots(path, self.password):
                    made = add_slot(path, slot, new, SlotKind.PASSWORD)
                    remove_slot(path, slot.key_id, slot.slot, made)
            self.password = new
        elif kind == COPY and chosen:
            self.copy(*chosen)

    def copy(self, path: str, number: int) -> None:
        from app.media.copying import SessionCopier

        self.copies += 1
        target = new_media(self.directory / f"copy{self.copies}")
        copier = SessionCopier(path, target, lambda _: None, lambda: False)
        copied = copier.copy(number)
        out = self.directory / "copied"
        restore_to(target, out, copied.number, key=self.key(target))
        assert_identical(self.states[path, number], out)
        shutil.rmtree(out)

    def check(self) -> None:
        for path in self.tiny.paths:
            keys = tuple({one.data_key for one in open_slots(path, self.password)}) if self.encrypted else ()
            assert [one for one in verify(path, full=True, data_keys=keys).damage if one.sessions] == []
        secret = self.directory / "secret"
        secret.write_text(self.password + "\n")
        for path, number in self.committed():
            out = self.directory / "out"
            result, events = restore_to(path, out, number, key=self.key(path))
            assert (result.mismatches, events.problems) == (0, [])
            assert_identical(self.states[path, number], out)
            shutil.rmtree(out)
            others = [option for one in self.tiny.paths for option in ("--also", one) if one != path]
            code = extract([path, str(number), str(out), "--password-file", str(secret), *others])
            assert code == 0
            assert_identical(self.states[path, number], out / os.fsdecode(MASTER).lstrip("/"))
            shutil.rmtree(out)


def play(
    seed: int, steps: list[tuple[str, int]], *, encrypted: bool, spanning: bool, patch: pytest.MonkeyPatch
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="properties-"))
    try:
        world = World(directory, seed, patch, encrypted=encrypted, spanning=spanning)
        world.step(BACK_UP, seed)
        for kind, choice in steps:
            world.step(kind, choice)
        world.check()
        for _ in range(2):
            for path in world.tiny.paths:
                collect(path)
        world.check()
    finally:
        shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCXO_ARGON2", "minimal")
    for name in ("repack.WORTH_BYTES", "repack.DEAD_SHARE", "writer.BLOCK_TARGET_BYTES"):
        module, attribute = name.split(".")
        target = importlib.import_module(f"app.media.{module}")
        monkeypatch.setattr(target, attribute, getattr(target, attribute))
    repack_everything()


def run(data: some.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        play(
            data.draw(some.integers(0, 10**9)),
            data.draw(STEPS),
            encrypted=data.draw(some.booleans()),
            spanning=data.draw(some.booleans()),
            patch=patch,
        )


@pytest.mark.slow
@given(some.data())
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_trees_come_back_identical(data: some.DataObject) -> None:
    run(data)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@given(some.data())
@settings(max_examples=_ROUNDS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_very_many_random_trees_come_back_identical(data: some.DataObject) -> None:
    run(data)
