"""Jobs of the media utilities: scan, compare, copy, prune."""

from __future__ import annotations

from datetime import datetime

from app.catalog.api import Catalog
from app.jobs.comparing import Compare
from app.jobs.control import JobControl
from app.jobs.copying import Copy
from app.jobs.credentials import JobSecrets
from app.jobs.home_record import HomeRecorder
from app.jobs.hosts import Agents
from app.jobs.key_ring import KeyRing
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, named_media
from app.jobs.pruning import DETAIL_KEPT, Prune
from app.jobs.purging import numbers_of
from app.jobs.runner import Outcome
from app.jobs.scanning import Scan
from app.jobs.secrets import SecretStore
from app.model.errors import ArcxoError
from app.model.job import JobKind, JobPhase, JobResult


class MediaUtilities:
    """Runs the utilities. One object serves all of them; each run has a thread of its own."""

    def __init__(
        self,
        catalog: Catalog,
        store: SecretStore,
        agents: Agents,
        lanes: Lanes,
        recorder: HomeRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._catalog = catalog
        self._store = store
        self._agents = agents
        self._lanes = lanes

    def run(self, control: JobControl) -> Outcome:
        """Carry out the job; see `JobKindRunner`."""
        script = control.job.script
        assert isinstance(script, dict)
        control.note("N5614", job=control.job.id, name=control.job.name)
        control.begin_phase(JobPhase.CONNECT)
        match control.job.kind:
            case JobKind.MEDIA_SCAN:
                result = self._scan(control, script)
            case JobKind.MEDIA_COMPARE:
                result = self._compare(control, script)
            case JobKind.MEDIA_COPY:
                secrets = self._secrets(control)
                result = Copy(self._catalog, self._lanes, control, secrets, self._recorder).run(script)
            case JobKind.MEDIA_PRUNE:
                result = self._prune(control, script)
            case kind:
                raise ArcxoError("E5118", kind=kind.value)
        control.conclude("N5615" if result is JobResult.FINISHED else "W5616")
        return Outcome(result)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        control.note("W5168" if result is JobResult.CANCELED else "E5169", name=control.job.name)

    def _secrets(self, control: JobControl) -> JobSecrets:
        return JobSecrets.unseal(self._store, control.sealed_credentials)

    def _keys(self, control: JobControl, one: OnlineMedia) -> KeyRing:
        return KeyRing.of(one.path, self._secrets(control))

    def _scan(self, control: JobControl, script: dict[str, str]) -> JobResult:
        one = named_media(self._catalog, script["media"])
        scan = Scan(control, one, self._keys(control, one), contents=script.get("contents") == "true")
        return scan.run(int(script.get("session") or 0))

    def _compare(self, control: JobControl, script: dict[str, str]) -> JobResult:
        one = named_media(self._catalog, script["media"])
        compare = Compare(self._catalog, self._agents, control, one, self._keys(control, one))
        return compare.run(script, self._secrets(control))

    def _prune(self, control: JobControl, script: dict[str, str]) -> JobResult:
        before = script.get("before", "")
        return Prune(self._catalog, control).run(
            script.get("media", ""),
            numbers_of(script),
            datetime.fromisoformat(before) if before else None,
            int(script.get("keep") or DETAIL_KEPT),
        )
