"""What is done about drift that was found: noted, and where the property says so, kept aside and put back."""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.model.drift import DriftKind
from app.model.entry import EntryKind, Metadata, kind_of_mode
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.model.properties import properties_on
from app.model.scenario import DriftHandling, ScenarioProperties
from app.replication.master.filters import PathFilter
from app.replication.master.rates import Rates
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.drift import Drift, Finding, digest
from app.replication.replica.drift_keeping import KeptEdits
from app.replication.replica.drift_telling import DriftTelling
from app.replication.replica.replica import Replica
from app.replication.replica.rooted import Rooted
from app.replication.replica.steps import Operation
from app.replication.replica.trouble import PathTrouble

DRIFT_TROUBLE = "WR00432"
FLOOD_LEAST = 1_000
"""So many entries changed within a minute are no flood in any case."""
_log = logging.getLogger("arcxo.replication.drift")


class DriftHandler:
    """One replica's. Use it with the replica's lock held.

    `files()` is how many there are, if that is known. A flood of changes (the limit of the safety brake) is
    not put back: somebody else works on the replica, or something is wrong with it, and people decide.
    """

    def __init__(self, replica: Replica, telling: DriftTelling, files: Callable[[], int | None]) -> None:
        self._replica = replica
        self._telling = telling
        self._files = files
        self._rates = Rates(0, FLOOD_LEAST)
        self.held = False
        """Whether nothing is put back until there is no drift any more."""

    def release(self) -> None:
        """There is no drift: what comes is put back again."""
        self.held = False
        self._rates.forget()

    def _holds(self, properties: ScenarioProperties, findings: Sequence[Finding]) -> bool:
        """Whether these, with what came just before, are too many to be put back unasked."""
        now = time.monotonic()
        self._rates.percent = properties.brake_percent
        self._rates.note(len(findings), now)
        if not self.held and self._rates.exceeded(self._files() or 0, now):
            self.held = True
            limit = self._rates.limit(self._files() or 0)
            params: dict[str, object] = {
                "count": f"{self._rates.count(now):,}",
                "limit": f"{limit:,}",
                "replica": self._replica.name,
            }
            self._telling.event("ER00436", Severity.ERROR, params=params)
        return self.held

    def handle(
        self,
        drift: Drift,
        kept: KeptEdits,
        own: Sequence[Rooted],
        found: Sequence[Finding],
        *,
        overwritten: bool = False,
    ) -> list[Finding]:
        """Note, keep, put back and tell, as the property says; what the master has to be asked for.

        `overwritten`: a synchronisation that people asked for puts the master's state there in any case.
        """
        scenario, store = self._replica.opened()
        filters = PathFilter(scenario.filters)
        properties = properties_on(scenario, self._replica.name)
        findings = digest([finding for finding in found if not leaves_out(filters, finding)])
        reverting = properties.drift is DriftHandling.REVERT
        if reverting and not overwritten and findings:
            reverting = not self._holds(properties, findings)
        places: dict[tuple[int, bytes], bytes] = {}
        unkept: set[tuple[int, bytes]] = set()
        if reverting:
            for finding in findings:
                if finding.inner or finding.now is None or finding.kind is DriftKind.METADATA:
                    continue
                place = (finding.root, finding.path)
                try:
                    places[place] = kept.keep(finding, own[finding.root], properties.rewind_minutes)
                except (OSError, PathTrouble) as error:
                    # Better drift than a lost edit.
                    _log.warning("an edit of %s could not be kept aside: %s", shown(finding.path), error)
                    unkept.add(place)
        drift.note(findings, reverting=reverting)
        asked: list[Finding] = []
        if reverting:
            local: list[tuple[Finding, Metadata]] = []
            for finding in findings:
                metadata = _known_metadata(finding)
                if metadata is not None:
                    local.append((finding, metadata))
                elif not finding.inner and (finding.root, finding.path) not in unkept:
                    store.index.note_trouble(finding.root, finding.path, DRIFT_TROUBLE)
                    asked.append(finding)
            drift.commit()
            if local:
                self._put_metadata_back(local)
        told_as = properties if reverting else replace(properties, drift=DriftHandling.REPORT)
        self._telling.tell(findings, told_as, places, overwritten=overwritten)
        return asked

    def _put_metadata_back(self, local: Sequence[tuple[Finding, Metadata]]) -> None:
        """What was applied is known but for contents and attributes: no need to have it sent again."""

        def work(batch: Batch) -> None:
            carrier = Carrier(batch)
            batch.over_others = Operation.REPAIR
            for number, (finding, metadata) in enumerate(local):
                try:
                    now, _, _ = batch.current(finding.root, finding.path)
                    wanted = replace(metadata, xattrs=now.xattrs, link_target=now.link_target)
                    carrier.restore(number, finding.root, finding.path, None, wanted)
                except (ArcxoError, OSError):
                    batch.drop_operation()

        try:
            self._replica.applier.run(work, keep_position=True, proved=True)
        except ArcxoError as error:
            _log.warning("metadata on %s could not be put back: %s", self._replica.label, error)


def leaves_out(filters: PathFilter | None, finding: Finding) -> bool:
    """Whether the scenario's filters leave a path out: then it is not replication's business."""
    state = finding.now or finding.before
    if filters is None or state is None or not finding.path:
        return False
    return filters.leaves_out(finding.path, directory=stat.S_ISDIR(state.mode))


def _known_metadata(finding: Finding) -> Metadata | None:
    """The metadata to put back, where nothing else differs and no attribute does."""
    before, now = finding.before, finding.now
    if finding.kind is not DriftKind.METADATA or before is None or now is None:
        return None
    if before.xattrs != now.xattrs or before.inode != now.inode:
        return None
    kind = EntryKind.DIRECTORY if stat.S_ISDIR(now.mode) else kind_of_mode(now.mode)
    return Metadata(kind, stat.S_IMODE(before.mode), before.uid, before.gid, before.size, before.modified_ns)
