"""While a worker reads behind a freeze, the failure of the freeze is what ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from app.agent.role_process import RoleProcess
from app.model.errors import ArcxoError

FREEZE_S = 3600.0
"""Long enough to freeze what there is."""


class Stopped(Protocol):
    """What tells work to stop: an event, or more than one."""

    def is_set(self) -> bool:
        """Whether it is time to stop."""
        ...


class _Followed:
    def __init__(self, gone: Stopped) -> None:
        self._gone = gone
        self.error: ArcxoError | None = None

    def is_set(self) -> bool:
        return self.error is not None or self._gone.is_set()

    def watch(self, replica: RoleProcess, point_id: str) -> None:
        try:
            replica.call("frozen", point_id, timeout_s=FREEZE_S)
        except ArcxoError as error:
            self.error = error


@contextmanager
def followed(replica: RoleProcess, point_id: str, gone: Stopped, *, following: bool) -> Iterator[Stopped]:
    """What stops a worker that reads a point which is still being frozen: `gone`, or that the freeze fails.

    The failure of the freeze is raised instead of what came of it.
    """
    if not following:
        yield gone
        return
    stop = _Followed(gone)
    thread = threading.Thread(
        target=stop.watch, args=(replica, point_id), name="followed-freeze", daemon=True
    )
    thread.start()
    try:
        yield stop
    except ArcxoError as error:
        if stop.error is not None:
            raise stop.error from error
        raise
    # A worker that has come to the manifest's end has this but for an instant.
    thread.join()
    if stop.error is not None:
        raise stop.error
