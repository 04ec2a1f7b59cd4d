"""Opening and saving job scripts: files that keep what a backup does, without its secrets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app.model.errors import UsageError
from app.model.job_script import MOST_BYTES, SUFFIX, SavedBackup, to_file
from app.ui.manager import Context

FILTER = f"Arcxo job scripts (*{SUFFIX});;All files (*)"


class ScriptFiles(QObject):
    """Asks for files and reads and writes them on task threads.

    `saved()` is what is to be kept, None when it is not whole; `opened(saved)` is told what a file says.
    """

    def __init__(
        self,
        context: Context,
        saved: Callable[[], SavedBackup | None],
        opened: Callable[[SavedBackup], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._context, self._saved, self._opened, self._window = context, saved, opened, window

    def ask_open(self) -> None:
        """Ask for a file and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open job script", "", FILTER)
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Open a job script; what was chosen before is gone then."""
        backups, context = self._context.services.backups, self._context
        context.tasks.run(
            self, lambda: backups.open_script(read_script(path)), self._opened, context.show_error
        )

    def ask_save(self) -> None:
        """Ask for a file and save to it; an existing one was agreed to be replaced."""
        saved = self._saved()
        if saved is None:
            return
        cleaned = "".join(char if char.isalnum() or char in " .-_" else "-" for char in saved.name)[:80]
        suggestion = f"{cleaned or 'backup'}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self._window, "Save job script", suggestion, FILTER)
        if name:
            path = Path(name)
            self.save(path if path.suffix else path.with_suffix(SUFFIX), saved)

    def save(self, path: Path, saved: SavedBackup) -> None:
        """Write a job script."""
        context = self._context
        call = partial(write_script, path, to_file(saved))
        context.tasks.run(self, call, partial(self._on_saved, path), context.show_error)

    def _on_saved(self, path: Path, _result: object) -> None:
        self._context.toast("Job script saved", str(path))


def read_script(path: Path) -> bytes:
    """The content of a file, of at most a little more than a script has. Raises UsageError E5755."""
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError("E5755", file=str(path), details=error.strerror or "it cannot be read") from error


def write_script(path: Path, content: bytes) -> None:
    """Write a file whole. Raises UsageError E5755."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError("E5755", file=str(path), details=error.strerror or "it cannot be written") from error
