"""How far a comparison is, told while the call that makes it has not returned yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.agent.api import Agent
from app.model.errors import ArcxoError
from app.model.report import ComparisonProgress

_EVERY_S = 0.5


@contextmanager
def following(
    agent: Agent,
    scenario_id: int,
    replica: str,
    on_progress: Callable[[str, ComparisonProgress], None] | None,
) -> Iterator[None]:
    """Tell `on_progress(replica, progress)` of a comparison made inside, from a thread of its own."""
    if on_progress is None:
        yield
        return
    done = threading.Event()

    def follow() -> None:
        while not done.wait(_EVERY_S):
            try:
                on_progress(replica, agent.comparison(scenario_id, replica))
            except ArcxoError:
                # The comparison itself tells what is wrong.
                return

    thread = threading.Thread(target=follow, name="comparison progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
