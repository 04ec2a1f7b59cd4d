"""Printing a sheet, and saving it as PDF, web page or text.

It is laid out on a task's thread: a log may be long.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from html import escape

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, Qt
from PySide6.QtGui import QFont, QPagedPaintDevice, QPageLayout, QPageSize, QPdfWriter, QTextDocument
from PySide6.QtWidgets import QFileDialog, QWidget

from app.model.errors import ArcxoError
from app.ui.manager import Context
from app.ui.sheet import Sheet
from app.ui.theme import font

_FILTERS = "PDF (*.pdf);;Web page (*.html);;Text (*.txt)"
_MARGIN_MM = 15.0


def print_sheet(context: Context, sheet: Sheet, owner: QWidget) -> None:
    """Ask for a printer (a PDF file is one, too) and print."""
    # Few people print: the library is read when somebody does.
    from PySide6.QtPrintSupport import QPrintDialog, QPrinter

    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(sheet.title)
    dialog = QPrintDialog(printer, owner)

    def begin() -> None:
        run_print(context, sheet, printer, owner)

    dialog.accepted.connect(begin)
    dialog.finished.connect(dialog.deleteLater)
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    dialog.show()


def run_print(context: Context, sheet: Sheet, device: QPagedPaintDevice, owner: QWidget) -> None:
    """Print on a chosen device, and say when it is done."""

    def printed(_result: object) -> None:
        context.toast("Sent to the printer", sheet.title)

    context.tasks.run(owner, partial(_print, sheet, device, font("body")), printed, context.show_error)


def save_sheet(context: Context, sheet: Sheet, suggestion: str, owner: QWidget) -> None:
    """Ask for a file and write the sheet to it; its name says the form."""
    name, _ = QFileDialog.getSaveFileName(owner, "Save", suggestion, _FILTERS)
    if name:
        run_save(context, sheet, name, owner)


def run_save(
    context: Context, sheet: Sheet, name: str, owner: QWidget, saved: Callable[[], None] = lambda: None
) -> None:
    """Write the sheet to a file, and say when it is done."""

    def told(_result: object) -> None:
        context.toast("Saved", name)
        saved()

    context.tasks.run(owner, partial(write_sheet, sheet, name, font("body")), told, context.show_error)


def write_sheet(sheet: Sheet, name: str, letters: QFont) -> None:
    """Write a PDF, a web page or text, by the end of the name. Blocks; raises ArcxoError E1301."""
    ending = os.path.splitext(name)[1].casefold()
    if ending == ".pdf":
        content = _pdf(sheet, letters)
    elif ending in (".html", ".htm"):
        head = f'<!doctype html><meta charset="utf-8"><title>{escape(sheet.title)}</title>'
        content = (head + sheet.html).encode()
    else:
        content = sheet.text.encode()
    try:
        with open(name, "wb") as file:
            file.write(content)
    except OSError as error:
        raise ArcxoError("E1301", path=name, reason=error.strerror or error) from error


def _print(sheet: Sheet, device: QPagedPaintDevice, letters: QFont) -> None:
    """Qt does not say when nothing could be written: a file that is not there does. ArcxoError E1301."""
    paint(sheet, device, letters)
    name = device.outputFileName() if hasattr(device, "outputFileName") else ""
    if name and not os.path.isfile(name):
        raise ArcxoError("E1301", path=name, reason="nothing was written")


def paint(sheet: Sheet, device: QPagedPaintDevice, letters: QFont) -> None:
    """Lay the sheet out and paint it."""
    document = QTextDocument()
    document.setDefaultFont(letters)
    document.setHtml(sheet.html)
    document.print_(device)


def _pdf(sheet: Sheet, letters: QFont) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(sheet.title)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageMargins(margins, QPageLayout.Unit.Millimeter)
    paint(sheet, writer, letters)
    del writer  # it ends the document
    return bytes(buffer.data().data())
