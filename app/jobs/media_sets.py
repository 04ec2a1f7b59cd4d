"""Whole media sets: what is known of them, whether they may be overwritten, erasing and renaming one."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.catalog.api import Catalog
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, find_media, online_media
from app.media import api as media
from app.model.errors import ArcxoError, BusyError, NotFoundError, UsageError
from app.model.job import BackupScript, Job, JobStatus, RestoreScript
from app.model.media import MediaInfo, PoolSet, SessionInfo, SetPlan

_ERASING = "erasing."
_Told = Callable[..., None]


@dataclass(frozen=True, slots=True)
class MediaSet:
    """The media of a set, as the catalog knows them and as they can be reached, both by sequence."""

    set_id: str
    known: tuple[MediaInfo, ...]
    online: tuple[OnlineMedia, ...]

    @property
    def first(self) -> MediaInfo:
        """What holds for the set is said of each of its media; of this one too."""
        return self.known[0]

    @property
    def name(self) -> str:
        """The name of its media; while they are renamed, the newest."""
        return max(self.online, key=_revised).label.name if self.online else self.first.name

    @property
    def serials(self) -> frozenset[str]:
        """The serials of all its media."""
        return frozenset(one.serial for one in self.known)

    @property
    def expires_at(self) -> datetime | None:
        """Until when it is protected; the latest that one of its media says."""
        told = [one.expires_at for one in self.known if one.expires_at is not None]
        return max(told, default=None)

    @property
    def next_sequence(self) -> int:
        """The sequence of the media that would come next."""
        return max(one.sequence for one in self.known) + 1

    @property
    def missing(self) -> tuple[str, ...]:
        """Media of the set that cannot be reached, as a person knows them."""
        here = {one.label.serial for one in self.online}
        return tuple(_as_known(one) for one in self.known if one.serial not in here)


def _as_known(one: MediaInfo) -> str:
    place = f"serial {one.serial}, sequence {one.sequence}, device {one.device or '-'}"
    return f"{one.name} ({one.media_id}, {place})"


def out_of_reach(catalog: Catalog, set_id: str, missing: Collection[str]) -> str:
    """The media that `Membership` says are missing from a set, as a person knows them."""
    known = [one for one in catalog.media.media() if one.set_id == set_id]
    found = [one for one in known if one.serial in missing or f"sequence {one.sequence}" in missing]
    return "; ".join(map(_as_known, found)) or ", ".join(missing)


def _revised(one: OnlineMedia) -> datetime:
    return one.label.revised_at or datetime.min.replace(tzinfo=UTC)


def media_sets(catalog: Catalog, group: str = "") -> list[MediaSet]:
    """The sets with a media in a group ("" = all), the newest first. Those being erased are left out."""
    erasing = {key.removeprefix(_ERASING) for key in catalog.settings.all() if key.startswith(_ERASING)}
    known: dict[str, dict[str, MediaInfo]] = defaultdict(dict)
    online: dict[str, dict[str, OnlineMedia]] = defaultdict(dict)
    for info in catalog.media.media():
        known[info.set_id][info.serial] = info
    for one in online_media(catalog):
        online[one.label.set_id].setdefault(one.label.serial, one)
        about = next(iter(known[one.label.set_id].values()), one.info)
        known[one.label.set_id].setdefault(
            one.label.serial,
            replace(
                one.info,
                pool=about.pool,
                pool_set=about.pool_set,
                last_written_at=about.last_written_at,
                retired=about.retired,
                run=about.run,
            ),
        )
    found = [
        MediaSet(
            set_id,
            tuple(sorted(infos.values(), key=lambda info: info.sequence)),
            tuple(sorted(online[set_id].values(), key=lambda one: one.label.sequence)),
        )
        for set_id, infos in known.items()
        if set_id not in erasing
    ]
    chosen = [one for one in found if not group or any(info.group == group for info in one.known)]
    return sorted(chosen, key=lambda one: one.known[-1].created_at, reverse=True)


def set_of(catalog: Catalog, name: str) -> MediaSet:
    """The set of a media, by serial, name or ID. NotFoundError E6010, UsageError E6006 for several."""
    wanted = catalog.media.show_media(name).set_id
    for one in media_sets(catalog):
        if one.set_id == wanted:
            return one
    raise NotFoundError("E6010", media=name)


def why_protected(one: MediaSet, now: datetime) -> ArcxoError | None:
    """Why a set may not be overwritten or erased by anybody now: E5201 not expired, E5202 in a save set."""
    if one.expires_at is not None and one.expires_at > now:
        return ArcxoError("E5201", media=one.name, until=one.expires_at.isoformat(timespec="seconds"))
    if one.first.pool_set is PoolSet.SAVE:
        return ArcxoError("E5202", media=one.name, pool=one.first.pool)
    return None


def in_lane(one: MediaSet) -> tuple[str, str]:
    """What a set is called where jobs that have chosen it, but may not have announced it there, are noted."""
    return "set", one.set_id


def users_of(
    catalog: Catalog, one: MediaSet, *, lanes: Lanes | None = None, besides: Collection[int] = ()
) -> list[str]:
    """Who writes to or reads from a set now, as a person knows them. `besides` are jobs of who asks."""
    found = [
        f"job {job.id} ({job.name})"
        for job in catalog.jobs.list(include_done=False)
        if job.status is JobStatus.ACTIVE and job.id not in besides and _uses(job, one)
    ]
    if lanes is not None:
        chosen = sorted(lanes.users(in_lane(one)) - set(besides))
        found += [f"job {number}" for number in chosen if not any(f"job {number} " in job for job in found)]
    for item in one.online:
        if not found and (writers := media.writers(item.path)):
            found.append(f"{writers} backup(s) that write to {item.label.name}")
    return found


def _uses(job: Job, one: MediaSet) -> bool:
    match job.script:
        case RestoreScript(selections=selections):
            return any(part.media_serial in one.serials for part in selections)
        case BackupScript():
            return one.first.run.partition(".")[0] in (str(job.id), str(job.parent_id))
        case script:
            named = {script.get("media", ""), script.get("target", "")}
            return bool(named & (one.serials | {item.path for item in one.online}))


def sessions_of(catalog: Catalog, one: MediaSet) -> list[SessionInfo]:
    """The sessions on the media of a set: those of the catalog, and those that only the media know of."""
    from app.jobs.session_records import session_info

    found = {
        (info.serial, session.number): session
        for info in one.known
        for session in catalog.sessions.list(info.serial)
    }
    for item in one.online:
        for header in media.sessions(item.path):
            found.setdefault((item.label.serial, header.number), session_info(header, item.label))
    return [found[key] for key in sorted(found, key=lambda key: (found[key].finished_at, key))]


def plan_erase(catalog: Catalog, one: MediaSet, now: datetime) -> SetPlan:
    """What erasing a set would do now; changes nothing."""
    from app.messages import describe

    fault = why_protected(one, now)
    if fault is None and one.missing:
        fault = not_all_here(one)
    return _plan(catalog, one, describe(fault) if fault is not None else "")


def plan_forget(catalog: Catalog, one: MediaSet) -> SetPlan:
    """What forgetting a set would do now: its media that can be reached are erased; changes nothing."""
    from app.messages import describe

    fault = cannot_be_forgotten(one)
    return _plan(catalog, one, describe(fault) if fault is not None else "")


def cannot_be_forgotten(one: MediaSet) -> UsageError | None:
    """E5216 for a set of which nothing is gone."""
    if one.missing:
        return None
    return UsageError("E5216", media=one.name, devices=", ".join(sorted({i.device.name for i in one.online})))


def _plan(catalog: Catalog, one: MediaSet, refused: str) -> SetPlan:
    used = sum(media.used_bytes(item.path) for item in one.online)
    return SetPlan(
        name=one.name,
        set_id=one.set_id,
        media=one.known,
        sessions=tuple(sessions_of(catalog, one)),
        used_bytes=used,
        missing=one.missing,
        refused=refused,
    )


def not_all_here(one: MediaSet) -> ArcxoError:
    """E5203: a set is changed as a whole, and some of it is away."""
    return ArcxoError("E5203", media=one.name, missing="; ".join(one.missing))


def erase_set(
    catalog: Catalog,
    one: MediaSet,
    tell: _Told,
    now: datetime,
    *,
    lanes: Lanes | None = None,
    besides: Collection[int] = (),
    rest: bool = False,
) -> None:
    """Erase all media of a set, telling each session that is lost. Killed anywhere, it is finished later.

    With `rest` the set has lost a media for good: what is left is erased, protected or not; all is forgotten.

    Raises:
        ArcxoError: E5201, E5202 protected; E5203 a media cannot be reached. BusyError: E5204 in use.
        Nothing is changed then.
    """
    fault = None if rest else why_protected(one, now)
    if fault is not None:
        raise fault
    if one.missing and not rest:
        raise not_all_here(one)
    if users := users_of(catalog, one, lanes=lanes, besides=besides):
        raise BusyError("E5204", media=one.name, users=", ".join(users))
    lost = sessions_of(catalog, one)
    for session in lost:
        tell(
            "W5162",
            session=session.number,
            media=one.name,
            scenario=session.scenario_name,
            machine=session.machine,
            entity=session.entity,
            at=session.finished_at.isoformat(timespec="seconds"),
        )
    # From here on the set is one that is being erased: whoever is killed leaves it to `finish_erasing`.
    journal = {item.label.serial: item.path for item in one.online}
    catalog.settings.put(_ERASING + one.set_id, json.dumps(journal))
    for item in one.online:
        with contextlib.suppress(NotFoundError):  # another has gone on with it already
            media.erase_media(item.path, item.label.serial)
    for serial in one.serials:
        catalog.media.remove_media(serial)
    for item in one.online:
        media.remove_erased(item.device.path, item.label.serial)
    catalog.settings.remove(_ERASING + one.set_id)
    tell(
        "N5205",
        media=one.name,
        count=len(one.known),
        sessions=len(lost),
        sequences=", ".join(str(info.sequence) for info in one.known),
    )


def finish_erasing(catalog: Catalog) -> None:
    """Go on with sets whose erasing was cut. A media that is away is erased when it is back."""
    journals = {key: text for key, text in catalog.settings.all().items() if key.startswith(_ERASING)}
    for key, text in journals.items():
        paths: dict[str, str] = json.loads(text)
        left = False
        for serial, path in paths.items():
            place = path
            with contextlib.suppress(NotFoundError):
                place = find_media(catalog, serial).path
            try:
                if media.read_label(place).serial == serial:
                    media.erase_media(place, serial)
            except NotFoundError:
                # It is gone from where it was: erased, or its device is away.
                left |= not _is_there(place)
            except ArcxoError:
                left = True
                continue
            catalog.media.remove_media(serial)
        if not left:
            catalog.settings.remove(key)


def _is_there(path: str) -> bool:
    """Whether the device of a media can be read."""
    try:
        media.list_media(path.rpartition("/")[0])
    except ArcxoError:
        return False
    return True


def relabel_set(
    catalog: Catalog, one: MediaSet, *, name: str, expires_at: datetime | None, at: datetime
) -> None:
    """Give all media of a set a name and an expiry. E5203 while one cannot be reached, E4101 bad name."""
    if one.missing:
        raise not_all_here(one)
    for item in one.online:
        _relabel(catalog, item, name, expires_at, at)


def settle_labels(catalog: Catalog) -> None:
    """Finish renaming that was cut: the label of a set that was revised last holds for all its media."""
    for one in media_sets(catalog):
        if len({item.label.revised_at for item in one.online}) < 2:
            continue
        newest = max(one.online, key=_revised).label
        assert newest.revised_at is not None
        for item in one.online:
            _relabel(catalog, item, newest.name, newest.expires_at, newest.revised_at)


def _relabel(
    catalog: Catalog, item: OnlineMedia, name: str, expires_at: datetime | None, at: datetime
) -> None:
    label = media.relabel(item.path, item.label.serial, name=name, expires_at=expires_at, at=at)
    catalog.media.put_media(replace(item, label=label).info)


def lacking(catalog: Catalog, one: OnlineMedia, number: int) -> media.Absence | None:
    """As `media.absence`, but media of the set that were moved are found where they are now."""
    if media.absence(one.path, number) is None:
        return None
    introduce_sets(each for each in media_sets(catalog) if each.set_id == one.label.set_id)
    return media.absence(one.path, number)


def introduce_sets(sets: Iterable[MediaSet]) -> None:
    """Tell the media of each set where the others are; media that were moved are found again so."""
    for one in sets:
        paths: Sequence[str] = [item.path for item in one.online]
        for path in paths if len(paths) > 1 else ():
            with contextlib.suppress(ArcxoError):
                media.introduce(path, paths)
