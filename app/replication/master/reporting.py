"""Difference reports and reports kept, asked for by people. See `MasterEngine`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.report import Report
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.difference import DifferenceRun
from app.replication.master.run_reports import RunReports, report_store
from app.replication.master.running import Running


class Reporting:
    """For all scenarios of an engine. Any thread."""

    def __init__(
        self, directory_of: Callable[[int], str], connector: ReplicaConnector, events: EventStore
    ) -> None:
        self._directory_of = directory_of
        self._connector = connector
        self._events = events
        self._lock = threading.Lock()
        self._comparing: dict[tuple[int, str], DifferenceRun] = {}
        self._closing = threading.Event()

    def close(self) -> None:
        """End comparisons under way."""
        self._closing.set()

    def difference(
        self, scenario: Scenario, running: Running | None, replica: str, limit: int, *, content: bool
    ) -> Report:
        """Compare with one replica ("" = the only one); blocks until it is done.

        Raises:
            NotFoundError: ER00242 no such replica.
            BusyError: ER00444 a comparison with it runs already.
            ArcxoError: what keeps it from being compared, or its report from being kept (ER00445).
        """
        spec = _spec(scenario, replica)
        directory = self._directory_of(scenario.id)
        store = report_store(directory)
        run = DifferenceRun(
            scenario,
            spec,
            self._connector,
            running.flight(spec) if running is not None else None,
            store,
            content=content,
            stopped=self._closing.is_set,
        )
        key = (scenario.id, spec.host)
        with self._lock:
            if key in self._comparing:
                raise BusyError("ER00444", scenario=scenario.name, replica=spec.host)
            self._comparing[key] = run
        try:
            report = run.run()
        except OSError as error:
            cause = error.strerror or str(error)
            raise ArcxoError("ER00445", scenario=scenario.name, cause=cause) from error
        finally:
            with self._lock:
                del self._comparing[key]

        def event(code: str, severity: object, **params: object) -> None:
            self._events.append(
                code, severity, scenario_id=scenario.id, scenario_name=scenario.name, **params  # type: ignore[arg-type]  # a Severity
            )  # fmt: skip

        RunReports(scenario, directory, event, lambda: ((), ())).posted(report)
        return store.get(report.id, limit)

    def compared(self, scenario_id: int, replica: str) -> tuple[int, int]:
        """(entries, bytes of content) that a comparison under way has compared; (0, 0) without one."""
        with self._lock:
            runs = [run for (number, host), run in self._comparing.items()
                    if number == scenario_id and replica in ("", host)]  # fmt: skip
        return sum(run.compared for run in runs), sum(run.compared_bytes for run in runs)

    def newest_first(self, scenario_id: int, limit: int) -> Sequence[Report]:
        """The reports kept of a scenario, without items."""
        return report_store(self._directory_of(scenario_id)).newest_first()[:limit]

    def report(self, scenario_id: int, report_id: str, limit: int) -> Report:
        """One of them with up to `limit` items. Raises NotFoundError ER00440."""
        return report_store(self._directory_of(scenario_id)).get(report_id, limit)


def _spec(scenario: Scenario, replica: str) -> ReplicaSpec:
    for spec in scenario.replicas:
        if spec.host == replica or (not replica and len(scenario.replicas) == 1):
            return spec
    raise NotFoundError("ER00242", replica=replica, scenario=scenario.name)
