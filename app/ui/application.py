"""Start the console: application, theme, first start, window; and end it without leaving anything behind."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication, QDialog

from app.model.recovery import RecoveryPlan
from app.services.api import Services
from app.services.composition import Composition
from app.ui.bridge.collecting import collect_seldom
from app.ui.bridge.tasks import Tasks
from app.ui.dialogs.first_start import FirstStartDialog, InitHome
from app.ui.dialogs.take_over import TakeOver
from app.ui.help.desk import help_desk
from app.ui.main_window import MainWindow
from app.ui.screens import room_of
from app.ui.theme import ThemeMode, theme


class _Faults(QObject):
    """Exceptions in slots reach a dialog instead of vanishing."""

    raised = Signal(str)

    def handle(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(report)
        if not issubclass(kind, KeyboardInterrupt):
            self.raised.emit(report)


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """The QApplication in Arcxo's look (made once per process)."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["arcxo", *arguments])
    app.setApplicationName("Arcxo")
    app.setStyle("Fusion")
    theme().apply(ThemeMode.SYSTEM)
    return app


def run_console(composition: Composition, arguments: Sequence[str] = ()) -> int:
    """Run the console on the default home until its window is closed. Returns its exit code.

    Without a home a short dialog makes one. The server is started in the background when none runs; it goes
    on running after the console.
    """
    app = make_application(arguments)
    help_desk().attend()
    tasks = Tasks()
    faults = _Faults()
    previous = sys.excepthook
    sys.excepthook = faults.handle
    try:
        home = composition.default_home()
        recovered = False
        if not composition.home_exists(home):
            dialog = FirstStartDialog(home, _maker(composition), tasks, take_over=_taker(composition))
            theme().dress(dialog)
            if dialog.exec() != QDialog.DialogCode.Accepted:
                return 0
            home = dialog.folder.text().strip()
            recovered = dialog.recovered
        services = composition.open_services(home)
        try:
            return _show_window(app, services, tasks, faults, recovered=recovered)
        finally:
            tasks.close()
            services.close()
    finally:
        tasks.close()
        sys.excepthook = previous


def _maker(composition: Composition) -> InitHome:
    def init_home(folder: str, password: str) -> None:
        composition.init_home(folder, caroot_password=password)

    return init_home


def _taker(composition: Composition) -> TakeOver:
    def make(plan: RecoveryPlan, password: str, secrets: Sequence[str], without_home: bool) -> None:
        composition.init_from_media(
            plan, caroot_password=password, secrets=secrets, without_home=without_home
        )

    return TakeOver(composition.plan_from_media, make)


def _show_window(
    app: QApplication, services: Services, tasks: Tasks, faults: _Faults, *, recovered: bool = False
) -> int:
    settings = QSettings(str(Path(services.home) / "console.ini"), QSettings.Format.IniFormat)
    _apply_look(settings)
    window = MainWindow(services, tasks, settings)
    if recovered:
        window.open_manager("restore")
    faults.raised.connect(window.show_fault)
    room = room_of(window)
    if window.width() >= room.width() or window.height() >= room.height():
        # With its frame it would reach beyond the screen.
        window.showMaximized()
    else:
        window.show()
    window.start_server()
    collect_seldom()
    code = app.exec()
    window.deleteLater()
    app.processEvents()
    return code


def _apply_look(settings: QSettings) -> None:
    mode = str(settings.value("look/mode", ThemeMode.SYSTEM.value))
    try:
        scale = float(str(settings.value("look/scale", 1.0)))
    except ValueError:
        scale = 1.0
    known = mode in {item.value for item in ThemeMode}
    theme().apply(ThemeMode(mode) if known else ThemeMode.SYSTEM, scale)
