"""The first opening of a manager, in several rounds of the event loop, so that none of them is long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from PySide6.QtCore import QObject

from app.ui.bridge.slices import Slices
from app.ui.manager import Context, Manager
from app.ui.registry import ManagerEntry


def open_in_rounds(
    parent: QObject,
    context: Context,
    entry: ManagerEntry,
    known: Mapping[str, Manager],
    put_in: Callable[[str, Manager], None],
    shown: Callable[[], None],
) -> None:
    """Read the manager's code in the background, make it, `put_in` it, and then call `shown`.

    Nothing is made when it is known by then. A fault is told as one of the background.
    """

    def steps() -> Iterator[None]:
        yield
        if entry.name in known:
            return
        made: Manager | None = None
        for part in entry.load().in_rounds(context):
            made = part
            yield
        if made is None or entry.name in known:
            return
        put_in(entry.name, made)
        yield

    # The code may still be being read by another thread: this one does not wait for it.
    context.tasks.run(parent, entry.load, lambda _kind: _begin(parent, steps(), shown))


def _begin(parent: QObject, steps: Iterator[None], shown: Callable[[], None]) -> None:
    def done() -> None:
        slices.deleteLater()
        shown()

    slices = Slices(parent, steps, done)
