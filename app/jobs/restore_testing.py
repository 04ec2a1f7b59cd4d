"""Restore tests: a session is restored to a scratch directory and compared with what it says."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from blake3 import blake3

from app.agent.api import Agent, CompareOrder, RestoreOrder
from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.home import home_id
from app.jobs.hosts import Agents
from app.jobs.key_ring import KeyRing
from app.jobs.media_choice import OnlineMedia, named_media
from app.jobs.runner import Outcome
from app.jobs.secrets import SecretStore
from app.jobs.stream import CancellableStream
from app.jobs.summary import size_text
from app.media import api as media
from app.media.api import SessionHeader
from app.model.archive import CompareResult, Progress, RestoreResult
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, Problem
from app.model.job import Conflict, JobKind, JobPhase, JobResult, JobStatus, Structure

_SCRATCH = "arcxo-restore-test-"
_PATHS_AT_ONCE = 1000
_BYTES_AT_ONCE = 4 << 30
_SLACK_BYTES = 64 << 20
_METADATA_REFUSED = "W4224"


@dataclass(frozen=True, slots=True)
class RestoreTestScript:
    """What a restore test is asked to do. `session` 0 = the newest of each volume; `percent` of the files."""

    media: str
    session: int = 0
    percent: int = 100
    scratch: str = ""

    @staticmethod
    def of(script: dict[str, str]) -> RestoreTestScript:
        """From the script of a job."""
        return RestoreTestScript(
            script["media"],
            int(script.get("session") or 0),
            int(script.get("percent") or 100),
            script.get("scratch", ""),
        )


@dataclass
class _Tested:
    files: int = 0
    read_bytes: int = 0
    faults: int = 0


class RestoreTests:
    """Runs restore tests. One object serves all of them; each run has a thread of its own."""

    def __init__(self, catalog: Catalog, store: SecretStore, agents: Agents, home: str) -> None:
        self._catalog = catalog
        self._store = store
        self._agents = agents
        self._home = home

    def run(self, control: JobControl) -> Outcome:
        """Carry out the job; see `JobKindRunner`."""
        assert isinstance(control.job.script, dict)
        script = RestoreTestScript.of(control.job.script)
        control.begin_phase(JobPhase.CONNECT)
        one = named_media(self._catalog, script.media)
        base = private_directory(script.scratch or _temporary(), home_id(self._home))
        self._sweep(base)
        headers = _chosen(one, script.session)
        keys = KeyRing.of(one.path, JobSecrets.unseal(self._store, control.sealed_credentials))
        closed = [header for header in headers if not keys.is_open(header)]
        if closed:
            raise CredentialsError("E5150", session=closed[0].number, media=one.label.name)
        agent = self._agents.agent_of("localhost", None)
        failed = 0
        try:
            for header in headers:
                control.check_cancelled()
                test = _Test(control, agent, one, header, keys.key_of(header), script, base)
                if test.run():
                    self._record(one, header, script.percent)
                else:
                    failed += 1
        finally:
            agent.close()
            with contextlib.suppress(OSError):  # another test may be at work there
                os.rmdir(base)
        return Outcome(JobResult.FAILED if failed else JobResult.FINISHED)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        control.note("W5168" if result is JobResult.CANCELED else "E5169", name=control.job.name)

    def _record(self, one: OnlineMedia, header: SessionHeader, percent: int) -> None:
        with contextlib.suppress(NotFoundError):  # on the media, but not in this catalog
            self._catalog.sessions.mark_restore_tested(one.label.serial, header.number, percent=percent)

    def _sweep(self, base: str) -> None:
        """Remove what runs left that were killed: the directories of jobs that do not run now."""
        active = {
            job.id
            for job in self._catalog.jobs.list(include_done=False)
            if job.kind is JobKind.RESTORE_TEST and job.status is JobStatus.ACTIVE
        }
        for name in os.listdir(base):
            number = name.partition("-")[0]
            if number.isdigit() and int(number) not in active:
                remove_tree(os.path.join(base, name))


class _Test:
    """The test of one session."""

    def __init__(
        self,
        control: JobControl,
        agent: Agent,
        one: OnlineMedia,
        header: SessionHeader,
        data_key: bytes | None,
        script: RestoreTestScript,
        base: str,
    ) -> None:
        self._control = control
        self._agent = agent
        self._media = one
        self._header = header
        self._data_key = data_key
        self._percent = script.percent
        self._base = base
        self._tested = _Tested()

    def run(self) -> bool:
        """Whether everything that was restored is as the session has it."""
        control, header, name = self._control, self._header, self._media.label.name
        control.note("N5192", session=header.number, media=name, percent=self._percent)
        control.progress(session=header.number, media=name)
        scratch = f"{self._base}/{control.job.id}-{secrets.token_hex(4)}"
        for paths in self._batches():
            os.makedirs(scratch, 0o700)
            try:
                self._one_batch(scratch, paths)
            finally:
                remove_tree(scratch)
        tested = self._tested
        size = size_text(tested.read_bytes)
        code = "E5195" if tested.faults else "N5194"
        control.note(
            code, session=header.number, media=name, files=tested.files, size=size, faults=tested.faults
        )
        return not tested.faults

    def _batches(self) -> Iterator[tuple[bytes, ...]]:
        """What is restored at a time: everything at once, or a sample in parts that need little room."""
        if self._percent >= 100:
            self._check_room(self._header.size_bytes)
            yield ()
            return
        room = max(_SLACK_BYTES, min(_BYTES_AT_ONCE, self._room() // 2))
        batch: list[bytes] = []
        size = 0
        for path, length in self._sample():
            if batch and (len(batch) >= _PATHS_AT_ONCE or size + length > room):
                yield tuple(batch)
                batch, size = [], 0
            self._check_room(length)
            batch.append(path)
            size += length
        if batch:
            yield tuple(batch)

    def _sample(self) -> Iterator[tuple[bytes, int]]:
        """Other files each time, so that in the end all have had their turn; at least one."""
        seed = os.urandom(16)
        limit = self._percent * (1 << 32) // 100
        fallback: tuple[bytes, int] | None = None
        chosen = 0
        for entry in media.session_entries(self._media.path, self._header.number, self._data_key):
            self._control.check_cancelled()
            if entry.metadata.kind is EntryKind.DIRECTORY:
                continue
            fallback = entry.path, entry.metadata.size_bytes
            if int.from_bytes(blake3(seed + entry.path).digest(4), "little") < limit:
                chosen += 1
                yield fallback
        if not chosen and fallback is not None:
            yield fallback

    def _room(self) -> int:
        state = os.statvfs(self._base)
        return state.f_bavail * state.f_frsize

    def _check_room(self, size: int) -> None:
        room = self._room()
        if size + size // 20 + _SLACK_BYTES > room:
            raise ArcxoError(
                "E5193",
                session=self._header.number,
                directory=self._base,
                needed=size_text(size + size // 20 + _SLACK_BYTES),
                free=size_text(room),
            )

    def _one_batch(self, scratch: str, paths: tuple[bytes, ...]) -> None:
        control = self._control
        targets = ((b"/", os.fsencode(scratch)),)
        control.begin_phase(JobPhase.RESTORE)
        restore = RestoreOrder(
            job_id=control.job.id,
            fence=control.fence,
            media_path=self._media.path,
            session=self._header.number,
            paths=paths,
            targets=targets,
            conflict=Conflict.SKIP,
            structure=Structure.FULL,
            data_key=self._data_key,
        )
        self._follow(lambda: self._agent.restore(restore))
        control.begin_phase(JobPhase.VERIFY)
        compare = CompareOrder(
            job_id=control.job.id,
            media_path=self._media.path,
            session=self._header.number,
            paths=paths,
            targets=targets,
            data_key=self._data_key,
            # Who is not root cannot give files to others; that is no fault of the session.
            metadata=os.geteuid() == 0,
        )
        self._follow(lambda: self._agent.compare_session(compare))

    def _follow(self, stream: Callable[[], Iterator[object]]) -> None:
        control, tested = self._control, self._tested
        start = (tested.files, tested.read_bytes)
        result: object = None
        for event in CancellableStream(stream, control):
            match event:
                case Progress():
                    control.progress(
                        current_path=event.path,
                        files=start[0] + event.files,
                        read_bytes=start[1] + event.read_bytes,
                        files_total=self._header.files if self._percent >= 100 else None,
                    )
                case Problem():
                    if event.code != _METADATA_REFUSED or os.geteuid() == 0:
                        tested.faults += 1
                    control.problem(event, session=self._header.number)
                case RestoreResult():
                    # Mismatches were told as problems.
                    result = event
                case CompareResult():
                    result = event
                    tested.files += event.files
                    tested.read_bytes += event.read_bytes
        if result is None:
            raise ArcxoError("E5144", entity=self._header.entity, host="localhost")


def _temporary() -> str:
    """Where there may be room for a while. Not the home: nothing is ever restored into that."""
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else tempfile.gettempdir()  # noqa: S108 - checked there


def private_directory(place: str, name: str) -> str:
    """A directory of this home's owner alone in `place`, where others may write. E5197 when it is not."""
    path = os.path.join(place, f"{_SCRATCH}{name[:12]}")
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
    except OSError as error:
        raise ArcxoError("E5197", directory=path, reason=error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o77:
        raise ArcxoError(
            "E5197", directory=path, reason="it belongs to somebody else, or others may enter it"
        )
    return path


def _chosen(one: OnlineMedia, number: int) -> Sequence[SessionHeader]:
    """The session of that number, or the newest of each volume."""
    if number:
        return [media.read_session(one.path, number)]
    newest: dict[tuple[str, str, tuple[bytes, ...]], SessionHeader] = {}
    for header in media.sessions(one.path):
        newest[header.machine, header.entity, header.roots] = header
    if not newest:
        raise NotFoundError("E5196", media=one.label.name)
    return list(newest.values())


def remove_tree(path: str) -> None:
    """Remove a scratch directory, whatever the permissions that were restored in it."""

    def allow(function: Callable[[str], object], name: str, _: object) -> None:
        os.chmod(os.path.dirname(name), 0o700)
        with contextlib.suppress(NotADirectoryError, FileNotFoundError):
            if os.path.isdir(name) and not os.path.islink(name):
                os.chmod(name, 0o700)
                shutil.rmtree(name, ignore_errors=True)
                return
        with contextlib.suppress(FileNotFoundError):
            function(name)

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path, onerror=allow)
