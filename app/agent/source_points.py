"""Directories of this host that are backed up by themselves, each ready to be archived for one job.

Where the volume can, the directory is read from a snapshot of it. A file of `engine/sources` names that
snapshot before it is made: whatever a crash leaves is known, and released at the next start of the agent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.agent.api import ArchiveOrder, SourcePoint
from app.agent.home import AgentHome, replace_durably
from app.agent.point_files import snapshot_from_json, snapshot_to_json
from app.agent.point_releases import IDLE_S, LEASE_S
from app.agent.source_places import check_source, rules_of
from app.backup.api import ArchiveRoot, ArchiveTask, SourceRules
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import Consistency
from app.model.scenario import Filters
from app.model.source import DirectSource
from app.snapshot.api import Snapshot
from app.snapshot.volume import VolumeFreezer

NO_SNAPSHOT = "none"
_AREA = b"snapshots-of-sources"
_log = logging.getLogger("arcxo.agent.sources")


@dataclass(frozen=True, slots=True)
class _Ready:
    point: SourcePoint
    job_id: int
    directory: bytes
    rules: SourceRules
    snapshot: Snapshot | None
    used_at: float
    renewed: bool = False


class SourcePoints:
    """The sources that jobs have begun to back up. Any thread."""

    def __init__(self, home: AgentHome) -> None:
        self._home = os.path.realpath(os.fsencode(home.path))
        self._files = home.directory("sources")
        self._freezer = VolumeFreezer(os.path.join(os.fsencode(home.engine), _AREA), home.id)
        self._guard = threading.Lock()
        self._ready: dict[str, _Ready] = {}

    def __contains__(self, point_id: str) -> bool:
        with self._guard:
            return point_id in self._ready

    def begin(self, source: DirectSource, job_id: int) -> SourcePoint:
        """Make a directory ready, from a snapshot where its volume can. Blocks on the disk.

        What the same job left there before is released. Raises what `check_source` does.
        """
        real = check_source(source)
        self._release_where(lambda one: one.job_id == job_id and one.point.path == source.path)
        self.tend()
        snapshot = self._snapshot(source, real)
        point = SourcePoint(
            id=uuid.uuid4().hex if snapshot is None else snapshot.id,
            machine=source.host,
            path=source.path,
            taken_at=datetime.now(UTC),
            # All of a volume at one moment, as after a loss of power; files read one by one are no moment.
            consistency=Consistency.FUZZY if snapshot is None else Consistency.CRASH,
            provider=NO_SNAPSHOT if snapshot is None else snapshot.provider,
        )
        rules = rules_of(source, real, [self._home], from_snapshot=snapshot is not None)
        directory = real if snapshot is None else snapshot.path
        ready = _Ready(point, job_id, directory, rules, snapshot, time.monotonic())
        with self._guard:
            self._ready[point.id] = ready
        return point

    def archive_task(self, order: ArchiveOrder) -> ArchiveTask:
        """The task of a point. Raises NotFoundError AE1024 for one that is not there."""
        with self._guard:
            ready = self._ready.get(order.point_id)
            if ready is None or ready.point.entities[0].entity != order.entity:
                raise NotFoundError("AE1024", point=order.point_id, entity=order.entity)
            self._ready[order.point_id] = replace(ready, used_at=time.monotonic())
        point = ready.point
        return ArchiveTask(
            media_path=order.media_path,
            entity=order.entity,
            roots=(ArchiveRoot(point.path, ready.directory, rules=ready.rules),),
            job_id=order.job_id,
            scenario_id=point.scenario_id,
            scenario_name=point.scenario_name,
            machine=point.machine,
            replica=point.replica,
            taken_at=point.taken_at,
            consistency=point.consistency,
            provider=point.provider,
            base_session=order.base_session,
            base_media=order.base_media,
            data_key=order.data_key,
            key_id=order.key_id,
            verify=order.verify,
            server=order.server,
            fence=order.fence,
            owners=order.owners,
            filters=Filters(order.include, order.exclude),
        )

    def touch(self, point_id: str, *, renewed: bool = False) -> None:
        """The point is in use; `renewed`: it is given up once its job is not heard of for `LEASE_S`."""
        with self._guard:
            if (ready := self._ready.get(point_id)) is not None:
                self._ready[point_id] = replace(
                    ready, used_at=time.monotonic(), renewed=ready.renewed or renewed
                )

    def tend(self) -> None:
        """Release what no server needs any more: it was killed, or cannot be reached. Blocks on the disk."""
        now = time.monotonic()
        self._release_where(lambda one: now - one.used_at > (LEASE_S if one.renewed else IDLE_S))

    def end(self, point_id: str) -> None:
        """Release a point; repeated calls do nothing. Raises ArcxoError E4192; the next start tries again."""
        with self._guard:
            ready = self._ready.pop(point_id, None)
        if ready is not None and ready.snapshot is not None:
            self._release(ready.snapshot)

    def release_abandoned(self) -> None:
        """Remove what the agent's last life left. For its start."""
        for name in sorted(os.listdir(self._files)):
            path = os.path.join(self._files, name)
            if name.endswith(".new"):
                os.unlink(path)  # a write that was cut; its snapshot was never begun
                continue
            try:
                with open(path, "rb") as file:
                    snapshot = snapshot_from_json(json.loads(file.read()))
                self._release(snapshot)
            except (ArcxoError, ValueError, KeyError, TypeError, OSError) as error:
                _log.warning("what %s names could not be released: %s", name, error)

    def _snapshot(self, source: DirectSource, real: bytes) -> Snapshot | None:
        """A snapshot of the volume; None where it makes none, or where it would not show everything."""
        crossing = source.cross_file_systems
        if crossing and rules_of(source, real, [], from_snapshot=False).mounts:
            return None
        planned = self._freezer.plan(real, uuid.uuid4().hex, inner=not crossing)
        if planned is None:
            return None
        self._write(planned)
        try:
            return self._freezer.make(planned)
        except ArcxoError as error:
            _log.warning("%s is read without a snapshot: %s", source.label, error)
            self._forget(planned)
            return None

    def _release_where(self, chosen: Any) -> None:
        with self._guard:
            found = [one.point.id for one in self._ready.values() if chosen(one)]
        for point_id in found:
            try:
                self.end(point_id)
            except ArcxoError as error:
                _log.warning("a snapshot could not be released: %s", error)

    def _release(self, snapshot: Snapshot) -> None:
        self._freezer.release(snapshot)
        self._forget(snapshot)

    def _write(self, snapshot: Snapshot) -> None:
        replace_durably(self._path(snapshot), json.dumps(snapshot_to_json(snapshot)).encode("ascii"))

    def _forget(self, snapshot: Snapshot) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(snapshot))

    def _path(self, snapshot: Snapshot) -> str:
        return os.path.join(self._files, f"{snapshot.id}.json")
