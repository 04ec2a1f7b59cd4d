"""Reports kept on the host that made them: a head per report, its items in a file of their own.

`<id>.json` is the head, made last, so that a report is there as a whole or not at all; `<id>.items` has one
JSON document per line. The newest are kept, a bounded number of them and not for ever.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii as quoted
from types import TracebackType
from typing import Any, Self

from app.model.errors import NotFoundError
from app.model.report import Report, ReportedChange, ReportItem, ReportKind
from app.model.scenario import RootStatistics

KEPT_MOST = 50
KEPT_DAYS = 90
ITEMS_MOST = 1_000_000
_BUFFER = 256 * 1024
_IN_FLIGHT = b'"in_flight": true'


class ReportStore:
    """The reports of one scenario, in `directory`. Any thread."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def begin(self, report: Report) -> ReportWriter:
        """A writer for the items of a new report; `keep` of it makes the report. Raises OSError."""
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        return ReportWriter(self, self._directory, report)

    def add(self, report: Report, items: Iterator[ReportItem] | None = None) -> Report:
        """Keep a report, with its items. Raises OSError."""
        with self.begin(report) as writer:
            for item in items or ():
                writer.put(item)
            return writer.keep(report)

    def newest_first(self) -> list[Report]:
        """All reports without items, newest first."""
        found = []
        for name in self._names():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.append(self._head(name))
        found.sort(key=lambda report: (report.created_at, report.id), reverse=True)
        return found

    def get(self, report_id: str, limit: int) -> Report:
        """One report with up to `limit` items, in their order. Raises NotFoundError ER00440.

        Where there are more, those that are only in flight are left out first.
        """
        if not report_id.isalnum():
            raise NotFoundError("ER00440", report=report_id)
        try:
            head = self._head(report_id)
        except (OSError, ValueError, KeyError, TypeError):
            raise NotFoundError("ER00440", report=report_id) from None
        items: list[ReportItem] = []
        if head.file:
            with contextlib.suppress(OSError, ValueError, KeyError), open(head.file, "rb") as file:
                lines = _chosen(file, limit, head.figures.get("differences", 0))
                items += [_item(json.loads(line)) for line in lines]
        return replace(head, items=tuple(items), truncated=head.item_count > len(items))

    def _head(self, report_id: str) -> Report:
        with open(os.path.join(self._directory, f"{report_id}.json"), encoding="utf-8") as file:
            return _report(json.load(file))

    def _names(self) -> list[str]:
        try:
            return [name[:-5] for name in os.listdir(self._directory) if name.endswith(".json")]
        except FileNotFoundError:
            return []

    def keep(self, report: Report) -> None:
        """Make a report's head, durably, and drop what is too many or too old. Raises OSError."""
        head = os.path.join(self._directory, f"{report.id}.json")
        document = json.dumps(_document(report)).encode()
        with self._lock:
            fd = os.open(head + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, document)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(head + ".new", head)
            self._drop_old()

    def _drop_old(self) -> None:
        oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
        known = self.newest_first()
        kept = {report.id for report in known[:KEPT_MOST] if report.created_at >= oldest}
        for name in os.listdir(self._directory):
            stem, _, suffix = name.partition(".")
            if stem in kept or suffix == "items.new":
                continue
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._directory, name))


class ReportWriter:
    """Items of a report being made. Left without `keep`, nothing of it stays."""

    def __init__(self, store: ReportStore, directory: str, report: Report) -> None:
        self._store = store
        self._path = os.path.join(directory, f"{report.id}.items")
        self._fd = os.open(self._path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._buffer = bytearray()
        self.count = 0

    def put(self, item: ReportItem) -> None:
        """Add an item; beyond a million they are counted only. Raises OSError."""
        self.count += 1
        if self.count > ITEMS_MOST:
            return
        self._buffer += _line(item)
        if len(self._buffer) > _BUFFER:
            self._flush()

    def keep(self, report: Report) -> Report:
        """Make the report; as it was kept. Raises OSError."""
        self._flush()
        if self.count:
            os.fsync(self._fd)
            os.replace(self._path + ".new", self._path)
        kept = replace(report, item_count=self.count, file=self._path if self.count else "", items=())
        self._store.keep(kept)
        return kept

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path + ".new")

    def _flush(self) -> None:
        view = memoryview(bytes(self._buffer))
        while view:
            view = view[os.write(self._fd, view) :]
        self._buffer.clear()


def _chosen(file: Iterable[bytes], limit: int, differences: int) -> list[bytes]:
    """Up to `limit` lines, in their order: of the differences first, then of what is in flight."""
    room = max(0, limit - differences)
    found: list[bytes] = []
    for line in file:
        if len(found) >= limit:
            break
        if _IN_FLIGHT in line:
            if not room:
                continue
            room -= 1
        found.append(line)
    return found


def new_report(kind: ReportKind, scenario_id: int, scenario: str, replica: str, began_at: datetime) -> Report:
    """A report that is just being made."""
    return Report(secrets.token_hex(6), kind, scenario_id, scenario, replica, began_at, datetime.now(UTC))


def _document(report: Report) -> dict[str, Any]:
    document = asdict(replace(report, items=(), roots=()))
    document["began_at"] = report.began_at.isoformat()
    document["created_at"] = report.created_at.isoformat()
    document["roots"] = [
        {
            **asdict(root),
            "master_path": os.fsdecode(root.master_path),
            "last_change_at": root.last_change_at.isoformat() if root.last_change_at else None,
        }
        for root in report.roots
    ]
    return document


def _report(document: dict[str, Any]) -> Report:
    roots = tuple(
        RootStatistics(
            **{
                **root,
                "master_path": os.fsencode(root["master_path"]),
                "last_change_at": datetime.fromisoformat(root["last_change_at"])
                if root["last_change_at"]
                else None,
            }
        )
        for root in document["roots"]
    )
    return Report(
        **{
            **document,
            "kind": ReportKind(document["kind"]),
            "began_at": datetime.fromisoformat(document["began_at"]),
            "created_at": datetime.fromisoformat(document["created_at"]),
            "roots": roots,
            "items": (),
        }
    )


def _line(item: ReportItem) -> bytes:
    """A document with the fields of the item, as `json.dumps` writes it.

    Written out: a synchronisation has many items, and ends once they are kept.
    """
    text = item.path.decode("utf-8", "replace")
    line = (
        f'{{"path": {quoted(text)}, "change": {quoted(item.change)}, "kind": {quoted(item.kind)}, '
        f'"size_bytes": {item.size_bytes}, "replica_size_bytes": {item.replica_size_bytes}, '
        f'"in_flight": {"true" if item.in_flight else "false"}'
    )
    if "\ufffd" in text and text.encode() != item.path:
        line += f', "path_b64": "{base64.b64encode(item.path).decode("ascii")}"'
    return f"{line}}}\n".encode("ascii")


def _item(document: dict[str, Any]) -> ReportItem:
    encoded = document.pop("path_b64", None)
    path = base64.b64decode(encoded) if encoded else document["path"].encode()
    return ReportItem(**{**document, "path": path, "change": ReportedChange(document["change"])})
