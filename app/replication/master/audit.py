"""The audit: contents of master and replica compared bit by bit of the tree, for ever, at low priority.

It finds what the engine itself did wrong or the disk lost, which neither events nor times tell of. What
differs is looked at again after a barrier; what still does is told as an error of ours, sent again in full,
and looked at once more.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.model.properties import properties_of
from app.model.report import ReportedChange
from app.model.scenario import ReplicaSpec, ReplicaState, Scenario
from app.replication.background import read_when_idle
from app.replication.link import ReplicaConnector
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.comparison import Candidate, Comparison
from app.replication.master.difference import changed
from app.replication.master.filters import PathFilter
from app.replication.master.flight import Flight
from app.replication.master.inspector import Inspector, open_inspector

BYTES_PER_S = 16 * 1024 * 1024
ENTRIES_PER_S = 2_000
_RANGE_ENTRIES = 5_000
_RANGE_BYTES = 128 * 1024 * 1024
_SETTLE_S = 60.0
_AGAIN_S = 30.0
_EVENTS_MOST = 20
_REPAIRS = 3


class Auditor:
    """For one run of a scenario, in a thread of its own; one replica after the other.

    `every_minutes` from the beginning of one pass to that of the next (0 = never). The position is kept in
    `directory`, so that a restart goes on where it was.
    """

    def __init__(
        self,
        scenario: Scenario,
        directory: str,
        connector: ReplicaConnector,
        flight: Callable[[ReplicaSpec], Flight | None],
        event: Callable[..., None],
        *,
        bytes_per_s: int = BYTES_PER_S,
    ) -> None:
        self._scenario = scenario
        self._path = os.path.join(directory, "audit.json")
        self._connector = connector
        self._flight = flight
        self._event = event
        self._bytes_per_s = bytes_per_s
        self._every_s = scenario.properties.audit_minutes * 60.0
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._state = self._load()
        self._thread = threading.Thread(target=self._work, name=f"audit {scenario.name}", daemon=True)

    def start(self) -> None:
        """Begin, if there is to be an audit at all."""
        if self._every_s and not self._stopping.is_set():
            self._thread.start()

    def close(self) -> None:
        """End; blocks until the look under way is done."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def audit_now(self) -> None:
        """Begin the next pass at once."""
        for spec in self._scenario.replicas:
            self._of(spec)["next"] = 0.0
        self._wanted.set()

    # the thread

    def _work(self) -> None:
        read_when_idle()
        while not self._stopping.is_set():
            waits = [self._replica(spec) for spec in self._scenario.replicas if not self._stopping.is_set()]
            self._wanted.wait(max(0.5, min(waits, default=_AGAIN_S)))
            self._wanted.clear()

    def _replica(self, spec: ReplicaSpec) -> float:
        """Go on with one replica; seconds until there may be something to do again."""
        state = self._of(spec)
        if not state["running"]:
            if "next" not in state:
                # The first pass follows a synchronisation, which has just compared everything.
                state["next"] = time.time() + self._every_s
                self._keep()
            left = float(state["next"]) - time.time()
            if left > 0:
                return min(left, 3600.0)
            state.update(
                {"running": True, "root": 0, "after": None, "files": 0, "bytes": 0, "found": 0,
                 "began": time.time(), "next": time.time() + self._every_s}
            )  # fmt: skip
        flight = self._flight(spec)
        if flight is None or flight.state is not ReplicaState.REPLICATING:
            return _AGAIN_S
        try:
            inspector = open_inspector(self._scenario, spec, self._connector, self._stopping.is_set)
        except ArcxoError:
            return _AGAIN_S
        try:
            while not self._stopping.is_set() and flight.state is ReplicaState.REPLICATING:
                if not self._range(spec, state, flight, inspector):
                    self._finished(spec, state)
                    return 0.5
                self._keep()
        except (ArcxoError, RootLostError, OSError):
            # The run or the link has its own ways to tell; the range is begun again later.
            return _AGAIN_S
        finally:
            inspector.close()
        return _AGAIN_S

    def _range(self, spec: ReplicaSpec, state: dict[str, Any], flight: Flight, inspector: Inspector) -> bool:
        """One range of paths, compared and mended; False when there is none left."""
        number = int(state["root"])
        if number >= len(self._scenario.roots):
            return False
        root = ComparedRoot(number, self._scenario.roots[number].master_path)
        root.identify()
        after = None if state["after"] is None else bytes.fromhex(state["after"])
        began = time.monotonic()
        comparison = Comparison(
            root,
            inspector,
            PathFilter(self._scenario.filters),
            properties_of(self._scenario, spec),
            lambda _path, _error: None,
            content=True,
            pace=lambda size: self._pace(size / self._bytes_per_s),
        )
        found: list[Candidate] = []
        for candidate in comparison.ranged(after, _RANGE_ENTRIES, _RANGE_BYTES):
            found.append(candidate)
            if self._stopping.is_set():
                return True
        if found:
            self._judge(comparison, found, state, flight, spec)
        state["files"] += comparison.compared
        state["bytes"] += comparison.compared_bytes
        if comparison.complete:
            state["root"], state["after"] = number + 1, None
        else:
            state["after"] = comparison.through.hex()
        self._pace(comparison.compared / ENTRIES_PER_S - (time.monotonic() - began))
        return True

    def _judge(
        self,
        comparison: Comparison,
        found: list[Candidate],
        state: dict[str, Any],
        flight: Flight,
        spec: ReplicaSpec,
    ) -> None:
        """What still differs after a barrier is an error of ours: tell it and send it again."""
        for _ in range(2):
            if not flight.settle(_SETTLE_S, self._stopping.is_set):
                # Too much is on its way to tell: the next pass comes by again.
                return
            earlier = {candidate.path: candidate for candidate in found}
            still = comparison.again(found)
            # What others changed there is told as drift, and left or put back as that property says.
            found = [c for c in still if not changed(earlier[c.path], c) and c.path not in comparison.drifted]
            if not found:
                return
        for candidate in found:
            if _is_refused(flight, candidate):
                # That was told, and is among the problems; this is a good moment to try again.
                flight.try_again(candidate.root, candidate.path)
        found = [c for c in found if not _is_refused(flight, c)]
        if not found:
            return
        state["found"] += len(found)
        for candidate in found[:_EVENTS_MOST]:
            self._tell("ER00450", candidate, spec, Severity.ERROR)
        if len(found) > _EVENTS_MOST:
            self._event(
                "ER00451", Severity.ERROR, count=len(found), replica=spec.host,
                path=shown(comparison.whole(found[0].path)),
            )  # fmt: skip
        for _ in range(_REPAIRS):
            for candidate in found:
                flight.send_again(candidate.root, candidate.path)
            if not flight.settle(_SETTLE_S, self._stopping.is_set):
                return
            earlier = {candidate.path: candidate for candidate in found}
            left = comparison.again(found)
            mended = len(found) - len({candidate.path for candidate in left})
            if mended:
                self._event("SR00452", Severity.SIGNIFICANT, count=mended, replica=spec.host)
            found = left
            if not found:
                return
        for candidate in found[:_EVENTS_MOST]:
            self._tell("ER00453", candidate, spec, Severity.ERROR)

    def _tell(self, code: str, candidate: Candidate, spec: ReplicaSpec, severity: Severity) -> None:
        top = self._scenario.roots[candidate.root].master_path
        item = candidate.item(top, in_flight=False)
        self._event(code, severity, path=shown(item.path), what=_WORDS[item.change], replica=spec.host)

    def _finished(self, spec: ReplicaSpec, state: dict[str, Any]) -> None:
        state["running"] = False
        self._keep()
        self._event(
            "IR00454",
            Severity.INFORMATION,
            replica=spec.host,
            entries=state["files"],
            bytes=state["bytes"],
            found=state["found"],
            seconds=f"{time.time() - state['began']:.0f}",
        )

    def _pace(self, seconds: float) -> None:
        """Leave the disk and the processor to others for a while."""
        if seconds > 0:
            self._stopping.wait(min(seconds, 60.0))

    # the position

    def _of(self, spec: ReplicaSpec) -> dict[str, Any]:
        return self._state.setdefault(spec.host, {"running": False})

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            with open(self._path, encoding="utf-8") as file:
                document = json.load(file)
            known = {spec.host for spec in self._scenario.replicas}
            roots = [root.master_path.hex() for root in self._scenario.roots]
            if document["roots"] != roots:
                return {}
            return {host: _checked(state) for host, state in document["replicas"].items() if host in known}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Without a position the audit begins again: nothing is lost but time.
            return {}

    def _keep(self) -> None:
        document = {
            "roots": [root.master_path.hex() for root in self._scenario.roots],
            "replicas": self._state,
        }
        with contextlib.suppress(OSError):
            fd = os.open(self._path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, json.dumps(document).encode())
            finally:
                os.close(fd)
            os.replace(self._path + ".new", self._path)


def _checked(state: dict[str, Any]) -> dict[str, Any]:
    """A position as it was kept. Raises ValueError, KeyError, TypeError for anything else."""
    if not state["running"]:
        return {"running": False, "next": float(state["next"])}
    if state["after"] is not None:
        bytes.fromhex(state["after"])
    return {
        **{name: int(state[name]) for name in ("root", "files", "bytes", "found")},
        **{name: float(state[name]) for name in ("next", "began")},
        "after": state["after"],
        "running": True,
    }


def _is_refused(flight: Flight, candidate: Candidate) -> bool:
    metadata = candidate.change in (ReportedChange.METADATA, ReportedChange.TIME)
    return flight.is_refused(candidate.root, candidate.path, metadata=metadata)


_WORDS = {
    ReportedChange.MISSING: "missing there",
    ReportedChange.EXTRA: "there only",
    ReportedChange.TYPE: "another kind of entry there",
    ReportedChange.SIZE: "size",
    ReportedChange.TIME: "time",
    ReportedChange.CONTENT: "content",
    ReportedChange.METADATA: "permissions, owner or attributes",
    ReportedChange.LINK: "hard links",
}
