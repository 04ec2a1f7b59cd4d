"""Scenarios of the home's owner: definitions on the agent, registrations in the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.catalog.api import Registration
from app.catalog.quick import Registered, left_out_of
from app.messages import render
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError, UsageError
from app.model.events import EventRecord, Severity
from app.model.host import CheckOutcome, CheckResult, Host
from app.model.kept_replica import KeptReplica, LeftBehind
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import (
    NewScenario,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
)
from app.services.scenarios import LocalScenarios
from tests.support.cli_services import scenario

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeAgent:
    def __init__(self) -> None:
        self.definitions: dict[int, Scenario] = {}
        self.state = ScenarioState.STOPPED
        self.checks: list[CheckResult] = []
        self.points: list[RewindPoint] = []
        self.rewound: list[str] = []
        self.barriers: list[float] = []
        self.behind = False
        self.suspended = False
        self.kept: list[KeptReplica] = []
        self.kept_fails: ArcxoError | None = None

    def scenarios(self) -> list[ScenarioStatus]:
        return [self.scenario(number) for number in self.definitions]

    def scenario(self, scenario_id: int) -> ScenarioStatus:
        if scenario_id not in self.definitions:
            raise NotFoundError("AE0468", scenario=scenario_id)
        state = ReplicaState.SUSPENDED if self.suspended or self.behind else ReplicaState.REPLICATING
        replica = ReplicaStatus("localhost", state, lag_seconds=0.0)
        if self.behind:
            replica = replace(replica, waiting_operations=12, spool_bytes=345)
        return ScenarioStatus(self.definitions[scenario_id], self.state, replicas=(replica,))

    def check_scenario(self, new: NewScenario) -> list[CheckResult]:
        return self.checks

    def create_scenario(self, new: NewScenario) -> Scenario:
        made = scenario(new.name, new.roots[0].master_path)
        self.definitions[made.id] = made
        return made

    def delete_scenario(self, scenario_id: int) -> None:
        if self.definitions.pop(scenario_id, None) is None:
            raise NotFoundError("AE0468", scenario=scenario_id)

    def kept_replicas(self) -> list[KeptReplica]:
        if self.kept_fails is not None:
            raise self.kept_fails
        return self.kept

    def forget_replica(self, scenario_id: int) -> None:
        if self.kept_fails is not None:
            raise self.kept_fails
        self.kept = [one for one in self.kept if one.scenario_id != scenario_id]

    def barrier(self, scenario_id: int, timeout_s: float) -> None:
        self.barriers.append(timeout_s)
        if self.behind:
            raise BusyError("AE0469", scenario=scenario_id)

    def rewind_points(
        self,
        scenario_id: int,
        *,
        kinds: Sequence[PointKind] = (),
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[RewindPoint]:
        found = [
            point
            for point in sorted(self.points, key=lambda point: -point.change)
            if (not kinds or point.kind in kinds) and (until is None or point.at <= until)
        ]
        return found[:limit]

    def rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> Any:
        self.rewound.append(point_id)
        return SimpleNamespace()

    def plan_replicate_back(
        self, scenario_id: int, replica: str, paths: Sequence[bytes], point_id: str
    ) -> Any:
        return ("plan", scenario_id, replica, tuple(paths), point_id)

    def replicate_back(self, scenario_id: int, replica: str, paths: Sequence[bytes]) -> Any:
        return ("done", scenario_id, replica, tuple(paths))


class FakeCatalog:
    def __init__(self) -> None:
        self.rows: dict[int, Registration] = {}
        self.values: dict[str, str] = {}
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.registrations = SimpleNamespace(
            list=lambda: list(self.rows.values()),
            show=self._show,
            put=lambda row: self.rows.__setitem__(row.id, row),
            remove=self.rows.pop,
        )
        self.hosts = SimpleNamespace(list=lambda: [Host("localhost", "")])
        self.settings = SimpleNamespace(
            get=lambda key, default="": self.values.get(key, default),
            put=self.values.__setitem__,
            all=lambda: dict(self.values),
        )
        self.log = SimpleNamespace(append=lambda code, _severity, **params: self.lines.append((code, params)))

    def _show(self, name: str) -> Registration:
        for row in self.rows.values():
            if name in (row.name, str(row.id)):
                return row
        raise NotFoundError("E6002", name=name)


class FakeConnections:
    home = "/home/of/arcxo"

    def __init__(self) -> None:
        self.catalog = FakeCatalog()
        self.agent = FakeAgent()
        self.agent_runs = True

    def local_agent(self) -> FakeAgent:
        if not self.agent_runs:
            raise BusyError("E1120", home=self.home)
        return self.agent

    status_agent = local_agent

    def agent_of(self, host: str) -> FakeAgent:
        return self.local_agent()

    status_agent_of = agent_of

    def found_silent(self, host: str, error: Exception) -> None: ...

    def is_here(self, host: str) -> bool:
        return True

    def named(self, host: str) -> str:
        return host

    def registered(self) -> Registered:
        return Registered(
            tuple(self.catalog.registrations.list()), left_out_of(self.catalog.settings.all().items())
        )


@pytest.fixture
def connections() -> FakeConnections:
    return FakeConnections()


@pytest.fixture
def scenarios(connections: FakeConnections) -> LocalScenarios:
    return LocalScenarios(connections)  # type: ignore[arg-type]


def new(name: str = "files") -> NewScenario:
    return NewScenario(name, "localhost", (ReplicaSpec("localhost", (b"/r",)),), (Root(b"/m"),))


def test_creating_registers_and_writes_a_log_line(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    assert connections.catalog.rows[made.id].name == "files"
    assert [code for code, _ in connections.catalog.lines] == ["I1150"]


def test_a_failed_check_prevents_the_creation(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    connections.agent.checks = [CheckResult("root", CheckOutcome.ERROR, "AE0471", {"path": "/m"})]
    with pytest.raises(UsageError) as caught:
        scenarios.create(new())
    assert caught.value.code == "AE0471"
    assert connections.agent.definitions == {}


def test_a_taken_name_is_refused(scenarios: LocalScenarios) -> None:
    scenarios.create(new())
    with pytest.raises(UsageError, match="E1128"):
        scenarios.create(new())


def test_list_registers_what_a_cut_short_creation_left_on_the_agent(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    connections.agent.create_scenario(new())
    assert [status.scenario.name for status in scenarios.list()] == ["files"]
    assert 7 in connections.catalog.rows


def test_a_name_known_to_the_agent_alone_is_found(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    connections.agent.create_scenario(new())
    assert scenarios.show("files").scenario.id == 7


def test_list_without_an_agent_says_unknown_and_why(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent_runs = False
    (status,) = scenarios.list()
    assert status.state is ScenarioState.UNKNOWN
    assert "arcxo server start" in status.reason
    assert status.replicas[0].state is ReplicaState.DISCONNECTED


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (CredentialsError("AE1026", user="caroot"), ScenarioState.NOT_AUTHORIZED),
        (CredentialsError("E5132", host="branch"), ScenarioState.NOT_AUTHORIZED),
        (ArcxoError("AE1001", host="branch", reason="gone"), ScenarioState.UNKNOWN),
    ],
)
def test_a_host_that_refuses_the_log_in_is_told_from_one_that_is_silent(
    connections: FakeConnections, monkeypatch: pytest.MonkeyPatch, error: ArcxoError, state: ScenarioState
) -> None:
    scenarios = LocalScenarios(connections)  # type: ignore[arg-type]
    scenarios.create(new())
    (known,) = connections.catalog.registrations.list()
    connections.catalog.registrations.put(replace(known, master="branch"))
    connections.agent.definitions.clear()

    def refuse(_host: str) -> None:
        raise error

    monkeypatch.setattr(connections, "is_here", lambda host: host == "localhost")
    monkeypatch.setattr(connections, "status_agent_of", refuse)
    (status,) = scenarios.list()
    assert status.state is state
    assert render(error.code, error.params).text in status.reason


def test_acting_without_an_agent_says_how_to_start_it(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent_runs = False
    with pytest.raises(BusyError, match="E1120"):
        scenarios.stop("files")


def test_deleting_the_registration_alone_lasts(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    scenarios.delete("files", registration_only=True)
    assert list(scenarios.list()) == []
    assert 7 in connections.agent.definitions
    scenarios.register("files")
    assert [status.scenario.name for status in scenarios.list()] == ["files"]


def test_a_deletion_cut_short_can_be_repeated(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent.definitions.clear()
    (status,) = scenarios.list()
    assert status.state is ScenarioState.UNKNOWN
    scenarios.delete("files")
    assert list(scenarios.list()) == []


def test_what_is_kept_of_its_replicas_goes_with_a_scenario(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    own, other = KeptReplica(made.id, "files", "localhost"), KeptReplica(8, "other", "localhost")
    connections.agent.kept = [own, other]
    assert scenarios.kept("files") == [own]
    assert scenarios.leftovers().found == (other,)
    with pytest.raises(BusyError, match="E1180"):
        scenarios.remove_leftover("localhost", made.id)
    assert scenarios.delete("files") == []
    assert connections.agent.kept == [other]
    scenarios.remove_leftover("localhost", 8)
    assert connections.agent.kept == []


def test_what_is_to_be_kept_is_named_and_can_be_removed_later(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    connections.agent.kept = [KeptReplica(made.id, "files", "localhost")]
    assert scenarios.delete("files", keep_rewind=True) == [LeftBehind("localhost", made.id)]
    assert [one.scenario_id for one in scenarios.leftovers().found] == [made.id]


def test_a_host_that_does_not_answer_is_named_with_what_stays_there(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    connections.agent.kept_fails = ArcxoError("AE1001", host="localhost", reason="gone")
    assert scenarios.kept("files") == []
    (left,) = scenarios.delete("files")
    assert (left.host, left.scenario_id) == ("localhost", made.id)
    assert "gone" in left.cause
    assert list(scenarios.list()) == []


def test_hosts_that_could_not_be_asked_for_leftovers_are_told(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_here", lambda _host: False)
    connections.agent.kept_fails = ArcxoError("AE1001", host="localhost", reason="gone")
    search = scenarios.leftovers()
    assert search.found == ()
    assert [(one.code, one.params["reason"]) for one in search.silent] == [("AE1001", "gone")]


def test_a_scenario_whose_engine_stands_still_is_shown_as_unknown(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scenarios.create(new())

    def late(scenario_id: int) -> ScenarioStatus:
        raise BusyError("AE0469", name="files", id=scenario_id, host="branch", call="x", seconds="8")

    monkeypatch.setattr(connections.agent, "scenario", late)
    status = scenarios.show("files")
    assert (status.scenario.id, status.state) == (made.id, ScenarioState.UNKNOWN)
    assert "branch did not finish" in status.reason


def test_events_of_another_host_have_the_name_it_is_known_by(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = EventRecord(1, "SR00014", Severity.SIGNIFICANT, datetime.now(UTC), "localhost")
    monkeypatch.setattr(connections.agent, "events", lambda *_: [event], raising=False)
    assert [one.host for one in scenarios.events(host="branch")] == ["branch"]
    assert [one.host for one in scenarios.events()] == ["localhost"]


def test_an_unknown_name_is_not_found(scenarios: LocalScenarios) -> None:
    with pytest.raises(NotFoundError, match="E1127"):
        scenarios.show("nothing")


def test_waiting_in_vain_names_what_waits(scenarios: LocalScenarios, connections: FakeConnections) -> None:
    scenarios.create(new())
    connections.agent.state = ScenarioState.REPLICATING
    connections.agent.behind = True
    with pytest.raises(BusyError, match="E1121") as caught:
        scenarios.wait("files", "in-sync", 0.2)
    assert "suspended" in caught.value.params["waits"]
    assert "12 operations" in caught.value.params["waits"]


def test_a_suspended_replica_is_in_sync_only_while_nothing_waits_for_it(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios.create(new())
    connections.agent.state = ScenarioState.REPLICATING
    connections.agent.suspended = True
    assert scenarios.wait("files", "in-sync", 5).replicas[0].state is ReplicaState.SUSPENDED
    barrier = connections.agent.barrier

    def records(scenario_id: int, timeout_s: float) -> None:
        barrier(scenario_id, timeout_s)
        connections.agent.behind = True

    monkeypatch.setattr(connections.agent, "barrier", records)
    with pytest.raises(BusyError, match="E1121"):
        scenarios.wait("files", "in-sync", 0.2)


def test_in_sync_is_proven_by_a_barrier(scenarios: LocalScenarios, connections: FakeConnections) -> None:
    scenarios.create(new())
    connections.agent.state = ScenarioState.REPLICATING
    scenarios.wait("files", "in-sync", 5)
    assert len(connections.agent.barriers) == 1


def test_the_end_of_a_synchronisation_is_waited_for_at_the_barrier(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent.state = ScenarioState.SYNCHRONIZING
    scenarios.wait("files", "in-sync", 5)
    assert len(connections.agent.barriers) == 1


def test_a_run_that_fails_on_its_way_is_waited_for_and_named(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_scenario_id: int, _timeout_s: float) -> None:
        connections.agent.state = ScenarioState.PROBLEM
        raise ArcxoError("ER00220", path="/data")

    scenarios.create(new())
    connections.agent.state = ScenarioState.STARTING
    monkeypatch.setattr(connections.agent, "barrier", fails)
    with pytest.raises(BusyError, match="E1121") as caught:
        scenarios.wait("files", "in-sync", 0.2)
    assert ScenarioState.PROBLEM.value in caught.value.params["waits"]


def point(number: int, text: str = "", kind: PointKind = PointKind.BOOKMARK) -> RewindPoint:
    return RewindPoint(f"p{number}", kind, WHEN + timedelta(minutes=number), number, text=text)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("same", "p3"),
        ("p1", "p1"),
        ("2026-03-01T12:02:30Z", "p2"),
        ("2026-03-01T12:02:00", "p2"),
        ("2026-03-01T13:02:59+01:00", "p2"),
    ],
)
def test_a_point_is_a_text_an_id_or_a_time(
    to: str, expected: str, scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent.points = [
        point(1, "same"),
        point(2, kind=PointKind.OPERATION),
        point(3, "same"),
    ]
    scenarios.rewind("files", to)
    assert connections.agent.rewound == [expected]


@pytest.mark.parametrize(("to", "code"), [("nothing", "E1125"), ("2020-01-01T00:00:00Z", "E1126")])
def test_a_point_that_is_not_there_is_not_found(
    to: str, code: str, scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    scenarios.create(new())
    connections.agent.points = [point(1, "same")]
    with pytest.raises(NotFoundError, match=code):
        scenarios.rewind("files", to)
    assert connections.agent.rewound == []


def test_a_running_scenario_is_not_rewound(scenarios: LocalScenarios, connections: FakeConnections) -> None:
    scenarios.create(new())
    connections.agent.points = [point(1, "same")]
    connections.agent.state = ScenarioState.REPLICATING
    with pytest.raises(BusyError, match="E1130"):
        scenarios.rewind("files", "same")


def test_a_master_is_recovered_from_a_replica_as_it_is_while_stopped(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    planned: Any = scenarios.plan_recovery("files", paths=[b"/srv/files/a"])
    assert planned == ("plan", made.id, "localhost", (b"/srv/files/a",), "")
    done: Any = scenarios.recover("files", replica="localhost")
    assert done == ("done", made.id, "localhost", ())
    assert connections.agent.rewound == []
    assert connections.catalog.lines[-1][0] == "I1155"
    connections.agent.state = ScenarioState.REPLICATING
    with pytest.raises(BusyError, match="E1130"):
        scenarios.recover("files")


def test_of_several_replicas_none_is_changed_or_copied_back_unless_it_is_named(
    scenarios: LocalScenarios, connections: FakeConnections
) -> None:
    made = scenarios.create(new())
    both = (*made.replicas, replace(made.replicas[0], host="branch"))
    connections.agent.definitions[made.id] = replace(made, replicas=both)
    connections.agent.points = [RewindPoint("p1", PointKind.BOOKMARK, WHEN, 1, text="good")]
    asked: list[Callable[[], object]] = [
        lambda: scenarios.rewind("files", "good"),
        lambda: scenarios.plan_rewind("files", "good"),
        lambda: scenarios.recover("files"),
        lambda: scenarios.plan_recovery("files"),
    ]
    for ask in asked:
        with pytest.raises(UsageError, match="E1195"):
            ask()
    assert connections.agent.rewound == []
    scenarios.rewind("files", "good", replica="branch")
    assert connections.agent.rewound == ["p1"]


def test_the_end_of_a_synchronisation_that_was_asked_for_is_waited_for_by_replica(
    scenarios: LocalScenarios, connections: FakeConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scenarios.create(new())
    states = [ReplicaState.SYNCHRONIZING, ReplicaState.DISCONNECTED, ReplicaState.SYNCHRONIZING]

    def stands(_scenario_id: int) -> ScenarioStatus:
        state = states.pop(0) if len(states) > 1 else states[0]
        return ScenarioStatus(made, connections.agent.state, replicas=(ReplicaStatus("localhost", state),))

    monkeypatch.setattr(connections.agent, "scenario", stands)
    connections.agent.state = ScenarioState.REPLICATING
    with pytest.raises(BusyError, match="E1121"):
        scenarios.wait_synchronized("files", timeout_s=0.5)
    states[:] = [ReplicaState.SYNCHRONIZING, ReplicaState.DISCONNECTED, ReplicaState.REPLICATING]
    assert scenarios.wait_synchronized("files", "localhost", timeout_s=5) == []
    assert states == [ReplicaState.REPLICATING]
    states[:] = [ReplicaState.SUSPENDED]
    assert scenarios.wait_synchronized("files", timeout_s=5) == ["localhost"]
    states[:] = [ReplicaState.BRAKED]
    with pytest.raises(BusyError, match="E1196"):
        scenarios.wait_synchronized("files", timeout_s=5)
    states[:], connections.agent.state = [ReplicaState.SYNCHRONIZING], ScenarioState.STOPPING
    with pytest.raises(BusyError, match="E1196"):
        scenarios.wait_synchronized("files", timeout_s=5)
