"""Telling an agent that a backup point is still needed, for as long as its job runs here.

An agent outlives its server. A point of which nothing more is said is given up there after minutes, so that
a snapshot does not stay because the server was killed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.agent.api import Agent, AnyPoint
from app.model.errors import ArcxoError

RENEW_EVERY_S = 60.0
_log = logging.getLogger(__name__)


@contextmanager
def kept_alive(agent: Agent, point: Callable[[], AnyPoint], every_s: float = RENEW_EVERY_S) -> Iterator[None]:
    """Renew the point that `point` says, at once and then from a thread of its own until the block is left.

    What an agent answers is not waited for by the job: whoever archives the point hears that it is gone.
    """
    done = threading.Event()

    def renew() -> None:
        while True:
            try:
                agent.renew_backup(point().id)
            except ArcxoError as error:
                _log.info("backup point %s was not renewed: %s", point().id, error)
            if done.wait(every_s):
                return

    thread = threading.Thread(target=renew, name="point-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5.0)
