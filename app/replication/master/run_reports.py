"""The reports that a run of a scenario makes by itself: of each synchronisation, of a while, of its end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgpack

from app.model.events import Severity
from app.model.report import Report, ReportedChange, ReportItem, ReportKind
from app.model.scenario import ReplicaStatus, RootStatistics, Scenario
from app.replication.reports import ReportStore, new_report

REPORTS = "reports"
SYNC_ITEMS_MOST = 20_000
_DAY_S = 86_400.0
_log = logging.getLogger("arcxo.replication.reports")
_POSTED = {
    ReportKind.SYNCHRONIZATION: "IR00405",
    ReportKind.REPLICATION: "IR00441",
    ReportKind.DIFFERENCE: "IR00442",
    ReportKind.SCENARIO: "IR00443",
}


def report_store(directory: str) -> ReportStore:
    """The reports of the scenario whose directory this is."""
    return ReportStore(os.path.join(directory, REPORTS))


class RunReports:
    """For one run. Any thread. A report that cannot be kept is told in the log; replication goes on."""

    def __init__(
        self,
        scenario: Scenario,
        directory: str,
        event: Callable[..., None],
        status: Callable[[], tuple[Sequence[ReplicaStatus], Sequence[RootStatistics]]],
    ) -> None:
        self._scenario = scenario
        self._store = report_store(directory)
        self._event = event
        self._status = status
        self._began_at = datetime.now(UTC)
        self._last: dict[str, int] = {}
        self._last_at = self._began_at
        self._synchronizations = 0

    def synchronized(self, host: str, items: SyncItems, sent_bytes: int) -> None:
        """A synchronisation has ended."""
        self._synchronizations += 1
        report = self._new(ReportKind.SYNCHRONIZATION, host, items.began_at)
        figures = {"modified": items.modified, "removed": items.removed, "sent_bytes": sent_bytes}
        self._keep(replace(report, figures=figures), items.take())

    def daily(self) -> None:
        """A replication report, if the last is a day old. Call it now and then."""
        if (datetime.now(UTC) - self._last_at).total_seconds() >= _DAY_S:
            self.replication()

    def replication(self) -> None:
        """What happened since the start and since the last report."""
        replicas, roots = self._status()
        now = _totals(roots)
        figures = {f"since_start_{name}": count for name, count in now.items()}
        figures |= {f"since_last_{name}": count - self._last.get(name, 0) for name, count in now.items()}
        for replica in replicas:
            figures[f"sent_bytes {replica.host}"] = replica.changed_bytes
            figures[f"applied {replica.host}"] = replica.applied_operations
        report = self._new(ReportKind.REPLICATION, "", self._last_at)
        self._last, self._last_at = now, datetime.now(UTC)
        self._keep(replace(report, figures=figures, roots=tuple(roots)), ())

    def ended(self, problems: int) -> None:
        """The run is over: a replication report and one of the scenario."""
        self.replication()
        replicas, roots = self._status()
        figures = {
            "seconds": int((datetime.now(UTC) - self._began_at).total_seconds()),
            "synchronizations": self._synchronizations,
            "replicas": len(replicas),
            "problems": problems,
            **_totals(roots),
        }
        report = self._new(ReportKind.SCENARIO, "", self._began_at)
        self._keep(replace(report, figures=figures, roots=tuple(roots)), ())

    def posted(self, report: Report) -> None:
        """Tell that a report is there."""
        self._event(
            _POSTED[report.kind], Severity.INFORMATION, report=report.id,
            replica=report.replica or self._scenario.master,
        )  # fmt: skip

    def _new(self, kind: ReportKind, host: str, began_at: datetime) -> Report:
        return new_report(kind, self._scenario.id, self._scenario.name, host, began_at)

    def _keep(self, report: Report, items: Iterable[ReportItem]) -> None:
        try:
            self.posted(self._store.add(report, iter(items)))
        except OSError as error:
            _log.info("a report of %s could not be kept: %s", self._scenario.name, error)


class SyncItems:
    """What a synchronisation sends and removes, the first of it, for its report.

    Packed: thousands of objects that stay among millions that go would keep the memory of those.
    """

    def __init__(self) -> None:
        self._packed = bytearray()
        self._kept = 0
        self._compared: dict[bytes, tuple[bytes, str, int]] = {}
        self.modified = 0
        self.removed = 0
        self.began_at = datetime.now(UTC)

    def add(self, path: bytes, kind: str, size_bytes: int, *, removed: bool) -> None:
        """One path, the master's, absolute."""
        self.modified += not removed
        self.removed += removed
        if self._kept < SYNC_ITEMS_MOST:
            self._keep(path, kind, size_bytes, removed=removed)

    def add_if_different(self, path: bytes, whole: bytes, kind: str, size_bytes: int) -> None:
        """A path that counts once `compared` says that it differs; `path` relative, `whole` absolute."""
        self._compared[path] = (whole, kind, size_bytes)

    def compared(self, path: bytes, *, different: bool) -> None:
        """A part of `path` was compared, or sent. Paths come in the order in which they were told."""
        waiting = self._compared
        if path not in waiting:
            return
        while (first := next(iter(waiting))) != path:
            # Of those nothing comes any more: they were the same.
            del waiting[first]
        if different:
            whole, kind, size_bytes = waiting.pop(path)
            self.add(whole, kind, size_bytes, removed=False)

    def root_done(self) -> None:
        """All that was told of this root was compared."""
        self._compared.clear()

    def add_new(self, paths: Callable[[int], Iterable[tuple[bytes, str, int]]], count: int) -> None:
        """So many new ones; `paths(most)` gives (path, kind, size) of the first of them."""
        self.modified += count
        room = SYNC_ITEMS_MOST - self._kept
        if room > 0:
            for path, kind, size_bytes in paths(room):
                self._keep(path, kind, size_bytes, removed=False)

    def _keep(self, path: bytes, kind: str, size_bytes: int, *, removed: bool) -> None:
        self._kept += 1
        self._packed += msgpack.packb((path, kind, size_bytes, removed))

    def take(self) -> Iterator[ReportItem]:
        """Those kept, in their order; they are given up by that."""
        packed, self._packed = self._packed, bytearray()
        for path, kind, size_bytes, removed in _unpacked(packed):
            change = ReportedChange.REMOVED if removed else ReportedChange.MODIFIED
            yield ReportItem(path, change, kind, size_bytes)


def _unpacked(packed: bytearray) -> Iterator[tuple[bytes, str, int, bool]]:
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=max(len(packed), 1))
    unpacker.feed(packed)
    yield from unpacker


def _totals(roots: Sequence[RootStatistics]) -> dict[str, int]:
    return {
        "folders_created": sum(root.folders_created for root in roots),
        "files_changed": sum(root.files_changed for root in roots),
        "removed": sum(root.removed for root in roots),
        "renamed": sum(root.renamed for root in roots),
        "changed_bytes": sum(root.changed_bytes for root in roots),
    }
