"""An agent whose replica is a directory: archives and restores for real, in this very process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.agent.api import ArchiveOrder, BackupPoint, EntityPoint, RestoreOrder
from app.backup.api import ArchiveRoot, ArchiveTask, RestoreTask, archive, restore
from app.model.archive import Progress
from app.model.errors import ArcxoError
from app.model.job import Credentials, JobPhase
from app.model.media import Consistency
from app.model.owners import HostOwners, Owner
from app.model.scenario import (
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)

MASTER = b"/data/master"


def scenario_of(replica_directory: bytes, number: int = 7, name: str = "Files") -> Scenario:
    return Scenario(
        id=number,
        name=name,
        server_type=ServerType.FILE_SERVER,
        product=ProductType.DR,
        master="localhost",
        roots=(Root(MASTER),),
        replicas=(ReplicaSpec("localhost", (replica_directory,)),),
    )


class FakeAgents:
    """Gives the same agent for every host."""

    def __init__(self, agent: FakeAgent) -> None:
        self.agent = agent

    def agent_of(self, host: str, credentials: Credentials | None) -> Any:
        return self.agent


class FakeAgent:
    def __init__(self, *scenarios: Scenario) -> None:
        self.scenarios_by_id = {scenario.id: scenario for scenario in scenarios}
        self.states = {scenario.id: ScenarioState.REPLICATING for scenario in scenarios}
        self.begin_error: ArcxoError | None = None
        self.archive_error: ArcxoError | Exception | None = None
        self.stop_error: ArcxoError | None = None
        self.gate: threading.Event | None = None
        self.archiving = threading.Event()
        self.ended: list[tuple[str, bool]] = []
        self.renewed: list[str] = []
        self.orders: list[ArchiveOrder] = []
        self.frozen: dict[str, Scenario] = {}
        self.taken: dict[str, datetime] = {}

    def hello(self) -> None: ...

    def close(self) -> None: ...

    def peers(self, _scenario_id: int) -> tuple[tuple[()], bytes]:
        return (), b""

    def scenario(self, scenario_id: int) -> ScenarioStatus:
        return ScenarioStatus(self.scenarios_by_id[scenario_id], self.states[scenario_id])

    def stop(self, scenario_id: int) -> None:
        if self.stop_error is not None:
            raise self.stop_error
        self.states[scenario_id] = ScenarioState.STOPPED

    def begin_backup(self, scenario_id: int, replica: str, job_id: int, fence: int) -> BackupPoint:
        if self.begin_error is not None:
            raise self.begin_error
        scenario = self.scenarios_by_id[scenario_id]
        self.frozen[f"point-{job_id}"] = scenario
        taken = self.taken[f"point-{job_id}"] = datetime.now(UTC)
        roots = ((scenario.roots[0].master_path, scenario.replicas[0].paths[0]),)
        return BackupPoint(
            id=f"point-{job_id}",
            scenario=scenario,
            replica=replica,
            taken_at=taken,
            consistency=Consistency.FUZZY,
            provider="hardlink",
            incarnation="one",
            change=1,
            entities=(EntityPoint("/", roots),),
        )

    def archive(self, order: ArchiveOrder) -> Iterator[Any]:
        self.orders.append(order)
        self.archiving.set()
        if self.gate is not None:
            while not self.gate.wait(0.05):
                yield Progress(JobPhase.BACK_UP)
        if self.archive_error is not None:
            raise self.archive_error
        scenario = self.frozen[order.point_id]
        events: list[Any] = []
        task = ArchiveTask(
            media_path=order.media_path,
            entity=order.entity,
            roots=(ArchiveRoot(scenario.roots[0].master_path, scenario.replicas[0].paths[0]),),
            job_id=order.job_id,
            scenario_id=scenario.id,
            scenario_name=scenario.name,
            machine=scenario.master,
            replica="localhost",
            taken_at=self.taken[order.point_id],
            consistency=Consistency.FUZZY,
            provider="hardlink",
            base_session=order.base_session,
            base_media=order.base_media,
            data_key=order.data_key,
            key_id=order.key_id,
            verify=order.verify,
            owners=order.owners,
        )
        archive(task, events.append, lambda: False)
        yield from events

    def owners(self) -> HostOwners:
        return HostOwners((Owner(4711, "anna"),), (Owner(4712, "sales"),))

    def renew_backup(self, point_id: str) -> None:
        self.renewed.append(point_id)

    def end_backup(self, point_id: str, *, keep: bool) -> None:
        self.ended.append((point_id, keep))

    def restore(self, order: RestoreOrder) -> Iterator[Any]:
        events: list[Any] = []
        task = RestoreTask(
            media_path=order.media_path,
            session=order.session,
            paths=order.paths,
            targets=order.targets,
            conflict=order.conflict,
            structure=order.structure,
            relocate=any(prefix == b"/" for prefix, _ in order.targets),
            data_key=order.data_key,
            job_id=order.job_id,
            exact=order.exact,
            tell_items=order.tell_items,
        )
        try:
            restore(task, events.append, lambda: False)
        finally:
            yield from events

    def renamed(self, number: int, name: str) -> None:
        self.scenarios_by_id[number] = replace(self.scenarios_by_id[number], name=name)
