"""The files of backup points."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.agent.home import replace_durably
from app.model.errors import ArcxoError
from app.model.media import Consistency
from app.model.scenario import Scenario
from app.replication.definition import from_xml, to_xml
from app.snapshot.api import Snapshot

_CUT_AFTER_S = 60.0
_log = logging.getLogger("arcxo.agent.points")


@dataclass(frozen=True, slots=True)
class SavedRoot:
    """One root of the point and the snapshot that froze it."""

    master_path: bytes
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class SavedPoint:
    """A point as its file keeps it. `planned` is a snapshot that may exist in part.

    `released`: its snapshots are to go, and may be gone in part; nothing else may be done with it.
    `since`: its snapshots hold what changed after that change number (-1: they hold everything). Kept, it is
    the state of the kept point `base` with that put over it. `absorbs` names the base that is being turned
    into this point's own whole snapshot, `spent` what is of no use after that.
    """

    id: str
    scenario: Scenario
    replica: str
    taken_at: datetime
    consistency: Consistency
    provider: str
    incarnation: str
    change: int
    job_id: int
    fence: int
    entities: tuple[tuple[str, tuple[int, ...]], ...]
    roots: tuple[SavedRoot, ...] = ()
    planned: Snapshot | None = None
    kept: bool = False
    released: bool = False
    since: int = -1
    base: str = ""
    absorbs: str = ""
    spent: tuple[Snapshot, ...] = ()
    rolled: int = 0
    """How many points have been put over the whole snapshot since it was made."""
    against: tuple[str, int] | None = None
    """(incarnation, change) of the kept point that the replica was compared with: what its snapshots hold
    differs from that one, and `since` is its change number, which says nothing of this incarnation."""

    @property
    def whole(self) -> bool:
        """Whether the snapshots hold everything by themselves."""
        return self.since < 0

    def with_planned(
        self, index: int, provider: str, root: bytes, area: bytes, snapshot_id: str
    ) -> SavedPoint:
        """About to make the snapshot of a root."""
        del index
        container = area + b"/" + snapshot_id.encode("ascii")
        planned = Snapshot(id=snapshot_id, provider=provider, root=root, path=container, container=container)
        return replace(self, planned=planned, provider=self.provider or provider)

    def with_root(self, index: int, root: SavedRoot) -> SavedPoint:
        """The snapshot of root `index` exists."""
        return replace(self, roots=(*self.roots[:index], root), planned=None)

    def as_kept(self, base: str) -> SavedPoint:
        """Not to be released when its job is over; `base`: the kept point it stands on ("" when whole)."""
        return replace(self, kept=True, base=base)

    def as_released(self) -> SavedPoint:
        """Its snapshots are about to be removed."""
        return replace(self, released=True)

    def snapshots(self) -> list[Snapshot]:
        """All that may exist."""
        found = [*(root.snapshot for root in self.roots), *self.spent]
        return found if self.planned is None else [*found, self.planned]


class PointFiles:
    """The directory of point files; each write is durable on return."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def write(self, point: SavedPoint) -> None:
        """Save a point over what is saved of it."""
        replace_durably(self._path(point.id), json.dumps(_to_json(point)).encode("ascii"))

    def find(self, point_id: str) -> SavedPoint | None:
        """The point, or None."""
        if not point_id.isalnum():
            return None
        try:
            content = Path(self._path(point_id)).read_bytes()
        except FileNotFoundError:
            return None
        return _from_json(json.loads(content))

    def all(self) -> list[SavedPoint]:
        """All points that can be understood. Leftovers of writes that were cut are removed."""
        for name in os.listdir(self._directory):
            if name.endswith(".new") and time.time() - self._written_at(name) > _CUT_AFTER_S:
                self._unlink(os.path.join(self._directory, name))
        names = sorted(name for name in os.listdir(self._directory) if name.endswith(".json"))
        found = [self._find_sound(name.removesuffix(".json")) for name in names]
        return [point for point in found if point is not None]

    def _find_sound(self, point_id: str) -> SavedPoint | None:
        """A point, or None: one file that cannot be understood must not keep the others from their end."""
        try:
            return self.find(point_id)
        except (ArcxoError, ValueError, KeyError, TypeError, OSError) as error:
            _log.warning("the point %s cannot be understood and is left alone: %s", point_id, error)
            return None

    def remove(self, point_id: str) -> None:
        """Forget a point."""
        self._unlink(self._path(point_id))

    @staticmethod
    def _unlink(path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def _written_at(self, name: str) -> float:
        try:
            return os.stat(os.path.join(self._directory, name)).st_mtime
        except FileNotFoundError:
            return time.time()

    def _path(self, point_id: str) -> str:
        return os.path.join(self._directory, f"{point_id}.json")


def _to_json(point: SavedPoint) -> dict[str, Any]:
    return {
        "version": 1,
        "id": point.id,
        "scenario": _text(to_xml(point.scenario)),
        "replica": point.replica,
        "taken_at": point.taken_at.isoformat(),
        "consistency": point.consistency.value,
        "provider": point.provider,
        "incarnation": point.incarnation,
        "change": point.change,
        "job_id": point.job_id,
        "fence": point.fence,
        "entities": [[entity, list(indexes)] for entity, indexes in point.entities],
        "roots": [[_text(root.master_path), snapshot_to_json(root.snapshot)] for root in point.roots],
        "planned": None if point.planned is None else snapshot_to_json(point.planned),
        "kept": point.kept,
        "released": point.released,
        "since": point.since,
        "base": point.base,
        "absorbs": point.absorbs,
        "spent": [snapshot_to_json(one) for one in point.spent],
        "rolled": point.rolled,
        "against": list(point.against) if point.against is not None else None,
    }


def _from_json(found: dict[str, Any]) -> SavedPoint:
    return SavedPoint(
        id=found["id"],
        scenario=from_xml(_bytes(found["scenario"])),
        replica=found["replica"],
        taken_at=datetime.fromisoformat(found["taken_at"]),
        consistency=Consistency(found["consistency"]),
        provider=found["provider"],
        incarnation=found["incarnation"],
        change=found["change"],
        job_id=found["job_id"],
        fence=found["fence"],
        entities=tuple((entity, tuple(indexes)) for entity, indexes in found["entities"]),
        roots=tuple(SavedRoot(_bytes(path), snapshot_from_json(made)) for path, made in found["roots"]),
        planned=None if found["planned"] is None else snapshot_from_json(found["planned"]),
        kept=found["kept"],
        released=found.get("released", False),
        since=found.get("since", -1),
        base=found.get("base", ""),
        absorbs=found.get("absorbs", ""),
        spent=tuple(snapshot_from_json(one) for one in found.get("spent", ())),
        rolled=found.get("rolled", 0),
        against=_state(found.get("against")),
    )


def _state(found: Any) -> tuple[str, int] | None:
    return None if found is None else (str(found[0]), int(found[1]))


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as files of points keep it."""
    return {
        "id": snapshot.id,
        "provider": snapshot.provider,
        "root": _text(snapshot.root),
        "path": _text(snapshot.path),
        "container": _text(snapshot.container),
        "manifest": None if snapshot.manifest is None else _text(snapshot.manifest),
        "partial": snapshot.partial,
    }


def snapshot_from_json(found: dict[str, Any]) -> Snapshot:
    """The other way."""
    return Snapshot(
        id=found["id"],
        provider=found["provider"],
        root=_bytes(found["root"]),
        path=_bytes(found["path"]),
        container=_bytes(found["container"]),
        manifest=None if found["manifest"] is None else _bytes(found["manifest"]),
        partial=found["partial"],
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
