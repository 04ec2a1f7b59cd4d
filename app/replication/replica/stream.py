"""One stream from a master: handshake, listings, batches, acknowledgements."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.model.properties import properties_of
from app.model.scenario import ReplicaState, Scenario
from app.replication.codec import decode
from app.replication.compression import CompressingLink
from app.replication.definition import from_xml
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Batch,
    BatchKind,
    Committed,
    Fault,
    FetchRequest,
    Frame,
    Hello,
    Ping,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.inspect_frames import Inquiry
from app.replication.link import Link
from app.replication.replica.ahead import Prepared
from app.replication.replica.disk import failures_told
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.fetching import fetch
from app.replication.replica.hashing import HashAnswers
from app.replication.replica.incoming import Incoming
from app.replication.replica.inspecting import inspect
from app.replication.replica.lacking import lacking
from app.replication.replica.link_groups import ListedLinks
from app.replication.replica.listing import in_parts
from app.replication.replica.packed import packed_batch
from app.replication.replica.packed_listing import encoded_listing
from app.replication.replica.replica import Replica
from app.replication.replica.replica_scripts import ReplicaScripts
from app.replication.replica.rewinding import list_after_rewind
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.unproved import Unproved
from app.replication.sync_frames import HashRequest, Listing, ListingEnd, ListRequest

if TYPE_CHECKING:
    from app.replication.records import Record
    from app.replication.replica.engine import ReplicaEngine

_HELLO_TIMEOUT_S = 30.0
_POLL_S = 1.0
_GATHERED_S = 0.03
_ALIVE_EVERY_S = 1.0


class ReplicaStream:
    """Runs in the thread of `ReplicaEngine.serve`; a second thread reads frames and answers pings."""

    def __init__(self, engine: ReplicaEngine, link: Link) -> None:
        self._engine = engine
        self._link = CompressingLink(link)
        self._sending = threading.Lock()
        self._incoming: Incoming | None = None
        self._scripts: ReplicaScripts | None = None
        self._alive_at = 0.0
        self._clean = False
        """Whether nothing went wrong here."""

    def run(self) -> None:
        """Until either side ends the stream. Raises what is a bug only."""
        try:
            with failures_told(self._engine.home):
                replica = self._greet()
        except ArcxoError as error:
            if error.code != "ER00201":
                self._send_last(Refused(error.code, error.params))
            return
        if replica is None:
            return
        with contextlib.ExitStack() as leaving:
            # Whatever fails here, or on the way out, the replica is free for the next stream.
            leaving.callback(lambda: replica.finish_stream(clean=self._clean))
            try:
                with failures_told(self._engine.home):
                    self._serve(replica, self._begin_reading(replica, leaving))
            except ArcxoError as error:
                if error.code == "ER00201":
                    self._clean = True
                else:
                    self._send_last(Fault(error.code, error.params))
                    self._tell_stopped(replica, error)

    def _tell_stopped(self, replica: Replica, error: ArcxoError) -> None:
        """Once, however often the master tries again before it takes anything."""
        if replica.stopped_code == error.code:
            return
        replica.stopped_code = error.code
        self._engine.events.append(
            "ER00421",
            Severity.ERROR,
            scenario_id=replica.scenario.id if replica.scenario else None,
            scenario_name=replica.label,
            cause=render(error.code, error.params).text,
        )

    def _begin_reading(self, replica: Replica, leaving: contextlib.ExitStack) -> Incoming:
        with replica.lock:
            _, store = replica.opened()
            trees = list(store.trees)
        incoming = self._incoming = Incoming(trees)
        leaving.callback(incoming.close)
        hashes = self._hash_answers(trees)
        leaving.callback(hashes.close)
        reader = threading.Thread(
            target=self._read, args=(incoming, hashes), name="replica-frames", daemon=True
        )
        reader.start()
        leaving.callback(reader.join, timeout=5.0)
        leaving.callback(self._link.close)
        if self._scripts is not None:
            leaving.callback(self._scripts.close)
        leaving.callback(incoming.end)
        return incoming

    def _greet(self) -> Replica | None:
        data = self._link.receive(_HELLO_TIMEOUT_S)
        if data is None:
            return None
        hello = decode_frame(data)
        if isinstance(hello, Inquiry):
            inspect(self._engine.replica_of(hello.scenario_id), self._engine.host, self._link, hello)
            return None
        if not isinstance(hello, Hello):
            raise ArcxoError("ER00301", cause="a stream that does not begin with a greeting")
        if hello.protocol != PROTOCOL_VERSION:
            raise ArcxoError("ER00203", host=self._engine.host, version=hello.protocol)
        scenario = from_xml(hello.definition_xml)
        replica = self._engine.replica_for(scenario)
        welcome, troubles = self._take_place(replica, scenario, hello)
        try:
            self._send(welcome)
            for trouble in troubles:
                # The master may have died before it could record them anew.
                self._send(trouble)
            self._scripts = ReplicaScripts(
                self._engine.scripts, scenario, hello.replica, self._tell(scenario), self._send
            )
        except BaseException:
            replica.finish_stream(clean=False)
            raise
        return replica

    def _take_place(
        self, replica: Replica, scenario: Scenario, hello: Hello
    ) -> tuple[Welcome, list[Trouble]]:
        """Be the one stream of the replica; what the master is told first. A stream before is ended.

        Raises ArcxoError: AE0470 when that does not end, what opening the replica raises.
        """
        while True:
            if not replica.end_stream():
                raise ArcxoError("AE0470", name=scenario.name, id=scenario.id)
            with replica.lock:
                if replica.streaming:
                    # Another one was quicker.
                    continue
                spec = next((one for one in scenario.replicas if one.host == hello.replica), None)
                self._admit(replica, scenario, hello, spec.paths if spec is not None else ())
                # While the disk refuses to take back a batch that failed, there is nothing to go on from.
                _, store = replica.opened()
                if spec is not None:
                    kept = properties_of(scenario, spec).keep_deleted_during_replication
                    replica.applier.keeps_removed = kept
                self._link.compress = spec is not None and properties_of(scenario, spec).compress_transfer
                position = store.index.position
                places = sorted({tree.store.place.value for tree in store.trees})
                welcome = Welcome(
                    store.index.incarnation,
                    position.epoch,
                    position.sequence,
                    position.change,
                    ", ".join(places),
                )
                troubles = [_told(*one) for one in lacking(store.index)]
                replica.begin_stream(self._link.close)
                replica.on_trouble = self._ask_again
                replica.state = ReplicaState.REPLICATING if position.epoch else ReplicaState.SYNCHRONIZING
                return welcome, troubles

    def _admit(self, replica: Replica, scenario: Scenario, hello: Hello, paths: tuple[bytes, ...]) -> None:
        """Write these directories from now on, and nobody else. Raises as `_take_place`."""
        claims, before = self._engine.claims, replica.paths
        with claims.alone():
            self._engine.checks.overlap(scenario, paths)
            replica.admit(scenario, hello.replica, hello.definition_xml)
            claims.release([path for path in before if path not in paths])
            claims.take(paths, scenario.id, scenario.name)

    def _ask_again(self, root: int, path: bytes, code: str) -> None:
        """Have the master send a path again. From any thread."""
        with contextlib.suppress(ArcxoError):
            self._send(Trouble(root, path, code, PathTrouble(code, path).params, final=False))

    def _tell(self, scenario: Scenario) -> Callable[..., None]:
        def tell(code: str, severity: Severity, **params: object) -> None:
            self._engine.events.append(
                code, severity, scenario_id=scenario.id, scenario_name=scenario.name, **params
            )

        return tell

    def _check(self) -> None:
        """Raise what ended the stream, if it has ended.

        While much waits nothing is read, so that an end would not be seen; a sign of life meets it.
        """
        if self._incoming is not None and self._incoming.lost is not None:
            raise self._incoming.lost
        now = time.monotonic()
        if now - self._alive_at > _ALIVE_EVERY_S:
            self._alive_at = now
            self._link.send(encode_frame(Pong(0)), urgent=True)

    def _hash_answers(self, trees: Sequence[ReplicaTree]) -> HashAnswers:
        places = [(tree.tree.path, tree.tree.identity) for tree in trees]
        side = trees[0].side
        return HashAnswers(places, (side.path, side.identity), self._send)

    def _read(self, incoming: Incoming, hashes: HashAnswers) -> None:
        try:
            with failures_told(self._engine.home):
                while not incoming.ended:
                    self._read_frame(incoming, hashes)
        except ArcxoError as error:
            incoming.lose(error)
        except BaseException:
            # Whoever waits for frames must not wait for ever.
            incoming.lose(ArcxoError("ER00201", host=self._engine.host, reason="reading from it failed"))
            raise

    def _read_frame(self, incoming: Incoming, hashes: HashAnswers) -> None:
        data = self._link.receive(_GATHERED_S if incoming.gathers else _POLL_S)
        if data is None:
            incoming.flush()
            return
        packed = packed_batch(data)
        if packed is not None:
            incoming.put(len(data), packed)
            return
        frame = decode_frame(data)
        if isinstance(frame, Ping):
            self._link.send(encode_frame(Pong(frame.token)), urgent=True)
            return
        if isinstance(frame, HashRequest):
            hashes.ask(frame)
            return
        incoming.put(len(data), frame)

    def _serve(self, replica: Replica, incoming: Incoming) -> None:
        while True:
            taken = incoming.take(_POLL_S)
            if taken is None:
                with replica.lock:
                    replica.retain(time.monotonic())
                continue
            self._serve_one(replica, *taken)
            del taken  # the contents of files in it, which nothing else needs while nothing comes

    def _serve_one(self, replica: Replica, frame: Frame | Prepared, count: int) -> None:
        if isinstance(frame, ListRequest):
            self._list_as_of(replica, frame) if frame.point else self._list(replica, frame.root)
        elif isinstance(frame, Batch):
            records = tuple(decode(record) for record in frame.records)
            self._apply(replica, Prepared(frame, records, {}), count)
        elif isinstance(frame, Prepared):
            self._apply(replica, frame, count)
        elif isinstance(frame, FetchRequest):
            self._fetch(replica, frame)
        else:
            raise ArcxoError("ER00301", cause="a frame that does not belong here")

    def _apply(self, replica: Replica, prepared: Prepared, count: int) -> None:
        batch, records = prepared.batch, prepared.records
        scripts = self._scripts if batch.kind is BatchKind.SYNC else None
        if scripts is not None:
            scripts.before(self._check)
        with replica.lock:
            applier = replica.applier
            if batch.kind is BatchKind.STREAM:
                # Nothing of these is made before.
                applied = applier.apply_stream(
                    batch.epoch, batch.first_seq, cast("tuple[Record, ...]", records)
                )
                sequence = applier.store.index.position.sequence
            else:
                before = applier.store.index.position.sync_batches
                applied = applier.apply_sync(batch.epoch, batch.first_seq, records, count, prepared.made)
                after = applier.store.index.position.sync_batches
                sequence = after if after > 0 else max(before, 0) + count
            position = applier.store.index.position
            replica.state = ReplicaState.REPLICATING if position.epoch else ReplicaState.SYNCHRONIZING
            if position.epoch:
                replica.stopped_code = ""
            change = position.change
        for trouble in applied.troubles:
            self._send(_told(trouble.root, trouble.error))
        self._send(Committed(batch.kind, sequence, change))
        if scripts is not None:
            scripts.after(records)
        with replica.lock:
            replica.retain(time.monotonic())

    def _list(self, replica: Replica, root: int) -> None:
        replica.listed_at = time.monotonic()
        with replica.lock:
            _, store = replica.opened()
            if not 0 <= root < len(store.trees):
                raise ArcxoError("ER00301", cause="a root that does not exist")
            tree = store.trees[root]
            tree.forget()
            links, seen = ListedLinks(store.links, root), ListedStates(store, root)
            try:
                listing = encoded_listing(root, tree.tree, seen, links)
                for part in Unproved(store, root).told(listing):
                    self._send_bytes(part)
            except OSError as error:
                raise ArcxoError("ER00408", path=shown(tree.tree.path), cause=error.strerror or "") from error
            links.end()
            findings = seen.end()
            if findings and replica.scenario is not None:
                self._engine.drift_worker.listed(replica.scenario.id, replica, findings)
            tree.forget()
            replica.listed_at = time.monotonic()
        self._send(ListingEnd(root))

    def _list_as_of(self, replica: Replica, request: ListRequest) -> None:
        with replica.lock:
            _, store = replica.opened()
            if not 0 <= request.root < len(store.trees):
                raise ArcxoError("ER00301", cause="a root that does not exist")
            tree = store.trees[request.root]
            try:
                for part in in_parts(list_after_rewind(replica, request.point, request.paths, request.root)):
                    self._send(Listing(request.root, part))
            except OSError as error:
                raise ArcxoError("ER00408", path=shown(tree.tree.path), cause=error.strerror or "") from error
            tree.forget()
        self._send(ListingEnd(request.root))

    def _fetch(self, replica: Replica, request: FetchRequest) -> None:
        with replica.lock:
            _, store = replica.opened()
            if not 0 <= request.root < len(store.trees):
                raise ArcxoError("ER00301", cause="a root that does not exist")
            tree = store.trees[request.root]
            tree.forget()
            for part in fetch(tree.tree, request):
                self._send(part)

    def _send(self, frame: Frame) -> None:
        self._send_bytes(encode_frame(frame))

    def _send_bytes(self, data: bytes) -> None:
        with self._sending:
            self._link.send(data)

    def _send_last(self, frame: Frame) -> None:
        try:
            self._send(frame)
        except ArcxoError:
            return


def _told(root: int, error: PathTrouble) -> Trouble:
    return Trouble(root, error.path, error.code, error.params, error.final)
