"""Several actors on one media, one step at a time in an order that a seed decides; some of them killed.

A step ends at each call of the media store. An actor is a thread, but only one of them runs at any time, so a
run with the same seed takes the same course. Threads that actors start are not held up.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.media.store import DirectoryMediaStore, DirectoryUpload
from tests.support.faults import Cut

_STEPS = ("put_if_absent", "get", "get_range", "size", "names", "modified", "delete", "synchronize_directory")


class Interleaved:
    """Runs actors by name. `kill` = how many of them are killed, each at a random one of its steps."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._random = random.Random(seed)
        self._turn = threading.Condition()
        self._current = ""
        self._live: list[str] = []
        self._left: dict[str, int] = {}
        self.killed: set[str] = set()
        self.errors: dict[str, BaseException] = {}
        self.steps = 0
        for name in _STEPS:
            monkeypatch.setattr(DirectoryMediaStore, name, self._wrap(getattr(DirectoryMediaStore, name)))
        monkeypatch.setattr(DirectoryUpload, "commit", self._wrap(DirectoryUpload.commit))
        # Each actor is a process of its own to the others.
        monkeypatch.setattr("app.media.intents.owner_prefix", lambda: f"x-x-{self._name()}-x")
        monkeypatch.setattr("app.media.intents.is_abandoned", self._is_dead)

    def run(self, actors: dict[str, Callable[[], object]], *, kill: int = 0) -> None:
        """Until all are done. What an actor raised is in `errors`."""
        for name in self._random.sample(sorted(actors), kill):
            self._left[name] = self._random.randrange(120)
        threads = [
            threading.Thread(target=self._act, args=(name, work), name=f"actor {name}", daemon=True)
            for name, work in actors.items()
        ]
        self._live = sorted(actors)
        for thread in threads:
            thread.start()
        with self._turn:
            self._pass_on()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), (thread.name, self._current)

    def _name(self) -> str:
        name = threading.current_thread().name
        return name.removeprefix("actor ") if name.startswith("actor ") else ""

    def _is_dead(self, prefix: str, _age_s: float) -> bool:
        parts = prefix.split("-")
        return len(parts) > 2 and parts[2] in self.killed

    def _act(self, name: str, work: Callable[[], object]) -> None:
        with self._turn:
            self._turn.wait_for(lambda: self._current == name)
        try:
            work()
        except Cut:
            pass
        except BaseException as error:
            self.errors[name] = error
        finally:
            with self._turn:
                self._live.remove(name)
                self._pass_on()

    def _pass_on(self) -> None:
        self._current = self._random.choice(self._live) if self._live else ""
        self._turn.notify_all()

    def _step(self, name: str) -> None:
        with self._turn:
            self.steps += 1
            if name in self._left:
                self._left[name] -= 1
                if self._left[name] < 0:
                    self.killed.add(name)
                    raise Cut(name)
            self._pass_on()
            self._turn.wait_for(lambda: self._current == name)

    def _wrap(self, method: Any) -> Any:
        def call(store: Any, *args: Any, **kwargs: Any) -> Any:
            name = self._name()
            if name:
                self._step(name)
            return method(store, *args, **kwargs)

        return call
