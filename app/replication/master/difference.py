"""The difference report: what differs now between the master and one replica. Transfers and changes nothing.

Works while the scenario replicates, is suspended or stopped. What looked different is looked at again once
what was on its way has had time to arrive: what is equal then, what is recorded and not applied, and what
changed between the two looks is in flight, not a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.model.errors import ArcxoError
from app.model.properties import properties_of
from app.model.report import Report, ReportedChange, ReportKind
from app.model.scenario import ReplicaSpec, ReplicaState, Scenario
from app.replication.link import ReplicaConnector
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.comparison import Candidate, Comparison
from app.replication.master.filters import PathFilter
from app.replication.master.flight import Flight, OnItsWay
from app.replication.master.inspector import open_inspector
from app.replication.reports import ReportStore, ReportWriter, new_report

_AT_ONCE = 20_000
_SETTLE_S = 30.0


class DifferenceRun:
    """One report of one replica; `run` blocks, `compared` tells how far it is.

    `flight` is None while the scenario does not run.
    """

    def __init__(
        self,
        scenario: Scenario,
        spec: ReplicaSpec,
        connector: ReplicaConnector,
        flight: Flight | None,
        store: ReportStore,
        *,
        content: bool,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._scenario = scenario
        self._spec = spec
        self._connector = connector
        self._flight = flight
        self._store = store
        self._content = content
        self._stopped = stopped
        self._counts = dict.fromkeys((change.value for change in ReportedChange), 0)
        self._in_flight = 0
        self._unread = 0
        self.compared = 0
        self.compared_bytes = 0

    def run(self) -> Report:
        """Compare everything and keep the report; without its items, which the store has.

        Raises:
            ArcxoError: the replica cannot be reached or looked at; ER00220, ER00221 a root is not there.
            OSError: the report cannot be kept.
        """
        scenario, spec = self._scenario, self._spec
        report = new_report(ReportKind.DIFFERENCE, scenario.id, scenario.name, spec.host, datetime.now(UTC))
        inspector = open_inspector(scenario, spec, self._connector, self._stopped)
        try:
            with self._store.begin(report) as writer:
                filters = PathFilter(scenario.filters)
                for number, root in enumerate(scenario.roots):
                    compared = ComparedRoot(number, root.master_path)
                    try:
                        compared.identify()
                        self._root(compared, Comparison(
                            compared, inspector, filters, properties_of(scenario, spec), self._report,
                            content=self._content,
                        ), writer)  # fmt: skip
                    except RootLostError as error:
                        raise ArcxoError(
                            error.code, path=root.master_path.decode("utf-8", "replace")
                        ) from error
                    except FileNotFoundError as error:
                        raise ArcxoError(
                            "ER00220", path=root.master_path.decode("utf-8", "replace")
                        ) from error
                figures = {name: count for name, count in self._counts.items() if count}
                figures |= {
                    "compared": self.compared,
                    "compared_bytes": self.compared_bytes,
                    "differences": sum(self._counts.values()),
                    "in_flight": self._in_flight,
                    "unread": self._unread,
                    "by_content": int(self._content),
                }
                made = replace(report, figures=figures, note=self._note(), created_at=datetime.now(UTC))
                return writer.keep(made)
        finally:
            inspector.close()

    def _root(self, root: ComparedRoot, comparison: Comparison, writer: ReportWriter) -> None:
        before, before_bytes = self.compared, self.compared_bytes
        found: list[Candidate] = []
        for candidate in comparison.candidates():
            self.compared = before + comparison.compared
            self.compared_bytes = before_bytes + comparison.compared_bytes
            found.append(candidate)
            if len(found) >= _AT_ONCE:
                self._judge(root, comparison, found, writer)
                found = []
        self.compared = before + comparison.compared
        self._judge(root, comparison, found, writer)
        self.compared_bytes = before_bytes + comparison.compared_bytes

    def _judge(
        self, root: ComparedRoot, comparison: Comparison, found: Sequence[Candidate], writer: ReportWriter
    ) -> None:
        """Tell what is on its way from what really differs."""
        if not found:
            return
        if self._flight is not None and self._flight.state is not ReplicaState.SYNCHRONIZING:
            self._flight.settle(_SETTLE_S, self._stopped)
        waiting = self._flight.on_its_way() if self._flight is not None else OnItsWay()
        earlier = {candidate.path: candidate for candidate in found}
        still = comparison.again(found)
        self._in_flight += len(earlier) - len({candidate.path for candidate in still})
        for candidate in still:
            moving = waiting.holds(candidate.root, candidate.path) or changed(
                earlier[candidate.path], candidate
            )
            if moving:
                self._in_flight += 1
            else:
                self._counts[candidate.change.value] += 1
            writer.put(candidate.item(root.path, in_flight=moving))

    def _report(self, _path: bytes, _error: OSError) -> None:
        self._unread += 1

    def _note(self) -> str:
        if self._flight is None:
            return "stopped"
        return self._flight.state.value


def changed(earlier: Candidate, now: Candidate) -> bool:
    """Whether either side was written to between two looks."""
    ours = (earlier.ours is None) != (now.ours is None) or (
        earlier.ours is not None
        and now.ours is not None
        and (earlier.ours.changed_ns, earlier.ours.inode, earlier.ours.size)
        != (now.ours.changed_ns, now.ours.inode, now.ours.size)
    )
    theirs = (earlier.theirs is None) != (now.theirs is None) or (
        earlier.theirs is not None
        and now.theirs is not None
        and earlier.theirs._replace(links=0) != now.theirs._replace(links=0)
    )
    return ours or theirs
