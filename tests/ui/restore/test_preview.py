"""A version is looked at and compared without being restored."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from app.model.errors import CredentialsError
from app.ui.restore import preview
from app.ui.restore.preview import LineKind, Look
from app.ui.restore.preview_dialog import CompareDialog, PreviewDialog
from app.ui.restore.versions_pane import VersionsPane

PATH = b"/srv/sales/pipeline.xlsx"


def picture() -> bytes:
    image = QImage(8, 6, QImage.Format.Format_RGB32)
    image.fill(0x336699)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def test_text_in_several_encodings_is_text_and_bytes_are_not():
    assert preview.text_of("grün".encode()) == "grün"
    assert preview.text_of("grün".encode("latin-1")) == "grün"
    assert preview.text_of("grün".encode("utf-16")) == "grün"
    assert preview.text_of("grün".encode()[:3], whole=False) == "gr"
    assert preview.text_of(b"a\0b") is None
    assert preview.text_of(bytes(range(1, 200))) is None


def test_each_content_has_a_look_that_suits_it(qapp):
    assert preview.first_look(b"a,b\n1,2\n") is Look.TEXT
    assert preview.first_look(picture()) is Look.IMAGE
    assert preview.first_look(b"\0\1\2") is Look.HEX
    assert preview.image_of(b"\x89PNG but not really") is None


def test_bytes_are_dumped_with_offsets_and_characters():
    assert preview.hex_dump(b"ABCDEFGHIJKLMNOPQ\n").splitlines() == [
        "00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP",
        "00000010  51 0a                                             Q.",
    ]


def test_texts_differ_by_lines_and_bytes_by_place():
    found = preview.compare(b"one\ntwo\nthree\n", b"one\n2\nthree\nfour\n")
    assert found.summary == "2 lines added, 1 removed."
    assert (LineKind.REMOVED, "-two") in found.lines
    assert (LineKind.ADDED, "+four") in found.lines
    assert preview.compare(b"x", b"x").summary == "The contents are the same."
    assert preview.compare(b"\0abc", b"\0aXc").summary == "The same size; the first difference is at byte 2."
    assert preview.compare(b"\0ab", b"\0abcd").summary.startswith("2 bytes more; one is the beginning")
    many = b"\n".join(b"%d" % number for number in range(9000))
    assert preview.compare(many, many[1:]).summary.startswith("Too many lines")


@pytest.fixture
def pane(context, qtbot, settled):
    made = VersionsPane(context)
    qtbot.addWidget(made)
    made.show()
    made.ask("localhost", PATH)
    settled()
    return made


def opened(pane, kind, settled):
    settled()
    (found,) = [one for one in pane.findChildren(kind) if one.isVisible()]
    return found


def test_a_version_is_previewed(pane, services, settled):
    session = pane.model.items[0].last_session
    services.contents[session.number, PATH] = picture()
    if session.encrypted:
        pane.model.set_items([replace(pane.model.items[0], last_session=replace(session, encrypted=False))])
    pane.preview.click()
    dialog = opened(pane, PreviewDialog, settled)
    assert dialog.looks.position == Look.IMAGE
    assert "Nothing is restored" in dialog.note.text()
    dialog.show_look(Look.HEX)
    assert dialog.hex.toPlainText().startswith("00000000  89 50 4e 47")


def test_an_encrypted_version_asks_for_its_password_and_says_when_it_is_wrong(pane, services, settled):
    version = pane.model.items[0]
    pane.model.set_items([replace(version, last_session=replace(version.last_session, encrypted=True))])
    pane.preview.click()
    dialog = opened(pane, PreviewDialog, settled)
    assert not services.called("restores.read_file")
    services.raises["restores.read_file"] = CredentialsError("E1134", session=60, media="FSD-2026-A")
    dialog.password.setText("wrong")
    dialog.open_.click()
    settled()
    assert dialog.problem.isVisible()
    del services.raises["restores.read_file"]
    dialog.password.setText("geheim")
    dialog.open_.click()
    settled()
    assert services.called("restores.read_file")[-1][4] == "geheim"
    assert dialog.text.toPlainText() == "one\ntwo\n"
    assert not dialog.password_field.isVisible()


def test_a_version_is_compared_with_the_one_before_it(pane, services, settled):
    newer = pane.model.items[0]
    plain = replace(newer.last_session, encrypted=False)
    newer = replace(newer, last_session=plain)
    older = replace(
        newer,
        content_id="older",
        modified_ns=newer.modified_ns - 10**9,
        last_session=replace(plain, number=plain.number - 1),
    )
    pane.model.set_items([newer, older])
    services.contents[newer.last_session.number, PATH] = b"one\nthree\n"
    services.contents[older.last_session.number, PATH] = b"one\ntwo\n"
    pane.table.select_row(pane.table.model().index(1, 0))
    assert not pane.compare.isEnabled(), "there is none before the oldest"
    pane.table.select_row(pane.table.model().index(0, 0))
    pane.compare.click()
    dialog = opened(pane, CompareDialog, settled)
    assert "1 lines added, 1 removed" in dialog.note.text()
    assert "-two" in dialog.lines.toPlainText()
    assert "+three" in dialog.lines.toPlainText()
