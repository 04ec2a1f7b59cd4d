"""One synchronisation of one replica, from the event of its beginning to that of its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from app.model.entry import EntryKind
from app.model.events import Severity
from app.model.properties import properties_of
from app.model.scenario import ReplicaSpec, Scenario, SyncMethod
from app.replication.master.compare import ComparedRoot
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.recorder import Recorder
from app.replication.master.sends import Send
from app.replication.master.shadow import ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.synchroniser import Synchroniser

_DOUBTS_S = 30.0


class SyncRun:
    """Made by the sender, in whose thread `run` blocks; `figures` may be read from any."""

    def __init__(
        self,
        scenario: Scenario,
        spec: ReplicaSpec,
        exchange: Exchange,
        recorder: Recorder,
        spool: Spool,
        filters: PathFilter,
        reader: ShadowReader,
        event: Callable[..., None],
        stopped: Callable[[], bool],
        *,
        again: bool = False,
    ) -> None:
        """`again`: the one before failed, as was told. What it does is told once it has succeeded."""
        self._host = spec.host
        self._blocks = scenario.properties.sync is SyncMethod.BLOCK
        self._exchange = exchange
        self._recorder = recorder
        self._spool = spool
        self._event = event
        self._again = again
        self._roots_done: list[ComparedRoot] = []
        self._linked_doubt = self._linked_unread = False
        self.doubts = 0
        """Paths to be recorded anew because of what was read of them. Counted up while it runs."""
        self.doubtful = False
        """After `run`: whether it has to be done again."""
        self._synchroniser = Synchroniser(
            exchange,
            recorder.roots,
            reader,
            filters,
            properties_of(scenario, spec),
            epoch=spool.epoch,
            report=self._unread,
            unread=recorder.path_problems.covers,
            doubt=self._doubted,
            stopped=stopped,
            on_root_done=self._root_done,
            doubt_since=spool.doubt_since(spec.host),
        )
        self.figures = self._synchroniser.figures
        self.items = self._synchroniser.items

    def run(self, position: int) -> bool:
        """Make the replica equal; the stream goes on after `position`. False when it was stopped.

        Raises:
            ArcxoError: the stream has ended, and why.
            RootLostError: a root is not the directory it was.
            OSError: the spool's disk fails.
        """
        host = self._host
        if not self._again and self._blocks:
            self._event("SR00096", Severity.SIGNIFICANT, replica=host)
        elif not self._again:
            self._event("IR00119", Severity.INFORMATION, replica=host)
        self._spool.set_proved(host, proved=False)
        links = self._recorder.links
        self._spool.set_position(host, position)
        self._exchange.begin_synchronization()
        done = self._synchroniser.run(position)
        if not done:
            return False
        for root in self._roots_done:
            self._tell_root(root)
        # Records are absolute but for the names of a file: what is written to one while it is replayed over
        # the newer state may reach another that was linked only later, or no more. Then it is done again.
        self.doubtful = self._recorder.links != links or self._linked_doubt
        # Doubts are known to this process only until they are recorded.
        certain = not (self.doubtful or self._linked_unread)
        if certain and (not self.doubts or self._recorder.flush(_DOUBTS_S)):
            self._spool.set_proved(host, proved=True)
        figures = self.figures
        self._event(
            "SR00202",
            Severity.SIGNIFICANT,
            replica=host,
            files=figures.files_sent,
            metadata=figures.metadata_sent,
            removed=figures.removed,
            bytes=figures.sent_bytes,
            seconds=f"{(datetime.now(UTC) - figures.started_at).total_seconds():.1f}",
        )
        return True

    def _doubted(self, root: int, sent: Send, same_file: bool) -> None:
        """What was sent of a path may be another's: record it anew, or synchronise again."""
        self.doubts += 1
        if same_file:
            self._recorder.hints.add(root, sent.path, content=True, force=True, delay=0.0)
        elif _is_more_than_itself(sent):
            self._linked_doubt = True
        else:
            self._recorder.hints.add(root, sent.path, content=True, force=True, delay=0.0)

    def _unread(self, root: int, sent: Send, error: OSError) -> None:
        """Nothing was sent of a path: all there is to it is recorded once it can be read.

        Synchronising again before that, which may take long, would find the same. This process remembers it,
        the next one what a file with one name is: for all else that has to synchronise again.
        """
        self.doubts += 1
        self._linked_unread |= _is_more_than_itself(sent)
        self._recorder.report(root, sent.path, error)
        self._recorder.hints.add(root, sent.path, content=True, force=True, delay=0.0)

    def _root_done(self, root: ComparedRoot) -> None:
        if self._again:
            self._roots_done.append(root)
        else:
            self._tell_root(root)

    def _tell_root(self, root: ComparedRoot) -> None:
        self._event(
            "IR00120",
            Severity.INFORMATION,
            directory=root.path.decode("utf-8", "replace"),
            replica=self._host,
        )


def _is_more_than_itself(sent: Send) -> bool:
    """A directory has always several links, a linked file brings its other names into doubt."""
    return sent.row is None or sent.row.links > 1 or sent.row.kind is EntryKind.DIRECTORY
