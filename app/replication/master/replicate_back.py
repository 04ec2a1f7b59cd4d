"""Makes the roots of a stopped scenario's master equal to what a rewound replica has.

What is to be done is noted before anything changes, and the note is removed at the end: a run of the scenario
first finishes what a crash interrupted, else it would replicate the half-done state.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.model.entry import EntryKind
from app.model.errors import ArcxoError, NotFoundError, Problem
from app.model.events import Severity
from app.model.paths import is_beneath, shown
from app.model.rewind import ReplicatedBack, RewindAction, RewindItem
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.compression import CompressingLink
from app.replication.definition import to_xml
from app.replication.events import EventStore
from app.replication.frames import PROTOCOL_VERSION, Hello
from app.replication.link import ReplicaConnector
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.durable import sync_directory, write_file
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.late import late
from app.replication.master.put_back import KEPT_PREFIX, PutBack
from app.replication.master.reverse import ReverseStep, SameFile, reverse_steps
from app.replication.master.reverse_contents import content_steps, suspicious
from app.replication.master.shadow import Shadow
from app.replication.master.walker import walk
from app.replication.replica.rooted import Rooted
from app.replication.replica.walking import remove_tree
from app.replication.sync_frames import CONTENT_CHANGES, CONTENT_UNPROVED, ListedEntry

ITEMS_MAX = 1_000
_PROBLEMS_MAX = 1_000
_EVENT_PROBLEMS_MAX = 20
_KEPT_MINUTES_LEAST = 24 * 60
_NOTE = "back.json"
_STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A replicate-back that has begun and not ended: from which replica, and only these paths (none: all)."""

    replica: str
    paths: tuple[bytes, ...]


def unfinished(directory: str) -> Unfinished | None:
    """The note in a scenario's directory, if there is one. A note that cannot be read is none."""
    try:
        with open(os.path.join(directory, _NOTE), "rb") as file:
            noted = json.loads(file.read())
        return Unfinished(str(noted["replica"]), tuple(bytes.fromhex(path) for path in noted["paths"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


class ReplicateBack:
    """One scenario, stopped. One thread; blocks on disk and network for as long as there is to do."""

    def __init__(
        self, scenario: Scenario, directory: str, connector: ReplicaConnector, events: EventStore
    ) -> None:
        self._scenario = scenario
        self._directory = directory
        self._connector = connector
        self._events = events
        self._filters = PathFilter(scenario.filters)
        self._suspicious = suspicious(scenario.properties)
        self._problems: list[Problem] = []
        self._same: list[SameFile] = []
        """Files of the root being compared that only their contents can tell apart."""
        self._kept: list[bytes] = []

    def plan(self, replica: str, paths: Sequence[bytes], point_id: str) -> ReplicatedBack:
        """What `carry_out` would change once the replica is rewound to `point_id` (""= as it is now).

        Of contents whose size and time agree those are listed that differ now, and those that the rewind
        changes. Raises as `carry_out` does; changes nothing.
        """
        chosen = self._chosen(paths)
        found = _Found()
        with self._exchange(self._spec(replica)) as exchange:
            for number, steps in self._steps(exchange, chosen, point_id, paths):
                root = self._scenario.roots[number].master_path
                known = list(steps)
                compared = ComparedRoot(number, root)
                for step in [*known, *content_steps(exchange, compared, self._same, self._problems)]:
                    found.add(root, step)
        return found.result(self._problems, (), None)

    def carry_out(self, replica: str, paths: Sequence[bytes]) -> ReplicatedBack:
        """Make the roots (or only `paths` of them) equal to the replica's.

        Raises:
            NotFoundError: ER00242 no such replica, ER00419 a path outside the roots.
            ArcxoError: ER00201, ER00202 the replica is not there, ER00281 the disk takes no more, ER00301
                the replica says what cannot be; what was done until then stays, and doing it again goes on.
        """
        chosen = self._chosen(paths)
        spec = self._spec(replica)
        self._write_note(Unfinished(spec.host, tuple(paths)))
        self.drop_old()
        found = _Found()
        now = datetime.now(UTC)
        stamp = now.strftime(_STAMP).encode()
        with self._exchange(spec) as exchange:
            for number, steps in self._steps(exchange, chosen, "", ()):
                root = self._scenario.roots[number].master_path
                work = PutBack(number, root, stamp, exchange.fetch)
                try:
                    # The comparison reads what the work changes: all of it is known first.
                    known = list(steps)
                    compared = ComparedRoot(number, root)
                    for step in [*known, *content_steps(exchange, compared, self._same, self._problems)]:
                        found.add(root, step)
                        work.carry(step)
                    work.finish()
                finally:
                    kept = work.kept_in
                    work.close()
                self._problems += work.problems
                if kept is not None and os.path.lexists(kept):
                    self._kept.append(kept)
        self._forget_shadow()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._directory, _NOTE))
        sync_directory(self._directory)
        until = now + timedelta(minutes=self._kept_minutes())
        done = found.result(self._problems, tuple(self._kept), until if self._kept else None)
        where = ", ".join(shown(path) for path in done.kept_in) or "—"
        count = sum(done.counts.values())
        self._event("SR00282", Severity.SIGNIFICANT, replica=spec.host, count=count, kept=where)
        for problem in done.problems[:_EVENT_PROBLEMS_MAX]:
            self._event(problem.code, Severity.WARNING, **problem.params)
        return done

    def finish_interrupted(self) -> None:
        """Carry out what a crash interrupted; drop what was kept long enough. Raises as `carry_out`."""
        left = unfinished(self._directory)
        if left is None:
            self.drop_old()
            return
        self._event("WR00284", Severity.WARNING)
        self.carry_out(left.replica, left.paths)

    def drop_old(self) -> None:
        """Remove what earlier ones kept for long enough, and what they left unfinished."""
        oldest = time.time() - self._kept_minutes() * 60
        for root in self._scenario.roots:
            with contextlib.suppress(OSError):
                place = Rooted(root.master_path)
                try:
                    self._drop_old(place, oldest)
                finally:
                    place.close()

    def _drop_old(self, place: Rooted, oldest: float) -> None:
        times = os.fstat(place.fd)
        names = [name for name in os.listdir(place.path) if name.startswith(KEPT_PREFIX)]
        for name in names:
            remove_tree(place, name + b"/incoming")
            try:
                made = datetime.strptime(name[len(KEPT_PREFIX) :].decode(), _STAMP).replace(tzinfo=UTC)
            except ValueError:
                continue
            if made.timestamp() < oldest:
                remove_tree(place, name)
        if names:
            os.utime(place.fd, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _kept_minutes(self) -> int:
        return max(self._scenario.properties.rewind_minutes, _KEPT_MINUTES_LEAST)

    def _steps(
        self,
        exchange: Exchange,
        chosen: dict[int, frozenset[bytes]] | None,
        point_id: str,
        paths: Sequence[bytes],
    ) -> Iterator[tuple[int, Iterator[ReverseStep]]]:
        for number, root in enumerate(self._scenario.roots):
            if chosen is not None and number not in chosen:
                continue
            compared = ComparedRoot(number, root.master_path)
            self._same = []
            try:
                compared.identify()
                exchange.ask_listing(number, point_id, tuple(paths))
                ours = walk(compared, self._filters, self._reporter(root.master_path))
                theirs = self._taking_part(exchange.listing(number))
                wanted = None if chosen is None else chosen[number]
                yield number, reverse_steps(root.master_path, ours, theirs, wanted, self._note_same)
            except (RootLostError, OSError) as error:
                raise ArcxoError(
                    "ER00268", path=shown(root.master_path), scenario=self._scenario.name
                ) from error

    def _note_same(self, same: SameFile) -> None:
        entry = same.entry
        told = entry.links & CONTENT_UNPROVED or entry.inode & CONTENT_CHANGES
        if told or self._suspicious(same):
            self._same.append(same)

    def _taking_part(self, listing: Iterator[ListedEntry]) -> Iterator[ListedEntry]:
        for entry in listing:
            directory = entry.kind is EntryKind.DIRECTORY
            if entry.kind is not EntryKind.SOCKET and not self._filters.leaves_out(
                entry.path, directory=directory
            ):
                yield entry

    def _reporter(self, root: bytes) -> Callable[[bytes, OSError], None]:
        def report(path: bytes, error: OSError) -> None:
            whole = root + b"/" + path if path else root
            params = {"path": shown(whole), "cause": error.strerror or str(error)}
            self._problems.append(Problem("WR00280", whole, params))

        return report

    def _chosen(self, paths: Sequence[bytes]) -> dict[int, frozenset[bytes]] | None:
        if not paths:
            return None
        chosen: dict[int, set[bytes]] = {}
        for path in paths:
            for number, root in enumerate(self._scenario.roots):
                if is_beneath(path, root.master_path):
                    chosen.setdefault(number, set()).add(path[len(root.master_path.rstrip(b"/")) + 1 :])
                    break
            else:
                raise NotFoundError("ER00419", path=shown(path), scenario=self._scenario.name)
        return {number: frozenset(found) for number, found in chosen.items()}

    def _spec(self, replica: str) -> ReplicaSpec:
        for spec in self._scenario.replicas:
            if spec.host == replica or (not replica and len(self._scenario.replicas) == 1):
                return spec
        raise NotFoundError("ER00242", replica=replica, scenario=self._scenario.name)

    @contextlib.contextmanager
    def _exchange(self, spec: ReplicaSpec) -> Iterator[Exchange]:
        timeout_s = float(self._scenario.properties.timeout_seconds)
        link = self._connector.connect(self._scenario, spec, timeout_s)
        exchange = Exchange(
            spec.host,
            CompressingLink(link),
            timeout_s,
            lambda _answer: None,
            lambda call: late(self._scenario, spec.host, call),
        )
        try:
            exchange.hello(Hello(PROTOCOL_VERSION, to_xml(self._scenario), spec.host, "", 1, 0))
            yield exchange
        finally:
            exchange.close()

    def _forget_shadow(self) -> None:
        """What was recorded of the roots is no longer so: the next run begins anew."""
        path = os.path.join(self._directory, "shadow.sqlite3")
        if not os.path.exists(path):
            return
        shadow = Shadow(path)
        try:
            shadow.set_fact("complete", "")
            shadow.commit()
        finally:
            shadow.close()

    def _event(self, code: str, severity: Severity, **params: object) -> None:
        name = self._scenario.name
        params = {"scenario": name, **params}
        self._events.append(code, severity, scenario_id=self._scenario.id, scenario_name=name, **params)

    def _write_note(self, note: Unfinished) -> None:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        path = os.path.join(self._directory, _NOTE)
        text = json.dumps({"replica": note.replica, "paths": [path.hex() for path in note.paths]})
        write_file(path, text.encode())


class _Found:
    """Counts of all steps, the first ones by path."""

    def __init__(self) -> None:
        self._counts: dict[RewindAction, int] = {}
        self._items: list[RewindItem] = []
        self._size = 0
        self._total = 0

    def add(self, root: bytes, step: ReverseStep) -> None:
        self._counts[step.action] = self._counts.get(step.action, 0) + 1
        self._total += 1
        if step.action in (RewindAction.CREATE, RewindAction.OVERWRITE) and step.link_to is None:
            self._size += step.size_bytes
        if len(self._items) < ITEMS_MAX:
            whole = root.rstrip(b"/") + b"/" + step.path if step.path else root
            self._items.append(RewindItem(whole, step.action, step.size_bytes))

    def result(
        self, problems: list[Problem], kept: tuple[bytes, ...], until: datetime | None
    ) -> ReplicatedBack:
        return ReplicatedBack(
            self._counts,
            tuple(self._items),
            self._total > len(self._items),
            self._size,
            tuple(problems[:_PROBLEMS_MAX]),
            kept,
            until,
        )
