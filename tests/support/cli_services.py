"""A composition and services that live in memory, for tests of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from app.model.errors import BusyError, CredentialsError, NotFoundError
from app.model.filters import FilterPreview
from app.model.host import Host
from app.model.job import Job, JobKind, JobResult, JobStatus, Schedule
from app.model.kept_replica import LeftBehind
from app.model.media import SetPlan
from app.model.scenario import (
    NewScenario,
    ProductType,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from app.replication.master.preview import preview

WHEN = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def scenario(name: str = "files", root: bytes = b"/data/master") -> Scenario:
    return Scenario(
        id=7,
        name=name,
        server_type=ServerType.FILE_SERVER,
        product=ProductType.DR,
        master="localhost",
        roots=(Root(root),),
        replicas=(ReplicaSpec("localhost", (b"/data/replica",)),),
    )


def job(number: int = 3, result: JobResult | None = JobResult.FINISHED, script: Any = None) -> Job:
    return Job(
        id=number,
        kind=JobKind.BACKUP,
        name="Backup files",
        status=JobStatus.DONE if result else JobStatus.READY,
        last_result=result,
        owner="caroot",
        server="here",
        created_at=WHEN,
        execution_at=None,
        schedule=Schedule(),
        script=script or {},
    )


class FakeScenarios:
    def __init__(self) -> None:
        self.known = {"files": scenario()}
        self.calls: list[tuple[Any, ...]] = []
        self.raises: BaseException | None = None
        self.restored_to = ""

    def list(self) -> list[ScenarioStatus]:
        if self.raises is not None:
            raise self.raises
        return [self._status(item) for item in self.known.values()]

    def show(self, name: str) -> ScenarioStatus:
        if name not in self.known:
            raise NotFoundError("E1127", name=name)
        return self._status(self.known[name])

    def create(self, new: NewScenario) -> Scenario:
        self.calls.append(("create", new))
        made = scenario(new.name, new.roots[0].master_path)
        self.known[new.name] = made
        return made

    def preview(self, roots: Any, filters: Any, **options: Any) -> FilterPreview:
        self.calls.append(("preview", tuple(roots), filters, options["master"]))
        seen = list(preview(roots, filters, examples=options["examples"], seconds=options["seconds"]))
        return seen[-1]

    def update(self, changed: Scenario) -> Scenario:
        self.calls.append(("update", changed))
        return changed

    def delete(
        self, name: str, *, registration_only: bool = False, keep_rewind: bool = False
    ) -> Sequence[LeftBehind]:
        self.calls.append(("delete", name, registration_only))
        return [LeftBehind("far", 7, "it does not answer")] if keep_rewind else ()

    def run(self, name: str, sync: Any = None, *, replace_restored: bool = False) -> None:
        if self.restored_to and not replace_restored:
            raise BusyError("E5189", name=name, host=self.restored_to, at="2026-05-29 10:43:42")
        self.calls.append(("run", name, sync))

    @staticmethod
    def _status(item: Scenario) -> ScenarioStatus:
        return ScenarioStatus(
            scenario=item,
            state=ScenarioState.REPLICATING,
            since=WHEN,
            replicas=(ReplicaStatus("localhost", ReplicaState.REPLICATING),),
        )


class FakeQueue:
    """Backups, restores and jobs; what was submitted is in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.result: JobResult = JobResult.FINISHED

    def submit(self, request: Any) -> Job:
        self.requests.append(request)
        return job(result=None, script=request.script)

    def check_password(self, script: Any, password: str) -> None:
        if password == "wrong":
            raise CredentialsError("E1164", scenario="files", session=1, media="M1")

    def wait(self, job_id: int, timeout_s: float | None = None, on_progress: Any = None) -> Job:
        return job(job_id, self.result)

    def list(self, *, include_done: bool = True, history: bool = False) -> list[Job]:
        return []


class FakeAccounts:
    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}

    def list(self) -> list[str]:
        return sorted(self.passwords)

    def roles(self) -> dict[str, str]:
        return dict.fromkeys(self.list(), "administrator")

    def set_password(self, name: str, password: str, role: str = "") -> None:
        self.passwords[name] = password

    def of_system(self) -> list[str]:
        return []

    def add_system(self, name: str, role: str = "", service: str = "") -> None:
        self.passwords[name] = ""

    def remove(self, name: str) -> None:
        del self.passwords[name]


class FakeComposition:
    """What `app.bootstrap` offers, without any home. `inits` are the homes made, with their passwords."""

    def __init__(self) -> None:
        self.inits: list[tuple[str, str]] = []
        self.opened: list[str] = []
        queue = FakeQueue()
        self.services = SimpleNamespace(
            home="",
            scenarios=FakeScenarios(),
            hosts=SimpleNamespace(list=lambda: [Host("localhost", "127.0.0.1:0")]),
            backups=queue,
            restores=queue,
            jobs=queue,
            media=SimpleNamespace(devices=list, media=list, sessions=lambda _serial="": []),
            storage=SimpleNamespace(
                groups=list,
                destination_warnings=lambda _script: [],
                plan_format=lambda _device, name: SetPlan(name, ""),
            ),
            log=SimpleNamespace(list=lambda **_limits: []),
            accounts=FakeAccounts(),
            close=lambda: None,
        )

    def agent_home(self, home: str) -> Any:
        return SimpleNamespace(exists=True, accounts=self.services.accounts)

    def default_home(self, override: str | None = None) -> str:
        return override or "/default/home"

    def home_exists(self, home: str) -> bool:
        return True

    def init_home(
        self, home: str, *, caroot_password: str, media_name: str = "", catalog: Any = None
    ) -> None:
        self.inits.append((home, caroot_password))

    def open_services(self, home: str) -> Any:
        self.opened.append(home)
        return self.services
