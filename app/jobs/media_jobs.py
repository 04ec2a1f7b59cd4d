"""Jobs on media: format, erase, verify, merge, purge."""

from __future__ import annotations

import contextlib

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.key_ring import KeyRing
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, named_media, online_media
from app.jobs.media_sets import introduce_sets, media_sets, out_of_reach, set_of
from app.jobs.merging import Merge
from app.jobs.purging import Purge, numbers_of
from app.jobs.runner import Outcome
from app.jobs.secrets import SecretStore
from app.jobs.set_jobs import SET_KINDS, SetJobs
from app.jobs.staging import STAGING, still_migrated, why_kept
from app.media import api as media
from app.media.api import Damage, VerifyProgress
from app.media.mediaset import open_set
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError, CredentialsError, NotFoundError
from app.model.job import JobKind, JobPhase, JobResult

_NAMED_FILES_MAX = 100


class MediaJobs:
    """Runs media jobs. One object serves all of them; each run has a thread of its own."""

    def __init__(self, catalog: Catalog, store: SecretStore, lanes: Lanes | None = None) -> None:
        self._catalog = catalog
        self._store = store
        self._lanes = lanes or Lanes()

    def run(self, control: JobControl) -> Outcome:
        """Carry out the job; see `JobKindRunner`."""
        script = control.job.script
        assert isinstance(script, dict)
        match control.job.kind:
            case kind if kind in SET_KINDS:
                return SetJobs(self._catalog, self._lanes).run(control)
            case JobKind.MEDIA_VERIFY:
                return self._verify(control, script)
            case JobKind.MEDIA_MERGE:
                return self._merge(control, script)
            case JobKind.MEDIA_PURGE:
                control.begin_phase(JobPhase.CONNECT)
                return self._purge(control, script)
            case kind:
                raise ArcxoError("E5118", kind=kind.value)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        control.note("W5168" if result is JobResult.CANCELED else "E5169", name=control.job.name)

    def _purge(self, control: JobControl, script: dict[str, str]) -> Outcome:
        one = named_media(self._catalog, script["media"])
        numbers = numbers_of(script)
        if STAGING in script:
            safe = still_migrated(self._catalog, script, numbers)
            if len(safe) < len(numbers):
                code = why_kept(self._catalog, script)
                control.warn(code, count=len(numbers) - len(safe), media=one.label.name)
            if not safe:
                return Outcome(JobResult.FINISHED)
            numbers = safe
        Purge(self._catalog, self._lanes, control, one).run(numbers)
        return Outcome(JobResult.FINISHED)

    def _media_of(self, script: dict[str, str]) -> list[OnlineMedia]:
        """The media a job is about: one, or with `set` all of its set that can be reached, by sequence."""
        if script.get("set") != "true":
            return [named_media(self._catalog, script["media"])]
        online = online_media(self._catalog)
        try:
            one = named_media(self._catalog, script["media"])
        except NotFoundError:
            # A name stands for the first media of its set; the others may be at hand without it.
            serials = set_of(self._catalog, script["media"]).serials
            here = [other for other in online if other.label.serial in serials]
            if not here:
                raise
            one = here[0]
        of_set = [other for other in online if other.label.set_id == one.label.set_id]
        found = {other.label.serial: other for other in [*of_set, one]}
        return sorted(found.values(), key=lambda other: other.label.sequence)

    def _verify(self, control: JobControl, script: dict[str, str]) -> Outcome:
        """Check a media, or all of its set."""
        control.begin_phase(JobPhase.CONNECT)
        results = {self._verify_one(control, script, one) for one in self._media_of(script)}
        worst = (JobResult.FAILED, JobResult.INCOMPLETE, JobResult.FINISHED)
        return Outcome(next(result for result in worst if result in results))

    def _verify_one(self, control: JobControl, script: dict[str, str], one: OnlineMedia) -> JobResult:
        """Check a media; with `heal`, damage is repaired where the same content is found elsewhere.

        Failed when damage is left, incomplete when a session needs a media of the set that is not at hand.
        """
        full = script.get("full") == "true"
        keys = self._keys(control, one)
        # Media of the set may have been moved since they were told of each other.
        introduce_sets(each for each in media_sets(self._catalog) if each.set_id == one.label.set_id)
        control.begin_phase(JobPhase.VERIFY)

        def show(step: VerifyProgress) -> None:
            control.progress(
                current_path=step.object_name.encode(),
                read_bytes=step.done_bytes,
                bytes_total=step.total_bytes,
                media=one.label.name,
            )

        numbers = [header.number for header in media.sessions(one.path)]
        report = media.verify(
            one.path, full=full, emit=show, canceled=lambda: control.canceled, data_keys=keys
        )
        left = list(report.damage)
        if script.get("heal") == "true" and left:
            left = self._heal(control, one, left, keys)
        damaged: set[int] = set()
        for damage in left:
            damaged.update(damage.sessions)
            control.fault(damage.code, {"object": damage.object_name} | damage.params)
            alike: dict[tuple[bytes, ...], list[int]] = {}
            for session, files in damage.reached:
                alike.setdefault(files, []).append(session)
            for files, sessions in alike.items() or [((), list(damage.sessions))]:
                control.note(
                    "E5164",
                    object=damage.object_name,
                    sessions=", ".join(map(str, sessions)) or "-",
                    files=_named(files) or _unnamed(damage, hidden=report.names_hidden),
                )
        if report.unproved:
            missing = out_of_reach(self._catalog, one.label.set_id, report.missing)
            told = ", ".join(map(str, report.unproved))
            control.fault("E5178", {"media": one.label.name, "sessions": told, "missing": missing})
        known = {session.number for session in self._catalog.sessions.list(one.label.serial)}
        proved = set(numbers) - set(report.unproved) if full else set()
        for number in known & (damaged | proved):
            self._catalog.sessions.mark_verified(one.label.serial, number, damaged=number in damaged)
        control.note(
            "N5165", media=one.label.name, sessions=report.sessions, packs=report.packs, damaged=len(damaged)
        )
        if left:
            return JobResult.FAILED
        return JobResult.INCOMPLETE if report.unproved else JobResult.FINISHED

    def _heal(
        self, control: JobControl, one: OnlineMedia, damage: list[Damage], keys: list[bytes]
    ) -> list[Damage]:
        """What is still damaged after healing from this and all other media that are online."""
        twins = [other.path for other in online_media(self._catalog) if other.path != one.path]
        # What lies on another media of the set is healed there.
        own, of_set = DirectoryMediaStore(one.path), open_set(one.path)
        here = [
            found
            for found in damage
            if own.size(found.object_name) is not None or of_set.size(found.object_name) is None
        ]
        report = media.heal(one.path, here, twins=twins, data_keys=keys, canceled=lambda: control.canceled)
        for name in report.healed:
            control.note("N5176", object=name, media=one.label.name)
        for name in report.quarantined:
            control.warn("W5177", object=name, media=one.label.name)
        return [found for found in damage if found.object_name not in report.healed]

    def _keys(self, control: JobControl, one: OnlineMedia) -> list[bytes]:
        """The data keys that the job's session password opens."""
        password = JobSecrets.unseal(self._store, control.sealed_credentials).session_password
        if not password:
            return []
        key_ids = {header.key_id for header in media.sessions(one.path) if header.encrypted}
        found = []
        for key_id in sorted(key_ids):
            with contextlib.suppress(ArcxoError):
                found.append(media.unlock(one.path, password, key_id).data_key)
        if key_ids and not found:
            raise CredentialsError("E4131", media=one.path)
        return found

    def _merge(self, control: JobControl, script: dict[str, str]) -> Outcome:
        """Sessions of the media, or of all of its set, that the catalog lacks are read into it."""
        control.begin_phase(JobPhase.CONNECT)
        results = []
        for one in self._media_of(script):
            keys = KeyRing.of(one.path, JobSecrets.unseal(self._store, control.sealed_credentials))
            results.append(Merge(self._catalog, self._lanes, control, one, keys).run())
        whole = all(result is JobResult.FINISHED for result in results)
        return Outcome(JobResult.FINISHED if whole else JobResult.INCOMPLETE)


def _named(files: tuple[bytes, ...]) -> str:
    names = [path.decode("utf-8", "replace") for path in files[:_NAMED_FILES_MAX]]
    if len(files) > _NAMED_FILES_MAX:
        names.append(f"… {len(files) - _NAMED_FILES_MAX} more")
    return ", ".join(names)


def _unnamed(damage: Damage, *, hidden: bool) -> str:
    """What is said where no file is named."""
    if damage.code == "E4122":
        return "all of it"
    return "not known without the session's password" if hidden and damage.sessions else "-"
