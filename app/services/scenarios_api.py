"""The scenarios as the user interfaces ask for them. See `api`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from app.model.brake import BrakeResult, BrakeReview
from app.model.discovery import Discovery
from app.model.drift import DriftReport
from app.model.events import EventRecord, Severity
from app.model.filters import FilterPreview
from app.model.host import CheckResult
from app.model.kept_replica import KeptReplica, LeftBehind, LeftoverSearch
from app.model.path_state import DirectoryStates
from app.model.report import ComparisonProgress, Report
from app.model.rewind import (
    PointKind,
    ReplicatedBack,
    RewindDensity,
    RewindPlan,
    RewindPoint,
    RewindResult,
)
from app.model.scenario import Filters, NewScenario, Scenario, ScenarioStatus, SyncMethod
from app.model.template import ScenarioTemplate


class ScenarioService(Protocol):
    """Scenarios of all known hosts. Names are unique within a home; `name` may also be the id as text."""

    def list(self) -> Sequence[ScenarioStatus]: ...
    def show(self, name: str) -> ScenarioStatus: ...
    def verify(self, scenario: NewScenario) -> Sequence[CheckResult]: ...
    def preview(
        self,
        roots: Sequence[bytes],
        filters: Filters,
        *,
        master: str = "localhost",
        examples: int = 20,
        seconds: float = 3.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
    ) -> FilterPreview:
        """What filters would make of directories of a master; after `seconds` (0 = never) what was seen."""
        ...

    def create(self, scenario: NewScenario) -> Scenario: ...
    def update(self, scenario: Scenario) -> Scenario: ...
    def register(self, name: str) -> Scenario: ...
    def templates(self) -> Sequence[ScenarioTemplate]:
        """What new scenarios may begin with, by name."""
        ...

    def save_template(self, name: str, scenario: str) -> ScenarioTemplate:
        """Keep what a scenario has but hosts and directories; replaces. Raises UsageError E1192."""
        ...

    def remove_template(self, name: str) -> None: ...
    def discover(self) -> Discovery:
        """The scenarios of all known hosts that are not registered here. Changes nothing."""
        ...

    def kept(self, name: str) -> Sequence[KeptReplica]:
        """What the hosts of its replicas keep beside their directories; silent hosts are left out."""
        ...

    def delete(
        self, name: str, *, registration_only: bool = False, keep_rewind: bool = False
    ) -> Sequence[LeftBehind]:
        """Delete a scenario, and what is kept of its replicas unless `keep_rewind`; returns what remains."""
        ...

    def leftovers(self) -> LeftoverSearch: ...
    def remove_leftover(self, host: str, scenario_id: int) -> None: ...
    def export(self, name: str) -> bytes: ...
    def import_xml(self, xml: bytes) -> Scenario: ...
    def run(self, name: str, sync: SyncMethod | None = None, *, replace_restored: bool = False) -> None:
        """Start; returns once started.

        Raises BusyError E5189 when a replica holds what a restore put there, unless it may be replaced.
        """
        ...

    def stop(self, name: str) -> None: ...
    def suspend(self, name: str, replica: str = "", *, until: datetime | None = None) -> None:
        """Hold one replica, or all. At `until` the master resumes them. Raises UsageError ER00244."""
        ...

    def resume(self, name: str, replica: str = "") -> None: ...
    def synchronize(self, name: str, replica: str = "") -> None:
        """Ask for a synchronisation of one replica, or all; a suspended one is when it is resumed."""
        ...

    def wait_synchronized(self, name: str, replica: str = "", *, timeout_s: float) -> Sequence[str]:
        """Wait until the synchronisations asked for are over; the replicas that are only when resumed.

        Raises:
            BusyError: E1196 it will not be, as things are; E1121 on time-out, naming what waits.
        """
        ...

    def bookmark(self, name: str, text: str = "") -> RewindPoint: ...
    def wait(self, name: str, state: str, timeout_s: float) -> ScenarioStatus: ...
    def brake_review(self, name: str, *, path: bytes = b"", limit: int = 1000) -> BrakeReview: ...
    def brake_accept(self, name: str, *, path: bytes = b"") -> BrakeResult: ...
    def brake_reject(self, name: str, *, path: bytes = b"") -> BrakeResult: ...
    def drift(self, name: str, *, replica: str = "", limit: int = 1000) -> Sequence[DriftReport]: ...
    def difference(
        self,
        name: str,
        *,
        replica: str = "",
        content: bool = False,
        limit: int = 1000,
        on_progress: Callable[[str, ComparisonProgress], None] | None = None,
    ) -> Sequence[Report]:
        """Compare with one replica, or all one after the other; one report each. Changes nothing."""
        ...

    def reports(self, name: str, *, limit: int = 100) -> Sequence[Report]: ...
    def report(self, name: str, report_id: str, *, limit: int = 1000) -> Report: ...
    def audit(self, name: str) -> None: ...
    def events(
        self,
        name: str = "",
        *,
        newer_than: int = 0,
        limit: int = 1000,
        severities: Sequence[Severity] = (),
        host: str = "",
    ) -> Sequence[EventRecord]:
        """Oldest first; `newer_than` -N = the newest N. A gap is told by an event (`GAP_CODE`).

        Of `host`, else of the scenario's master, else of this one: each host numbers its own.
        """
        ...

    def path_states(
        self, name: str, path: bytes, *, replica: str = "", limit: int = 5000
    ) -> DirectoryStates: ...
    def rewind_points(
        self,
        name: str,
        *,
        kinds: Sequence[PointKind] = (),
        path: bytes = b"",
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        replica: str = "",
        limit: int = 1000,
    ) -> Sequence[RewindPoint]: ...
    def rewind_density(
        self,
        name: str,
        *,
        since: datetime,
        until: datetime,
        parts: int,
        path: bytes = b"",
        replica: str = "",
    ) -> RewindDensity: ...
    def plan_rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindPlan: ...
    def rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindResult: ...
    def plan_recovery(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        """What `recover` would change on the master. Changes nothing; raises as `recover` does."""
        ...

    def recover(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        """Make the master (or only `paths`) equal to what a replica has now; nothing is rewound.

        Raises BusyError E1130 unless the scenario is stopped. What is replaced is kept on the master.
        """
        ...
