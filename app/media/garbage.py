"""Garbage collection: packs that no session refers to are announced, and deleted when no writer needs them.

Runs beside writers and other collectors, and may be killed anywhere: whoever collects next goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from app.media import fossils
from app.media.fossils import Generation
from app.media.generations import all_generations, refs_name
from app.media.healing import sweep_quarantine
from app.media.index import QUARANTINE
from app.media.intents import open_intents, sweep_intents
from app.media.label import read_label
from app.media.mediaset import CollectorStore
from app.media.removal import finish_removals
from app.media.repack import RepackPlan
from app.media.repacking import Repacker, settle_sessions
from app.media.reserve import keep_reserve
from app.media.session import numbers
from app.media.set_usage import SetUsage
from app.media.slots import finish_slot_removals
from app.media.values import CollectProgress, CollectReport
from app.model.errors import ArcxoError, CanceledError

_AT_ONCE = 5000
"""Packs of one generation: its objects must fit into the reserve."""
_CLOCK_SLACK_S = 60.0


class Collector:
    """One collection of one media."""

    def __init__(
        self,
        media_path: str,
        expected: Collection[int],
        emit: Callable[[CollectProgress], None],
        canceled: Callable[[], bool],
        elsewhere: Mapping[str, Collection[int]],
    ) -> None:
        self._store = CollectorStore(media_path)
        self._expected = expected
        self._emit = emit
        self._canceled = canceled
        self._usage = SetUsage(self._store, elsewhere)
        self._freed_bytes = 0
        self._freed_packs = 0
        self._repacked_packs = 0
        self._lacks_room = False
        self._waiting: set[str] = set()
        self._writers: set[str] = set()

    def run(self, grace_s: float, *, repack: bool) -> CollectReport:
        """See `app.media.api.collect`."""
        store = self._store
        label = read_label(store.location)
        store.sweep_temporaries()
        store.each(sweep_intents)
        finish_removals(store)
        finish_slot_removals(store)
        self._refresh()
        for name in fossils.generations(store):
            generation = fossils.read(store, name)
            if generation is not None:
                self._finish(generation)
        self._freed_bytes += settle_sessions(store)
        self._free_unreferenced(grace_s)
        if repack and label.format_version > 1:
            self._repack()
        self._sweep_leftovers()
        keep_reserve(store)
        return CollectReport(
            freed_bytes=max(0, self._freed_bytes),
            freed_packs=self._freed_packs,
            waiting_packs=len(self._waiting),
            waiting_bytes=sum(store.size(f"packs/{pack}") or 0 for pack in self._waiting),
            writers=len(self._writers),
            repacked_packs=self._repacked_packs,
            lacks_room=self._lacks_room,
        )

    def _free_unreferenced(self, grace_s: float) -> None:
        """Announce what no session uses and delete it, as far as no writer may share it."""
        while found := self._unreferenced(grace_s):
            self._finish(fossils.announce(self._store, found))
            if len(found) < _AT_ONCE:
                break

    def _repack(self) -> None:
        """Write packs of which little is used anew, as many at a time as there is room for."""
        repacker = Repacker(self._store, self._check_canceled)
        while (plan := repacker.plan()).packs and repacker.run(plan):
            self._refresh()
            before = self._freed_packs
            # Whatever their age: what replaces them is committed.
            for packs in self._given_up(plan):
                self._finish(fossils.announce(self._store, packs))
            if self._freed_packs == before:
                break  # they wait for writers; room comes with a later collection
        self._freed_bytes -= repacker.spent_bytes
        self._repacked_packs = repacker.packs
        self._lacks_room = repacker.lacks_room

    def _given_up(self, plan: RepackPlan) -> list[list[str]]:
        used = self._usage.packs()
        packs = [one.pack.pack_id for one in plan.worn if one.pack.pack_id not in used]
        return [packs[at : at + _AT_ONCE] for at in range(0, len(packs), _AT_ONCE)]

    def _refresh(self) -> None:
        self._usage.refresh(self._expected, self._check_canceled)

    def _check_canceled(self) -> None:
        if self._canceled():
            raise CanceledError("E4149")

    def _unreferenced(self, grace_s: float) -> list[str]:
        """Packs for a new generation: in no other, of no session, and older than every open intent.

        The last is no matter of safety. It spares the packs of writers at work a generation that would only
        wait for them.
        """
        store = self._store
        writers = open_intents(store).values()
        before = min([time.time() - grace_s, *(at - _CLOCK_SLACK_S for at in writers)])
        named = set(self._waiting)
        for name in fossils.generations(store):
            generation = fossils.read(store, name)
            named.update(generation.packs if generation else ())
        used = self._usage.packs()
        found: list[str] = []
        for pack, _ in store.names("packs"):
            if pack in used or pack in named:
                continue
            written = store.modified(f"packs/{pack}")
            if written is not None and written <= before:
                found.append(pack)
                if len(found) == _AT_ONCE:
                    break
        return found

    def _finish(self, generation: Generation) -> None:
        """Delete what may be deleted of a generation; leave it when it waits for writers."""
        store = self._store
        decided = fossils.decision(store, generation)
        if decided is None:
            store.look()
            writers = fossils.waits_for(store, generation.name)
            if writers:
                self._writers |= writers
                self._waiting.update(pack for pack in generation.packs if store.size(f"packs/{pack}"))
                return
            # Every writer that could share these packs is done: what it committed is seen now.
            self._refresh()
            used = self._usage.packs()
            decided = fossils.decide(store, generation, [one for one in generation.packs if one not in used])
        for pack in decided:
            self._check_canceled()
            self._delete(pack)
        store.synchronize_directory("packs")
        fossils.forget(store, generation.name)

    def _delete(self, pack: str) -> None:
        store = self._store
        sizes = [store.size(f"{directory}/{pack}") for directory in ("packs", "index")]
        store.delete(f"index/{pack}")
        store.delete(f"packs/{pack}")
        if sizes[0] is not None:
            self._freed_packs += 1
        self._freed_bytes += sum(size or 0 for size in sizes)
        self._emit(CollectProgress(f"packs/{pack}", self._freed_packs, self._freed_bytes))

    def _sweep_leftovers(self) -> None:
        """Refs of sessions that never came to be; index objects of packs that are gone and in no session."""
        store = self._store
        listed = all_generations(store)
        indexes = [name for name, _ in store.names("index")]
        if not open_intents(store):
            # Without an open intent nobody is between its refs and its header.
            present = set(numbers(store))
            for number in listed.keys() - present:
                for generation in listed[number]:
                    self._freed_bytes += store.size(refs_name(number, generation)) or 0
                    store.delete(refs_name(number, generation))
        self._freed_bytes += sweep_quarantine(store, self._usage)
        packs = {name for name, _ in store.names("packs")} | {name for name, _ in store.names(QUARANTINE)}
        lost = [pack for pack in indexes if pack not in packs]
        if lost:
            self._refresh()
            used = self._usage.packs()
            for pack in lost:
                if pack not in used:
                    self._freed_bytes += store.size(f"index/{pack}") or 0
                    store.delete(f"index/{pack}")


def collect(
    media_path: str,
    *,
    grace_s: float,
    repack: bool,
    expected: Collection[int],
    emit: Callable[[CollectProgress], None] | None,
    canceled: Callable[[], bool] | None,
    elsewhere: Mapping[str, Collection[int]] | None = None,
) -> CollectReport:
    """See `app.media.api.collect`."""
    import os

    if not os.path.isdir(f"{media_path}/sessions"):
        # An empty listing means "nothing is referred to": a directory that is not there must not say so.
        raise ArcxoError("E4142", media=media_path, object="sessions", reason="it is missing")
    return Collector(
        media_path, expected, emit or (lambda _: None), canceled or (lambda: False), elsewhere or {}
    ).run(grace_s, repack=repack)
