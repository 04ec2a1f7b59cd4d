"""A QApplication in Arcxo's look, memory services, and checks that nothing is left behind."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.services.api import Services
from app.services.local import LocalServices
from app.ui.application import make_application
from app.ui.bridge.tasks import Tasks
from app.ui.main_window import MainWindow
from app.ui.manager import Context, Manager
from app.ui.models.table import RowModel
from app.ui.models.tree import TreeModel
from app.ui.theme import ThemeMode, theme
from tests.support.arcxo_command import running_home
from tests.support.memory_services import MemoryServices


@pytest.fixture(scope="session")
def qapp(request: pytest.FixtureRequest) -> QApplication:
    app = make_application()
    theme().apply(ThemeMode.LIGHT, 1.0)
    return app


@pytest.fixture
def models_unwatched() -> None:
    """For a test whose models are too large to be watched, or that has a tester of its own."""


@pytest.fixture(autouse=True)
def models_keep_the_rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model made in a test is watched by Qt's tester while it changes; its warnings fail the test."""
    if "models_unwatched" in request.fixturenames:
        return
    for kind in (RowModel, TreeModel):
        monkeypatch.setattr(kind, "__init__", _watched(kind.__init__))


def _watched(make: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(make)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        tester = QAbstractItemModelTester(self, QAbstractItemModelTester.FailureReportingMode.Warning, self)
        tester.setUseFetchMore(False)  # what is read when it is opened is read when the test opens it

    return made


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices()


@pytest.fixture
def tasks(qapp: QApplication) -> Iterator[Tasks]:
    made = Tasks(threads=3)
    yield made
    made.close()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("console-task")]
    made.deleteLater()
    assert left == [], "task threads still run after close"


@pytest.fixture
def context(services: MemoryServices, tasks: Tasks, tmp_path: Path) -> Context:
    settings = QSettings(str(tmp_path / "console.ini"), QSettings.Format.IniFormat)
    toasts: list[tuple[Any, ...]] = []
    errors: list[Exception] = []
    opened: list[tuple[str, dict[str, Any]]] = []
    made = Context(services, tasks, settings)  # type: ignore[arg-type] # structurally the same
    made.toast = lambda *texts, **_more: toasts.append(texts)
    made.show_error = lambda error, *_more: errors.append(error)
    made.open_manager = lambda name, **request: opened.append((name, request))
    made.extra = {"toasts": toasts, "errors": errors, "opened": opened}
    return made


@pytest.fixture
def settled(qapp: QApplication, tasks: Tasks, qtbot: Any) -> Callable[[], None]:
    """Call it to wait until every begun service call was delivered."""

    def wait() -> None:
        qtbot.waitUntil(lambda: tasks.pending == 0, timeout=5000)
        qapp.processEvents()

    return wait


@pytest.fixture
def window(
    services: MemoryServices, tasks: Tasks, tmp_path: Path, qtbot: Any, settled: Callable[[], None]
) -> Iterator[MainWindow]:
    """The console's window over memory services, in front of all others."""
    made = MainWindow(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))  # type: ignore[arg-type] # structurally the same
    made.resize(1440, 900)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.close()
    settled()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_leaks(qapp: QApplication) -> Iterator[None]:
    before = set(QApplication.topLevelWidgets())
    yield
    for widget in set(QApplication.topLevelWidgets()) - before:
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with server and agent, for all tests of a file."""
    with running_home(tmp_path_factory.mktemp("site")) as made:
        yield made.home


@pytest.fixture(scope="module")
def real(home: Path) -> Iterator[Services]:
    """The services of that home."""
    made = LocalServices(str(home))
    yield made
    made.close()


@pytest.fixture
def put_up(qtbot: Any, settled: Callable[[], None]) -> Iterator[Callable[..., Any]]:
    """`put_up(manager, width, height)` shows a manager as its window does, until the test has ended."""
    shown: list[Manager] = []

    def put(manager: Manager, width: int = 1240, height: int = 820) -> Manager:
        qtbot.addWidget(manager)
        manager.resize(width, height)
        manager.show()
        manager.activate()
        settled()
        shown.append(manager)
        return manager

    yield put
    for manager in shown:
        manager.deactivate()
    settled()
