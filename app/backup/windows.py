"""Carrying out the items of a restore in windows: while one is being made, the next one is begun.

A window is made of whole directories where that can be. Of a window its directories come first, then
contents in the order in which packs hold them, then other names of files, then removals; the latter two
wait until all before is in place. What is new is put in place window by window, in their order.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from app.backup.api import RestoreSink
from app.backup.commit import Committer, Staged, discard, is_directory
from app.backup.crew import Crew
from app.backup.items import Item
from app.backup.journal import Fingerprint, Journal
from app.backup.making import Stretch
from app.backup.new_files import Cut, NewFiles
from app.backup.readback import ReadBack
from app.backup.resuming import Resumed
from app.backup.staging import Stager
from app.backup.taking_over import take_over
from app.media.node import SIZE, link_group
from app.model.errors import ArcxoError, Problem
from app.model.paths import shown
from app.model.restore import RestoreAction

_BATCH_FILES = 1000
_BATCH_BYTES = 64 << 20
_BATCH_S = 1.0
_WHOLE = 3
"""So many times as large a window may be, for the sake of ending it before a directory."""

Group = tuple[object, ...]
Link = tuple[Item, Group]


@dataclass(slots=True)
class Tools:
    """What the windows of one restore are carried out with."""

    sink: RestoreSink
    crew: Crew
    commit: Committer
    back: ReadBack
    resumed: Resumed
    journal: Journal | None
    report: Callable[[list[Problem]], None]
    progress: Callable[[bytes], None]
    damaged: Callable[[bytes, ArcxoError], None]


@dataclass(slots=True)
class _Window:
    """The items of a window, sorted by what is done with them."""

    plain: list[Item] = field(default_factory=list)
    together: list[NewFiles] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    removals: list[Item] = field(default_factory=list)


class Windows:
    """One thread. `staging_bytes` are those of what is made and not put in place yet.

    `apart`: items of one window may concern what another one makes, so that none is begun before the last
    is in place. Other calls than `run` are of no use after it.
    """

    def __init__(self, tools: Tools, size: int, *, apart: bool) -> None:
        self._tools = tools
        self._size = size
        self._apart = apart
        self._sink = tools.sink
        self._coming: Iterator[tuple[list[Item | NewFiles], bool]] = iter(())
        self._held: _Window | None = None
        self._stretches: deque[Stretch] = deque()
        self._batch: list[Staged] = []
        self._batch_bytes = 0
        self._batch_began = 0.0
        self._unchecked: deque[tuple[int, list[Staged], list[Cut]]] = deque()
        self._last = -1
        """The number of the last stretch that was put in place, or is on its way."""
        self._begun: set[Group] = set()
        """Groups of hard links of which a name has been given to be made."""
        self._heads: dict[Group, bytes] = {}
        """Of each group of hard links the name in place; the first number tells the session."""
        self.staging_bytes = 0
        self.stopped = False

    def run(self, items: Iterator[Item | NewFiles]) -> None:
        """Carry out all. Raises what ends the restore; nothing is made any more then."""
        tools = self._tools
        self._coming = _cut(items, self._size)
        stager = Stager(self._sink, tools.crew, self._tick, tools.damaged, tools.commit.failed)
        try:
            with contextlib.closing(stager.made()) as coming:
                for one in coming:
                    if one is None:
                        self._more(stager)
                    elif isinstance(one, Staged):
                        self._add(one)
                    elif isinstance(one, list):
                        self._add_together(one)
                    else:
                        self._made(one)
            self._settle()
        except BaseException:
            self.stopped = True
            stager.stop()
            for staged in self._batch:
                discard(staged.path)
            raise

    def _tick(self, path: bytes, size: int) -> None:
        self.staging_bytes += size
        self._tools.progress(path)

    # -- beginning windows ----------------------------------------------------------------------------

    def _more(self, stager: Stager) -> None:
        """Something to make: what waited until all before was made, or the next window."""
        if self._held is not None:
            self._go_on(stager, self._held)
            return
        found = next(self._coming, None)
        if found is None:
            stager.end()
            return
        items, whole = found
        window = self._begin(items)
        hold = bool(self._apart or window.links or window.removals or not whole)
        self._held = window if hold else None
        self._give(stager, window.plain, window.together, hold=hold)

    def _give(
        self, stager: Stager, items: list[Item], together: Sequence[NewFiles] = (), *, hold: bool
    ) -> None:
        stretch = Stretch(self._sink.seal())
        self._stretches.append(stretch)
        stager.add(items, stretch, together, hold=hold)
        if not stretch.left:
            self._made(stretch)

    def _go_on(self, stager: Stager, window: _Window) -> None:
        """All before is made: links, then removals."""
        self._settle()
        links, window.links = window.links, []
        alone = self._links(links)
        if alone:
            self._give(stager, alone, hold=True)
            return
        self._held = None
        for item in window.removals:
            self._tools.progress(item.target)
            self._tools.commit.remove(item)

    def _begin(self, items: list[Item | NewFiles]) -> _Window:
        """Make the directories of a window; sort out the rest."""
        tools, window = self._tools, _Window()
        for item in self._apart_or_together(items, window.together):
            tools.progress(item.source or item.target)
            if item.action is RestoreAction.DELETE:
                window.removals.append(item)
            elif item.failed:
                params = {"target": shown(item.target), "reason": item.reason}
                tools.report([Problem(item.failed, item.source, params)])
            elif not is_directory(item) and self._was_done(item):
                continue
            elif item.action is RestoreAction.SKIP:
                tools.commit.skip(item)
            elif is_directory(item):
                tools.commit.make_directory(item, tools.resumed.earlier)
            else:
                group = _group_of(item)
                if group is None:
                    window.plain.append(item)
                elif group in self._begun:
                    window.links.append((item, group))
                else:
                    self._begun.add(group)
                    window.plain.append(item)
        return window

    def _apart_or_together(self, items: list[Item | NewFiles], together: list[NewFiles]) -> Iterator[Item]:
        """The items; new files by themselves where their directory is in place, or may have some of them."""
        for one in items:
            if isinstance(one, Item):
                yield one
            elif self._tools.resumed.earlier.any or self._sink.grown_at(one.target) is None:
                yield from map(one.item, one.entries)
            else:
                together.append(one)

    def _was_done(self, item: Item) -> bool:
        name = self._tools.resumed.name_of(item)
        if name is None:
            return False
        group = _group_of(item)
        if group is not None:
            self._heads.setdefault(group, name)
            self._begun.add(group)
        return True

    # -- putting in place -----------------------------------------------------------------------------

    def _add(self, staged: Staged) -> None:
        """An entry is made. Publish in batches."""
        if not self._batch:
            self._batch_began = time.monotonic()
        self._batch.append(staged)
        self._batch_bytes += staged.item.entry[SIZE]
        late = time.monotonic() - self._batch_began > _BATCH_S
        if len(self._batch) >= _BATCH_FILES or self._batch_bytes >= _BATCH_BYTES or late:
            self._publish()

    def _add_together(self, cuts: list[Cut]) -> None:
        """Files of new directories are made."""
        tools = self._tools
        take_over(cuts, self._sink, tools.journal, tools.commit.figures)
        if self._sink.at_once:
            self._tools.back.count(cuts)
        else:
            self._unchecked.append((self._number(), [], cuts))

    def _publish(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            self._commit(batch)

    def _commit(self, batch: list[Staged]) -> None:
        done = self._tools.commit.commit(batch)
        self.staging_bytes = 0
        for staged in done:
            group = _group_of(staged.item)
            if group is not None:
                self._heads[group] = staged.item.target
        if self._sink.at_once:
            self._tools.back.check_staged(done)
        else:
            # It goes with what is put in place next.
            self._unchecked.append((self._number(), done, []))

    def _number(self) -> int:
        return self._stretches[-1].number if self._stretches else self._last + 1

    def _check_placed(self, upto: int | None = None) -> None:
        """Check what is in place: all, or what went with the stretches up to this one."""
        new: list[Cut] = []
        while self._unchecked and (upto is None or self._unchecked[0][0] <= upto):
            _, done, cuts = self._unchecked.popleft()
            self._tools.back.check_placed(done)
            new += cuts
        self._tools.back.check_new(new)

    def _fold(self) -> None:
        """Where putting in place takes long, what has to be checked after it takes less room meanwhile."""
        waiting = [cut for number, _, cuts in self._unchecked if number <= self._last for cut in cuts]
        if sum(len(cut.entries) for cut in waiting) > self._size:
            for cut in waiting:
                cut.fold()

    def _made(self, stretch: Stretch) -> None:
        """All of a stretch is made; what was new of those that are, in their order, is put in place."""
        if stretch is not self._stretches[0]:
            return
        self._publish()
        while self._stretches and not self._stretches[0].left:
            self._last = self._stretches.popleft().number
        self._write()
        self._tools.report(self._sink.put(self._last))
        placed, problems = self._sink.placed()
        self._tools.report(problems)
        self._check_placed(placed)
        self._fold()

    def _settle(self) -> None:
        """Everything that is made is in place on return, and checked."""
        self._publish()
        self._write()
        self._tools.report(self._sink.settle())
        self._check_placed()

    def _write(self) -> None:
        if self._tools.journal is not None:
            self._tools.journal.write()

    def _links(self, links: list[Link]) -> list[Item]:
        """Other names of what is in place. Returns those that need to be files of their own."""
        batch, alone = [], []
        for item, group in links:
            self._tools.progress(item.source)
            head = self._heads.get(group)
            found = self._sink.status(head) if head else None
            if head is None or found is None:
                alone.append(item)
            else:
                batch.append(Staged(item, b"", Fingerprint.of(found), head=head))
        for start in range(0, len(batch), _BATCH_FILES):
            self._commit(batch[start : start + _BATCH_FILES])
        return [*alone, *self._tools.commit.take_unlinked()]


def weight(one: Item | NewFiles) -> int:
    """How many items it is."""
    return 1 if isinstance(one, Item) else len(one.entries)


def _cut(items: Iterator[Item | NewFiles], size: int) -> Iterator[tuple[list[Item | NewFiles], bool]]:
    """(the items of each window, whether the next one begins with a directory)."""
    window: list[Item | NewFiles] = []
    count = 0
    for item in items:
        if count >= size:
            whole = isinstance(item, Item) and is_directory(item)
            if whole or count >= _WHOLE * size:
                yield window, whole
                window, count = [], 0
        window.append(item)
        count += weight(item)
    if window:
        yield window, True


def _group_of(item: Item) -> Group | None:
    group = link_group(item.entry)
    return None if group is None else (id(item.reader), *group)
