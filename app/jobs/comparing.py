"""Compare jobs: a session is compared with files on disk, and each path that differs is named in the log."""

from __future__ import annotations

import os

from app.agent.api import CompareOrder
from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.hosts import Agents
from app.jobs.key_ring import KeyRing
from app.jobs.media_choice import OnlineMedia
from app.jobs.stream import CancellableStream
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import SessionHeader
from app.model.archive import CompareResult, Progress
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, Problem, UsageError
from app.model.job import Credentials, JobPhase, JobResult

REPLICA, MASTER = "replica", "master"
_NAMED_MAX = 1000
Targets = tuple[tuple[bytes, bytes], ...]


def check_with(text: str) -> None:
    """Raise UsageError E5623 for something that a session cannot be compared with."""
    if text not in (REPLICA, MASTER) and not os.path.isabs(text):
        raise UsageError("E5623", place=text)


class Compare:
    """One compare job."""

    def __init__(
        self, catalog: Catalog, agents: Agents, control: JobControl, one: OnlineMedia, keys: KeyRing
    ) -> None:
        self._catalog = catalog
        self._agents = agents
        self._control = control
        self._media = one
        self._keys = keys
        self._named = 0
        self._unnamed = 0

    def run(self, script: dict[str, str], secrets: JobSecrets) -> JobResult:
        """Compare; Incomplete when something differs.

        Raises:
            NotFoundError: E4121 no such session, E4221 a path is not in it.
            CredentialsError: E4131, E5150 it is encrypted and no password that was given opens it.
            ArcxoError: E3371 the scenario of the session is not registered.
        """
        control, one = self._control, self._media
        header = media.read_session(one.path, int(script["session"]))
        self._keys.check([header])
        if not self._keys.is_open(header):
            raise CredentialsError("E5150", session=header.number, media=one.label.name)
        where = script.get("with") or REPLICA
        check_with(where)
        host, targets, login = self._targets(where, header, secrets)
        control.begin_phase(JobPhase.VERIFY)
        control.note(
            "N5624",
            session=header.number,
            media=one.label.name,
            scenario=header.scenario_name,
            host=host,
            where=", ".join(directory.decode("utf-8", "replace") for _, directory in targets),
        )
        control.progress(media=one.label.name, session=header.number)
        order = CompareOrder(
            job_id=control.job.id,
            media_path=one.path,
            session=header.number,
            paths=tuple(os.fsencode(path) for path in script.get("paths", "").split("\n") if path),
            targets=targets,
            data_key=self._keys.key_of(header),
            metadata=script.get("metadata", "true") == "true",
        )
        agent = self._agents.agent_of(host, login)
        result: CompareResult | None = None
        try:
            for event in CancellableStream(lambda: agent.compare_session(order), control):
                match event:
                    case Progress():
                        control.progress(
                            current_path=event.path,
                            files=event.files + event.directories,
                            files_total=event.files_total,
                            read_bytes=event.read_bytes,
                            bytes_total=event.bytes_total,
                        )
                    case Problem():
                        self._name(event, header)
                    case CompareResult():
                        result = event
        finally:
            agent.close()
        if result is None:
            raise ArcxoError("E5144", entity=header.entity, host=host)
        return self._sum_up(header, result)

    def _name(self, problem: Problem, header: SessionHeader) -> None:
        if self._named < _NAMED_MAX:
            self._named += 1
            self._control.problem(problem, scenario=header.scenario_name, session=header.number)
        else:
            self._unnamed += 1

    def _sum_up(self, header: SessionHeader, result: CompareResult) -> JobResult:
        control = self._control
        if self._unnamed:
            control.note("W5626", count=f"{self._unnamed:,}", named=f"{self._named:,}")
        control.progress(files=result.files + result.directories, read_bytes=result.read_bytes)
        control.note(
            "N5625",
            session=header.number,
            media=self._media.label.name,
            scenario=header.scenario_name,
            files=f"{result.files:,}",
            directories=f"{result.directories:,}",
            size=size_text(result.read_bytes),
            differences=f"{result.differences:,}",
        )
        return JobResult.INCOMPLETE if result.differences else JobResult.FINISHED

    def _targets(
        self, where: str, header: SessionHeader, secrets: JobSecrets
    ) -> tuple[str, Targets, Credentials | None]:
        """(host, master path → directory, the log-in there)."""
        if where == MASTER or (where == REPLICA and not header.scenario_id):
            # A directory that was backed up by itself has no replica: it is where it was backed up from.
            login = secrets.login(header.scenario_id, MASTER)
            return header.machine, tuple((root, root) for root in header.roots), login
        if where != REPLICA:
            return "localhost", _beneath(os.fsencode(os.path.abspath(where)), header), None
        missing = ArcxoError(
            "E3371", session=header.number, media=self._media.label.name, id=self._media.label.media_id
        )
        try:
            registration = self._catalog.registrations.show(str(header.scenario_id))
        except NotFoundError as error:
            raise missing from error
        agent = self._agents.agent_of(registration.master, secrets.login(registration.id, MASTER))
        try:
            scenario = agent.scenario(registration.id).scenario
        finally:
            agent.close()
        for spec in scenario.replicas:
            if spec.host == header.replica:
                pairs = zip(scenario.roots, spec.paths, strict=True)
                login = secrets.login(registration.id, REPLICA)
                return spec.host, tuple((root.master_path, path) for root, path in pairs), login
        raise missing


def _beneath(directory: bytes, header: SessionHeader) -> Targets:
    """A directory stands for the session's root; of several, each is looked for beneath it by its name."""
    if len(header.roots) == 1:
        return ((header.roots[0], directory),)
    return tuple((root, directory.rstrip(b"/") + b"/" + os.path.basename(root)) for root in header.roots)
