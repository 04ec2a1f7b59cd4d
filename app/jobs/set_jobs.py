"""Jobs on whole media sets: format, erase, rename, expire and retire."""

from __future__ import annotations

from datetime import UTC, datetime

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.home import automatic_media_name
from app.jobs.lanes import Lanes
from app.jobs.media_choice import media_names, new_media
from app.jobs.media_sets import (
    MediaSet,
    cannot_be_forgotten,
    erase_set,
    media_sets,
    relabel_set,
    sessions_of,
    set_of,
    users_of,
)
from app.jobs.runner import Outcome
from app.model.errors import ArcxoError, NotFoundError
from app.model.job import JobKind, JobPhase, JobResult
from app.model.media import PoolSet

SET_KINDS = frozenset({JobKind.MEDIA_FORMAT, JobKind.MEDIA_ERASE, JobKind.MEDIA_RENAME, JobKind.MEDIA_RETIRE})
NEVER = "never"


class SetJobs:
    """Runs the jobs of `SET_KINDS`."""

    def __init__(self, catalog: Catalog, lanes: Lanes) -> None:
        self._catalog = catalog
        self._lanes = lanes

    def run(self, control: JobControl) -> Outcome:
        """Carry out the job. A job that was killed is finished by housekeeping, or changed nothing."""
        script = control.job.script
        assert isinstance(script, dict)
        control.begin_phase(JobPhase.CONNECT)
        match control.job.kind:
            case JobKind.MEDIA_FORMAT:
                self._format(control, script)
            case JobKind.MEDIA_ERASE:
                self._erase(control, set_of(self._catalog, script["media"]))
            case JobKind.MEDIA_RENAME:
                self._rename(control, set_of(self._catalog, script["media"]), script)
            case JobKind.MEDIA_RETIRE:
                self._retire(control, set_of(self._catalog, script["media"]), script.get("how", ""))
            case kind:
                raise ArcxoError("E5118", kind=kind.value)
        return Outcome(JobResult.FINISHED)

    def _format(self, control: JobControl, script: dict[str, str]) -> None:
        """The set of that name with a media on the device is erased; and a media made anew."""
        devices = [one for one in self._catalog.media.devices() if one.name == script["device"]]
        if not devices:
            raise NotFoundError("E5160", device=script["device"])
        device = devices[0]
        name = script.get("name", "")
        name = name or automatic_media_name(control.started_at, media_names(self._catalog))
        until = script.get("expires", "")
        for one in to_be_formatted(self._catalog, device.name, name):
            self._erase(control, one)
        expires_at = datetime.fromisoformat(until) if until else None
        with self._lanes.hold(control, ("media", device.group), f"a choice of media in group {device.group}"):
            made = new_media(self._catalog, device, name, expires_at=expires_at)
        control.note(
            "N5161",
            media=made.label.name,
            media_id=made.label.media_id,
            device=device.name,
            group=device.group,
        )

    def _erase(self, control: JobControl, one: MediaSet, *, rest: bool = False) -> None:
        self._wait_until_unused(control, one)
        control.begin_phase(JobPhase.FINISH)
        control.progress(media=one.name)
        group = one.first.group
        with self._lanes.hold(control, ("media", group), f"a choice of media in group {group}"):
            # What the catalog and the media say now: it may have got another media meanwhile.
            now_is = next((other for other in media_sets(self._catalog) if other.set_id == one.set_id), None)
            if now_is is not None:
                erase_set(
                    self._catalog,
                    now_is,
                    control.note,
                    datetime.now(UTC),
                    lanes=self._lanes,
                    besides={control.job.id},
                    rest=rest and bool(now_is.missing),
                )

    def _wait_until_unused(self, control: JobControl, one: MediaSet) -> None:
        def unused() -> bool:
            return not users_of(self._catalog, one, lanes=self._lanes, besides={control.job.id})

        control.wait_for(f"what uses {one.name}", unused, poll_s=0.5)

    def _rename(self, control: JobControl, one: MediaSet, script: dict[str, str]) -> None:
        name = script.get("name", "") or one.name
        until = script.get("expires", "")
        expires_at = one.expires_at
        if until:
            expires_at = None if until == NEVER else datetime.fromisoformat(until)
        before = one.name
        relabel_set(self._catalog, one, name=name, expires_at=expires_at, at=datetime.now(UTC))
        if name != before:
            control.note("N5207", media=before, name=name)
        if until:
            shown = expires_at.isoformat(timespec="seconds") if expires_at is not None else NEVER
            control.note("N5208", media=name, at=shown)

    def _retire(self, control: JobControl, one: MediaSet, how: str) -> None:
        if how == "undo":
            self._catalog.media.put_set(one.set_id, retired=False)
            control.note("N5218", media=one.name)
            return
        lost = sessions_of(self._catalog, one)
        if how != "forget":
            self._catalog.media.put_set(one.set_id, retired=True, pool="", pool_set=PoolSet.NONE)
            control.note("N5209", media=one.name, sessions=len(lost))
            return
        fault = cannot_be_forgotten(one)
        if fault is not None:
            raise fault
        if one.online:
            self._erase(control, one, rest=True)
            control.note("N5217", media=one.name, count=len(one.known), sessions=len(lost))
            return
        for session in lost:
            control.warn(
                "W5162",
                session=session.number,
                media=one.name,
                scenario=session.scenario_name,
                machine=session.machine,
                entity=session.entity,
                at=session.finished_at.isoformat(timespec="seconds"),
            )
        for serial in one.serials:
            self._catalog.media.remove_media(serial)
        control.note("N5217", media=one.name, count=len(one.known), sessions=len(lost))


def to_be_formatted(catalog: Catalog, device: str, name: str) -> list[MediaSet]:
    """The sets that give way when a media of that name is formatted on a device."""
    return [
        one
        for one in media_sets(catalog)
        if one.name == name and any(item.device.name == device for item in one.online)
    ]
