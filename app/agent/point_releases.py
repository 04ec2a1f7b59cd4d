"""The giving up of backup points: of servers that are gone, beyond the kept number, for space, by order."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable

from app.agent.point_chain import begin_taking_over, heir_of, kept_of, take_over
from app.agent.point_files import PointFiles, SavedPoint
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.paths import shown
from app.replication.events import EventStore
from app.snapshot.choice import release

LEASE_S = 600.0
"""A job's server says every minute that the point is needed: after this long without, that server is gone."""
IDLE_S = 24 * 3600.0
"""Of a server that says nothing: a job may wait this long for a media or another backup."""
_USED_S = 90.0
_FLOOR_FRACTION = 0.05
_FLOOR_MAX_BYTES = 10 << 30
_log = logging.getLogger("arcxo.agent.points")


class PointReleases:
    """See the module. Any thread; removing a tree of links takes its time.

    `short_of_space(path)` tells whether the volume of a path is.
    """

    def __init__(
        self, files: PointFiles, events: EventStore, short_of_space: Callable[[bytes], bool]
    ) -> None:
        self._files = files
        self._events = events
        self._short_of_space = short_of_space
        self.lock = threading.RLock()
        """Held while points are given up; no call but another release waits for it."""
        self._told: set[str] = set()
        self._started_at = time.monotonic()
        self._used_at: dict[str, float] = {}
        self._renewed: set[str] = set()

    def release_abandoned(self) -> None:
        """Give up every point that is not kept: its stream ended with the agent that served it.

        They cannot be used from now on; their snapshots go with the next `tend`, which may take its time.
        """
        for saved in self._files.all():
            if saved.kept or saved.released:
                continue
            try:
                self._files.write(saved.as_released())
            except OSError:
                self.release(saved.id)  # a full disk: this gives room

    def tend(self) -> None:
        """One look at all points; see the module. Call it every few seconds. Blocks while it removes."""
        self._finish_taking_over()
        self._release_idle()
        self._release_surplus()
        self._release_for_space()

    def _finish_taking_over(self) -> None:
        """Go on with what was begun before a crash, or could not be done."""
        for saved in self._files.all():
            if saved.absorbs:
                self._take_over(saved.id)

    def _release_surplus(self) -> None:
        """Of each scenario as many kept points stay as it says; the oldest go."""
        kept: dict[int, list[SavedPoint]] = {}
        for saved in kept_of(self._files.all()):
            kept.setdefault(saved.scenario.id, []).append(saved)
        for points in kept.values():
            surplus = len(points) - points[-1].scenario.properties.snapshots_to_keep
            for old in points[: max(0, surplus)]:
                self._give_up(old.id)

    def _give_up(self, point_id: str) -> bool:
        """Release a kept point; the one that stands on it stays what it is. Whether it is gone."""
        with self.lock:
            points = self._files.all()
            saved = next((one for one in points if one.id == point_id), None)
            if saved is None:
                return False
            heir = heir_of(kept_of(points, saved.scenario.id), saved)
            if heir is None or not saved.whole:
                return self.release(point_id)
            begin_taking_over(self._files, heir, saved)
            return self._take_over(heir.id)

    def _take_over(self, heir_id: str) -> bool:
        with self.lock:
            heir = self._files.find(heir_id)
            if heir is None:
                return False
            try:
                take_over(self._files, heir)
            except (ArcxoError, OSError) as error:
                _log.warning("a snapshot of %s could not be released: %s", heir.scenario.name, error)
                self._tell_unreleased(heir)
                return False
            self._told.discard(heir_id)
            return True

    def _release_idle(self) -> None:
        """Release points whose server has long been gone. An archive that runs asks for its point's sign."""
        now = time.monotonic()
        for saved in self._files.all():
            used_at = self._used_at.get(saved.id, self._started_at)
            limit = LEASE_S if saved.id in self._renewed else IDLE_S
            if saved.released or (not saved.kept and now - used_at > limit):
                self.release(saved.id)

    def _release_for_space(self) -> None:
        """Where a volume is short of space its oldest kept point goes; one a look, as space may show late."""
        helped: set[int] = set()
        for saved in sorted(kept_of(self._files.all()), key=lambda one: one.taken_at):
            found = saved.snapshots()
            place = found[0].container if found else b""
            try:
                volume = os.stat(place).st_dev
            except OSError:
                continue
            if volume in helped or not self._short_of_space(place):
                continue
            helped.add(volume)
            if self._give_up(saved.id):
                self._events.append(
                    "AW1002",
                    Severity.WARNING,
                    scenario_id=saved.scenario.id,
                    scenario_name=saved.scenario.name,
                    name=saved.scenario.name,
                    taken_at=saved.taken_at.isoformat(timespec="seconds"),
                    path=shown(os.path.dirname(place)),
                )

    def forget(self, scenario_id: int) -> None:
        """Release all points of a scenario, the newest first.

        Raises BusyError ER00482 while a backup uses one, or when one cannot be released.
        """
        with self.lock:
            mine = [saved for saved in self._files.all() if saved.scenario.id == scenario_id]
            for saved in mine:
                if not saved.kept and not saved.released:
                    cause = "a backup of it is under way"
                    raise BusyError("ER00482", scenario=saved.scenario.name, cause=cause)
            for saved in sorted(mine, key=lambda one: one.taken_at, reverse=True):
                if not self.release(saved.id):
                    cause = "a snapshot of it cannot be released"
                    raise BusyError("ER00482", scenario=saved.scenario.name, cause=cause)

    def touch(self, point_id: str) -> None:
        """The point is in use."""
        self._used_at[point_id] = time.monotonic()

    def leave(self, point_id: str) -> None:
        """The point is not in use any more: its archives are done."""
        self._used_at.pop(point_id, None)

    @property
    def is_in_use(self) -> bool:
        """Whether a backup is reading, as far as its server said of late."""
        since = time.monotonic() - _USED_S
        return any(used_at > since for used_at in list(self._used_at.values()))

    def renew(self, point_id: str) -> None:
        """A job needs the point, and will say so again. Raises NotFoundError AE1024: it is not there."""
        saved = self._files.find(point_id)
        if saved is None or saved.released:
            raise NotFoundError("AE1024", point=point_id, entity="")
        self.touch(point_id)
        self._renewed.add(point_id)

    def release(self, point_id: str) -> bool:
        """Remove the snapshots, then the file; returns whether it is gone.

        What cannot be removed stays known, is told as AE0461 once, and is tried again.
        """
        with self.lock:
            saved = self._files.find(point_id)
            if saved is None:
                return False
            # A disk too full for this must not keep what fills it: after a crash the point is as it was.
            with contextlib.suppress(OSError):
                if not saved.released:
                    self._files.write(saved.as_released())
            try:
                for snapshot in saved.snapshots():
                    release(snapshot)
            except (ArcxoError, OSError) as error:
                _log.warning("a snapshot of %s could not be released: %s", saved.scenario.name, error)
                self._tell_unreleased(saved)
                return False
            self._files.remove(point_id)
            self._used_at.pop(point_id, None)
            self._renewed.discard(point_id)
            self._told.discard(point_id)
            return True

    def _tell_unreleased(self, saved: SavedPoint) -> None:
        if saved.id in self._told:
            return
        self._told.add(saved.id)
        self._events.append(
            "AE0461",
            Severity.WARNING,
            scenario_id=saved.scenario.id,
            scenario_name=saved.scenario.name,
            name=saved.scenario.name,
            id=saved.scenario.id,
            host=saved.replica,
        )


def is_short_of_space(path: bytes) -> bool:
    """Whether a volume has less free than a twentieth of it (10 GiB at most), in bytes or in inodes."""
    state = os.statvfs(path)
    free, whole = state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize
    few_inodes = state.f_files > 0 and state.f_favail < state.f_files * _FLOOR_FRACTION
    return free < min(whole * _FLOOR_FRACTION, _FLOOR_MAX_BYTES) or few_inodes
