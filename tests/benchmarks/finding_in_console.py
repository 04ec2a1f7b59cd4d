"""How long the Restore Manager takes to find, list and show versions in a catalog of millions of versions.

    python -m tests.benchmarks.finding_in_console --place DIR

`DIR` holds the catalog that `tests.benchmarks.finding --place DIR` made. Each question goes through the panes
of the console: from the press to the rows in the model, with the longest time that the event loop was away.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QModelIndex, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.services.local import LocalServices
from app.ui.application import make_application
from app.ui.bridge.tasks import Tasks
from app.ui.manager import Context
from app.ui.models.cell import Cell
from app.ui.models.tree import Row
from app.ui.restore.basket import SessionSource
from app.ui.restore.browse_pane import BrowsePane
from app.ui.restore.source_rows import MoreFolders, Node
from app.ui.restore.source_tab import BY_QUERY, BY_SESSION, BY_TREE, Known, SourceTab, read_known
from tests.support.catalog_rows import MACHINE, ROOT
from tests.support.large_catalog import LARGE_FOLDER

_PATTERNS = ("invoice", "*.txt", "invoice-ledger", "no such name", "*", "q*z")
_PATIENCE_S = 60.0


class Watch:
    """The event loop's longest absence."""

    def __init__(self) -> None:
        self._before = time.perf_counter()
        self.longest = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._on_round)
        self._timer.start(2)

    def _on_round(self) -> None:
        now = time.perf_counter()
        self.longest, self._before = max(self.longest, now - self._before), now

    def take(self) -> float:
        """Seconds, since the last question."""
        longest, self.longest = self.longest, 0.0
        return longest


class Console:
    """The Source tab of the Restore Manager on that catalog."""

    def __init__(self, place: Path, settings: Path) -> None:
        self.app = make_application()
        self.tasks = Tasks(threads=3)
        self.services = LocalServices(str(place))
        ini = QSettings(str(settings), QSettings.Format.IniFormat)
        self.tab = SourceTab(Context(self.services, self.tasks, ini))
        self.tab.resize(1230, 820)
        self.tab.show()
        self.watch = Watch()

    def timed(self, label: str, act: Callable[[], object], there: Callable[[], bool]) -> None:
        """Print how long it takes until `there`, twice, and the longest stall."""
        times, stalls = [], []
        for _ in range(2):
            self.settle()
            self.watch.take()
            began = time.perf_counter()
            act()
            while not there():
                QApplication.processEvents()
                if time.perf_counter() - began > _PATIENCE_S:
                    print(f"{label}: not there after {_PATIENCE_S:.0f} s", flush=True)
                    return
                time.sleep(0.0005)
            times.append((time.perf_counter() - began) * 1000)
            self.settle()
            stalls.append(self.watch.take() * 1000)
        print(
            f"{times[0]:9.1f} ms first {times[1]:8.1f} ms then   stall {max(stalls):6.1f} ms  {label}",
            flush=True,
        )

    def settle(self) -> None:
        """Until nothing is asked any more, and what was asked is painted."""
        until = time.perf_counter() + 0.1
        while self.tasks.pending or time.perf_counter() < until:
            QApplication.processEvents()
            time.sleep(0.0005)

    def close(self) -> None:
        """End it."""
        self.tasks.close()
        self.services.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        console = Console(options.place, Path(temporary) / "console.ini")
        try:
            _measure(console)
        finally:
            console.close()


def _measure(console: Console) -> None:
    tab = console.tab
    services = console.services
    console.tasks.run(tab, lambda: read_known_offline(services), tab.set_known)
    console.settle()
    tab.view.setCurrentIndex(BY_QUERY)
    query = tab.by_query
    for pattern in _PATTERNS:

        def ask(pattern: str = pattern) -> None:
            query.model.set_items(())
            query.pattern.setText(pattern)
            query.ask.click()

        console.timed(f"query {pattern}", ask, lambda: not console.tasks.pending)
    tab.view.setCurrentIndex(BY_SESSION)
    pane = tab.by_session
    # The catalog knows nothing above the root: the tree begins there.
    newest = services.media.sessions()[0]
    source = SessionSource(newest.media_serial, newest.number)
    console.watch.take()
    began = time.perf_counter()
    pane.set_rows((Row(ROOT, (Cell(ROOT.decode()),), None, Node(source, ROOT)),))
    console.settle()
    took, stall = (time.perf_counter() - began) * 1000 - 100, console.watch.take() * 1000
    count = pane.model.rowCount(pane.model.index(0, 0))
    print(f"{took:9.1f} ms first                     stall {stall:6.1f} ms  {count:,} folders in the tree")
    for path in (ROOT, LARGE_FOLDER, ROOT + b"/folder000005"):
        _browse(console, pane, path)
    tab.view.setCurrentIndex(BY_TREE)
    tab.show_versions()
    entry = services.restores.browse_tree(MACHINE, ROOT + b"/folder000005")[7].path

    def history() -> None:
        tab.versions.ask("", b"")
        tab.versions.ask(MACHINE, entry)

    there = tab.versions.model
    console.timed(
        "Version History of a file", history, lambda: bool(there.items) and not console.tasks.pending
    )


def read_known_offline(services: LocalServices) -> Known:
    """As `read_known`; a bare catalog has no server to ask."""
    from types import SimpleNamespace

    shim = SimpleNamespace(
        media=services.media,
        restores=services.restores,
        jobs=services.jobs,
        server=SimpleNamespace(state=lambda: SimpleNamespace(name="here")),
    )
    return read_known(shim)


def _browse(console: Console, pane: BrowsePane, path: bytes) -> None:
    """Open a folder in the tree and see its first page."""
    index = _index_of(console, pane, path)

    def open_() -> None:
        pane.tree.clearSelection()
        pane.tree.setCurrentIndex(QModelIndex())
        pane.entries.set_items(())
        pane.tree.select_row(index)

    console.timed(
        f"browse {path.decode()}", open_, lambda: bool(pane.entries.items) and not console.tasks.pending
    )


def _index_of(console: Console, pane: BrowsePane, path: bytes) -> QModelIndex:
    """The row of a path, its parents opened."""
    at = pane.model.index(0, 0)
    console.settle()
    while (node := _object(pane, at)) is None or getattr(node, "path", b"") != path:
        pane.tree.setExpanded(at, True)
        console.settle()
        found = _towards(pane, at, path)
        if not found.isValid():
            raise LookupError(path)
        if isinstance(_object(pane, found), MoreFolders):
            pane.tree.select_row(found)
            console.settle()
        else:
            at = found
    return at


def _towards(pane: BrowsePane, at: QModelIndex, path: bytes) -> QModelIndex:
    """The child that is the path or leads there; else the row that brings more of them."""
    for row in range(pane.model.rowCount(at)):
        child = pane.model.index(row, 0, at)
        node = _object(pane, child)
        above = getattr(node, "path", b"")
        if isinstance(node, MoreFolders) or path == above or path.startswith(above.rstrip(b"/") + b"/"):
            return child
    return QModelIndex()


def _object(pane: BrowsePane, index: QModelIndex) -> object:
    row = pane.model.row_at(index)
    return row.object if row is not None else None


if __name__ == "__main__":
    main()
