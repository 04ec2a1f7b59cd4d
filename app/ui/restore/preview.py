"""What a version looks like: text, picture or bytes, and how two versions differ."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtGui import QImage

from app.model.content import FileContent

SHOWN_BYTES = 1 << 20
IMAGE_BYTES = 24 << 20
_HEX_BYTES = 64 << 10
_HEX_LINE = 16
_MAX_LINES = 8_000
_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"\0\0\x01\0",
)  # fmt: skip
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Look(IntEnum):
    """How a content is shown."""

    TEXT = 0
    IMAGE = 1
    HEX = 2


def may_be_image(data: bytes) -> bool:
    """Whether the first bytes are those of a picture."""
    return data.startswith(_MAGIC)


def text_of(data: bytes, *, whole: bool = True) -> str | None:
    """The content as text; None when it is not text. A part may end within a character."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data[: len(data) - len(data) % 2 if encoding == "utf-16" else len(data)].decode(
                    encoding
                )
            except UnicodeDecodeError:
                return None
    if b"\0" in data:
        return None
    for cut in range(1 if whole else 4):
        try:
            return data[: len(data) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
    text = data.decode("latin-1")
    odd = sum((ord(char) < 32 and char not in "\t\r\n\f\x1b") or 127 <= ord(char) < 160 for char in text)
    return text if odd <= len(text) // 50 else None


def hex_dump(data: bytes, offset: int = 0) -> str:
    """Offset, bytes and characters, sixteen in a line; the first 64 KiB."""
    lines = []
    for begin in range(0, min(len(data), _HEX_BYTES), _HEX_LINE):
        part = data[begin : begin + _HEX_LINE]
        numbers = " ".join(f"{byte:02x}" for byte in part[:8]) + "  " + " ".join(f"{b:02x}" for b in part[8:])
        said = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{offset + begin:08x}  {numbers:<49} {said}")
    return "\n".join(lines)


def image_of(data: bytes) -> QImage | None:
    """The content as a picture; None when it is none that can be read."""
    made = QImage()
    return made if made.loadFromData(data) else None


@dataclass(frozen=True, slots=True)
class Looked:
    """A content with all that is shown of it, made on a task thread."""

    content: FileContent
    text: str | None
    image: QImage | None
    dump: str


def look_at(content: FileContent) -> Looked:
    """Make what is shown. Takes a while for large pictures."""
    image = image_of(content.data) if content.whole and may_be_image(content.data) else None
    return Looked(content, text_of(content.data, whole=content.whole), image, hex_dump(content.data))


def first_look(data: bytes, *, whole: bool = True) -> Look:
    """How a content is best shown."""
    text = text_of(data, whole=whole)
    if may_be_image(data) and text is None:
        return Look.IMAGE
    return Look.TEXT if text is not None else Look.HEX


class LineKind(IntEnum):
    """One line of a difference."""

    SAME = 0
    ADDED = 1
    REMOVED = 2
    PLACE = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the newer of two contents differs from the older. `lines` only for text."""

    summary: str
    lines: tuple[tuple[LineKind, str], ...] = ()


def compare(older: bytes, newer: bytes, *, whole: bool = True) -> Comparison:
    """Line by line for text, else where the bytes begin to differ. Takes a while for large texts."""
    if older == newer:
        return Comparison("The contents are the same." if whole else "What is read of them is the same.")
    first, second = text_of(older, whole=whole), text_of(newer, whole=whole)
    if first is None or second is None:
        return Comparison(_bytes_summary(older, newer))
    old_lines, new_lines = first.splitlines(), second.splitlines()
    if max(len(old_lines), len(new_lines)) > _MAX_LINES:
        return Comparison(f"Too many lines to compare one by one. {_bytes_summary(older, newer)}")
    lines = tuple(_lines(old_lines, new_lines))
    added = sum(kind is LineKind.ADDED for kind, _ in lines)
    removed = sum(kind is LineKind.REMOVED for kind, _ in lines)
    if not lines:
        return Comparison("The lines are the same; only their ends differ.")
    part = "" if whole else " In the part that is read."
    return Comparison(f"{added:,} lines added, {removed:,} removed.{part}", lines)


def _lines(older: Sequence[str], newer: Sequence[str]) -> list[tuple[LineKind, str]]:
    kinds = {"+": LineKind.ADDED, "-": LineKind.REMOVED, "@": LineKind.PLACE}
    found = []
    for number, line in enumerate(difflib.unified_diff(older, newer, lineterm="", n=3)):
        if number >= 2:  # the names of the two, which are empty
            found.append((kinds.get(line[:1], LineKind.SAME), line))
    return found


def _bytes_summary(older: bytes, newer: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(older, newer, strict=False)) if a != b), None)
    grown = len(newer) - len(older)
    sizes = "The same size" if not grown else f"{abs(grown):,} bytes {'more' if grown > 0 else 'fewer'}"
    where = "one is the beginning of the other" if at is None else f"the first difference is at byte {at:,}"
    return f"{sizes}; {where}."
