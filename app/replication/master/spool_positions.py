"""How far each replica has applied the spool, and what is in doubt of it; a file beside the segments."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.replication.master.durable import write_file

FILE_NAME = "positions.json"
MARGIN_S = 3_600.0
"""A change is recorded later than it is made."""
CLOCK_S = 2.0
"""So much earlier than it was made a change may seem to be: times are coarse."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Position:
    """`seq` is durably applied (None: holds nothing back), recorded at `at`, seconds since 1970.

    `doubt_since`: what changed on the master since then may be missing on the replica though size and time
    of a file agree; a synchronisation that has compared it ends the doubt. `stopped` says why the replica
    gets nothing any more until somebody starts it again ("" = it does).
    """

    seq: int | None = None
    at: float = 0.0
    doubt_since: float | None = None
    stopped: str = ""


class Positions:
    """Of one spool. Not for several threads at once; the spool's lock serialises."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, FILE_NAME)
        self._known: dict[str, Position] = {}
        self._reach: dict[str, int] = {}
        self.begun_at = 0.0
        self.quiet_at: float | None = None
        """All changes made before were recorded, and nothing was after: the scenario was stopped in order."""
        self.epoch = ""
        self._load()

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as file:
                kept = json.load(file)
            if kept["format"] != _FORMAT:
                return
            self.epoch, self.begun_at = str(kept["epoch"]), _moment(kept["begun_at"])
            self.quiet_at = None if kept["quiet_at"] is None else _moment(kept["quiet_at"])
            for name, (seq, at, doubt, stopped) in kept["replicas"].items():
                self._known[name] = Position(
                    None if seq is None else int(seq),
                    _moment(at),
                    None if doubt is None else _moment(doubt),
                    str(stopped),
                )
            self._reach = {name: int(seq) for name, seq in kept.get("reach", {}).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Without it every replica is held everything for, and says itself how far it is.
            self._known.clear()
            self._reach.clear()

    def save(self) -> None:
        """Write the file, durably. Raises OSError."""
        replicas = {
            name: [one.seq, one.at, one.doubt_since, one.stopped] for name, one in self._known.items()
        }
        content = {
            "format": _FORMAT,
            "epoch": self.epoch,
            "begun_at": self.begun_at,
            "quiet_at": self.quiet_at,
            "replicas": replicas,
            "reach": self._reach,
        }
        write_file(self._path, json.dumps(content, indent=1).encode())

    def of(self, replica: str) -> Position:
        """What is known of a replica."""
        return self._known.get(replica, Position())

    def moved(self, replica: str, seq: int, at: float) -> None:
        """It has applied everything up to `seq`."""
        self._known[replica] = replace(self.of(replica), seq=seq, at=at)

    def stop(self, replica: str, why: str) -> None:
        """It gets nothing more, and holds nothing back; what it lacks is in doubt."""
        self._known[replica] = replace(self._doubted(self.of(replica)), seq=None, stopped=why)

    def skip(self, replica: str, seq: int) -> bool:
        """It gets what follows its position up to `seq` by a synchronisation only: in doubt. Whether it is.

        What was changed before this spool began is in doubt already, or was there.
        """
        one = self.of(replica)
        if one.seq is None or one.seq >= seq:
            return False
        since = max(one.at - MARGIN_S, self.begun_at - CLOCK_S)
        self._known[replica] = self._doubted(one, since)
        return True

    def doubt(self, replica: str, since: float | None = None) -> None:
        """What it was to get after its position cannot be had any more; `since`: as old as that."""
        doubted = self._doubted(self.of(replica))
        if since is not None:
            doubted = replace(doubted, doubt_since=_earlier(since, doubted.doubt_since))
        self._known[replica] = replace(doubted, seq=None)

    def start(self, replica: str) -> None:
        """It takes part again."""
        self._known[replica] = replace(self.of(replica), stopped="")

    def proved(self, replica: str) -> None:
        """A synchronisation has made it equal."""
        self._known[replica] = replace(self.of(replica), doubt_since=None)

    def all(self) -> list[Position]:
        """Of every replica known."""
        return list(self._known.values())

    def reached(self, seq: int) -> bool:
        """Whether no replica waits for anything up to `seq`."""
        held = self.held()
        return (bool(held) or self.any_stopped()) and all(one >= seq for one in held.values())

    def any_stopped(self) -> bool:
        """Whether a replica gets nothing any more."""
        return any(one.stopped for one in self._known.values())

    def held(self) -> dict[str, int]:
        """The replicas that hold records back, with their positions."""
        return {name: one.seq for name, one in self._known.items() if one.seq is not None}

    def reach(self, replica: str) -> int | None:
        """The most it can have been given; None once it was met in this run of the scenario."""
        return self._reach.get(replica)

    def met(self, replica: str) -> bool:
        """It has said how far it is, and may be given more now; whether that is news."""
        return self._reach.pop(replica, None) is not None

    def hold(self, replicas: Iterable[str], seq: int, reach: int) -> None:
        """Only these take part; everything after `seq` is kept for those whose position is not known.

        Nobody was given more than `reach`. That stays until a replica is met, over any number of starts.
        """
        self.quiet_at = None
        names = list(replicas)
        self._reach = {name: min(self._reach.get(name, reach), reach) for name in names}
        self._known = {name: one for name, one in self._known.items() if name in names}
        for name in names:
            one = self.of(name)
            if one.seq is None and not one.stopped:
                self._known[name] = replace(one, seq=seq, at=self.begun_at)

    def begin(self, epoch: str, last_seq: int | None) -> None:
        """A new, empty spool follows one that ended at `last_seq` (None: nobody knows where).

        What had not arrived is in doubt, and so is what was changed since nothing is recorded.
        """
        for name, one in self._known.items():
            late = one.seq is not None and (last_seq is None or one.seq < last_seq)
            since = None if late else self.quiet_at
            self._known[name] = replace(self._doubted(one, since), seq=None, stopped="")
        self.epoch, self.begun_at, self.quiet_at = epoch, time.time(), None
        self._reach.clear()

    def forget(self, epoch: str) -> None:
        """The file is not of this spool: no position in it counts."""
        self._known = {name: replace(one, seq=None) for name, one in self._known.items()}
        self.epoch, self.begun_at = epoch, 0.0
        self._reach.clear()

    def _doubted(self, one: Position, since: float | None = None) -> Position:
        """With what changed after its position in doubt, or after `since`."""
        if one.seq is None:
            return one
        begins = one.at - MARGIN_S if since is None else since
        return replace(one, doubt_since=_earlier(begins, one.doubt_since))


def _earlier(one: float, other: float | None) -> float:
    return one if other is None else min(one, other)


def _moment(value: float) -> float:
    """Seconds since 1970 as they were kept. Raises ValueError, TypeError for what is none."""
    if not math.isfinite(value):
        raise ValueError("not a time")
    return float(value)
