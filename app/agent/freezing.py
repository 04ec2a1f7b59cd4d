"""A replica that is being frozen while its backup reads behind it.

To link everything takes a second or a minute. The applier is held meanwhile, so what is frozen already is
what the whole snapshot will say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from app.agent.point_files import SavedPoint


class Freezing:
    """One point that is being made. `make` calls `begun` once it is known where its snapshots will be.

    Any thread but that of `make`.
    """

    def __init__(self) -> None:
        self._begun: Future[SavedPoint] = Future()
        self._made: Future[SavedPoint] = Future()
        self.undrifted = False
        """Whether nobody else had changed the replica when the applier was held."""

    def start(self, make: Callable[[Freezing], SavedPoint]) -> None:
        """Make the point in a thread of its own."""
        threading.Thread(target=self._run, args=(make,), name="freeze", daemon=True).start()

    def _run(self, make: Callable[[Freezing], SavedPoint]) -> None:
        try:
            saved = make(self)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._made.set_exception(error)
            if not self._begun.done():
                self._begun.set_exception(error)
        else:
            self._made.set_result(saved)
            if not self._begun.done():
                self._begun.set_result(saved)

    def begun(self, saved: SavedPoint) -> None:
        """From now on it may be read as far as it is made. For `make` alone; the point's file is written."""
        self._begun.set_result(saved)

    def point(self) -> SavedPoint:
        """Waits until it may be read. Raises what making it raised."""
        return self._begun.result()

    def made(self) -> SavedPoint:
        """Waits until all of it is frozen. Raises what making it raised."""
        return self._made.result()

    def ended(self) -> None:
        """Waits until it is made, or failed."""
        self._made.exception()

    @property
    def failed(self) -> bool:
        """Whether it has failed."""
        return self._made.done() and self._made.exception() is not None
