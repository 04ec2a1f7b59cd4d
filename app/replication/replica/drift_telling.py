"""Tells people of drift: few findings one by one, many of them together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.model.drift import DriftKind
from app.model.events import Severity
from app.model.paths import shown
from app.model.scenario import DriftHandling, ScenarioProperties
from app.replication.events import EventStore
from app.replication.replica.drift import Finding, changed_at_ns
from app.replication.replica.drift_keeping import LEAST_MINUTES
from app.replication.replica.replica import Replica

_EVENTS_EACH = 20
_EVENTS_PER_S = 60.0
_PATHS_SHOWN = 5
_DONE = {kind: kind.value for kind in DriftKind} | {DriftKind.METADATA: "given other metadata"}
"""What was done to an entry, after "was" or a number."""


class DriftTelling:
    """One replica's."""

    def __init__(self, replica: Replica, events: EventStore) -> None:
        self._replica = replica
        self._events = events
        self._told: list[float] = []
        self._blind_told = False

    def tell(
        self,
        findings: Sequence[Finding],
        properties: ScenarioProperties,
        kept: dict[tuple[int, bytes], bytes],
        *,
        overwritten: bool = False,
    ) -> None:
        """Tell of findings: of a few one by one, of many together. `kept`: where what was put back is.

        `overwritten`: a synchronisation that runs now makes these equal to the master in any case.
        """
        told = [finding for finding in findings if finding.told]
        if not told:
            return
        now = time.monotonic()
        self._told = [at for at in self._told if now - at < _EVENTS_PER_S]
        if len(told) + len(self._told) > _EVENTS_EACH:
            self._tell_many(told)
            return
        self._told += [now] * len(told)
        for finding in told:
            params: dict[str, object] = {
                "path": shown(self.at(finding)),
                "what": _DONE[finding.kind],
                "changed": changed_text(finding),
                "replica": self._replica.name,
            }
            if finding.other:
                params["what"] = f"renamed from {shown(finding.other)}"
            if properties.drift is DriftHandling.REPORT:
                stays = properties.keep_deleted_during_sync and finding.kind is DriftKind.CREATED
                self.event("WR00437" if overwritten and not stays else "WR00430", params=params)
                continue
            place = kept.get((finding.root, finding.path), b"")
            until = datetime.now(UTC) + timedelta(minutes=max(properties.rewind_minutes, LEAST_MINUTES))
            params["kept"] = shown(place) or "—"
            params["until"] = until.isoformat(timespec="minutes") if place else "—"
            self.event("WR00431", params=params)

    def _tell_many(self, told: Sequence[Finding]) -> None:
        """One event for all of them, with counts and the first paths."""
        counts: dict[str, int] = {}
        for finding in told:
            done = _DONE[finding.kind]
            counts[done] = counts.get(done, 0) + 1
        first = ", ".join(shown(self.at(finding)) for finding in told[:_PATHS_SHOWN])
        params: dict[str, object] = {
            "count": len(told),
            "counts": ", ".join(f"{count} {done}" for done, count in sorted(counts.items())),
            "paths": first + (", …" if len(told) > _PATHS_SHOWN else ""),
            "replica": self._replica.name,
        }
        self.event("WR00433", params=params)

    def blind(self, cause: str) -> None:
        """Not everything can be watched; told once."""
        if not self._blind_told:
            self._blind_told = True
            self.event("WR00435", params={"replica": self._replica.name, "cause": cause})

    def event(self, code: str, severity: Severity = Severity.WARNING, *, params: dict[str, object]) -> None:
        """An event of the replica's scenario."""
        scenario = self._replica.scenario
        self._events.append(
            code,
            severity,
            scenario_id=scenario.id if scenario else None,
            scenario_name=scenario.name if scenario else "",
            **params,
        )

    def at(self, finding: Finding) -> bytes:
        """Where a finding is, absolute."""
        return whole_path(self._replica.paths[finding.root], finding.path)


def whole_path(top: bytes, path: bytes) -> bytes:
    """The absolute path of one that is relative to a root."""
    return top + b"/" + path if path else top


def time_of(at_ns: int) -> datetime:
    """Nanoseconds since 1970 as a time."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC)


def changed_text(finding: Finding) -> str:
    """When it was changed, for an event: as the file system tells, else when it was found, which is now."""
    changed = changed_at_ns(finding)
    return time_of(changed).isoformat(timespec="seconds") if changed else _now()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
