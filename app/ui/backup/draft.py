"""A backup being put together: what is chosen, where it goes, and what is missing. Qt-free."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from app.model.job import BackupScript, Credentials, Job, MediaMethod, Schedule, VerifyMode
from app.model.media import Device, MediaInfo
from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus
from app.model.source import DirectSource
from app.services.api import BackupRequest
from app.ui import formats
from app.ui.backup.folders import toggled
from app.ui.backup.options import BackupOptions
from app.ui.models.cell import Mark


def group_mark(all_ids: Collection[int], chosen: Collection[int]) -> Mark:
    """How the gray box of the group is filled by the green ones beneath it."""
    count = len(set(all_ids) & set(chosen))
    if not count:
        return Mark.EMPTY
    return Mark.FULL if count == len(set(all_ids)) else Mark.PARTIAL


def scenario_mark(scenario_id: int, chosen: Collection[int]) -> Mark:
    """Full or empty: whole scenarios only."""
    return Mark.FULL if scenario_id in chosen else Mark.EMPTY


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """A device group as the Destination tab shows it."""

    name: str
    devices: tuple[Device, ...]
    media: tuple[MediaInfo, ...]

    @property
    def free_bytes(self) -> int | None:
        """Free space of its devices that are online; None when no device tells."""
        known = [
            device.free_bytes for device in self.devices if device.online and device.free_bytes is not None
        ]
        return sum(known) if known else None

    @property
    def online(self) -> bool:
        """Whether any device can be written."""
        return any(device.online for device in self.devices)

    @property
    def fault(self) -> str:
        """Why a backup cannot go there now, or ""."""
        if not self.devices:
            return f"{self.name} has no device"
        if not self.online:
            reason = next((device.problem for device in self.devices if device.problem), "")
            return f"No device of {self.name} is online" + (f": {reason}" if reason else "")
        return ""


def device_groups(devices: Sequence[Device], media: Sequence[MediaInfo]) -> tuple[DeviceGroup, ...]:
    """Groups by name; media stand with the group they were written in."""
    names = sorted({device.group for device in devices})
    return tuple(
        DeviceGroup(
            name,
            tuple(device for device in devices if device.group == name),
            tuple(one for one in media if one.group == name),
        )
        for name in names
    )


@dataclass(frozen=True, slots=True)
class Readiness:
    """The sentence at the foot. `fault`: it cannot be submitted; `warning`: it can, but will not go well."""

    text: str
    fault: bool = False
    warning: bool = False


@dataclass(slots=True)
class MediaRules:
    """Which media a backup begins with and goes on with. Waits in minutes, None = as the server is set."""

    method: MediaMethod = MediaMethod.APPEND
    span_method: MediaMethod = MediaMethod.OVERWRITE_SAME
    media_name: str = ""
    pool: str = ""
    protect_days: int = 0
    media_wait: int | None = None
    span_wait: int | None = None


@dataclass(slots=True)
class BackupDraft:
    """What was chosen so far, on all tabs."""

    chosen: set[int] = field(default_factory=set)
    group: str = "GROUP0"
    password: str = ""
    repeated: str = ""
    verify: VerifyMode = VerifyMode.NONE
    rules: MediaRules = field(default_factory=MediaRules)
    sources: list[DirectSource] = field(default_factory=list)
    cross_file_systems: bool = False
    options: BackupOptions = field(default_factory=BackupOptions)
    replica: str = ""
    replaces: int = 0
    """The job that is modified."""
    new_password: bool = False
    """The password is another one than that of earlier sessions, on purpose."""
    password_wanted: bool = False
    """The sessions are to be encrypted, whether or not the password was typed yet: scripts keep none."""
    missing: tuple[str, ...] = ()
    """Scenarios that a script or a job names and this server does not have any more."""

    def toggle(self, scenario_id: int) -> None:
        """A click on a green box."""
        self.chosen.symmetric_difference_update({scenario_id})

    def toggle_source(self, host: str, path: bytes) -> None:
        """A click on the green box of a directory."""
        self.sources = toggled(host, path, self.sources)

    def begin_anew(self) -> None:
        """Nothing is chosen, no password is given, and no job is modified; the group stays."""
        fresh = BackupDraft(group=self.group)
        self.chosen, self.sources = fresh.chosen, fresh.sources
        self.take_options(fresh)
        self.rules = fresh.rules
        self.replica, self.replaces, self.missing = "", 0, ()
        self.cross_file_systems = False

    def for_options(self) -> BackupDraft:
        """A copy whose options may be changed, and given up again."""
        return replace(self, rules=replace(self.rules), options=self.options.copied())

    def take_options(self, other: BackupDraft) -> None:
        """All that the options of a job say; what the tabs say stays."""
        self.options, self.verify = other.options, other.verify
        self.rules = replace(other.rules, media_name=self.rules.media_name, pool=self.rules.pool)
        self.password, self.repeated = other.password, other.repeated
        self.new_password, self.password_wanted = other.new_password, other.password_wanted

    def load(self, script: BackupScript, known: Collection[int], replaces: int = 0) -> None:
        """Become what a script says; scenarios that are not known are missing."""
        self.begin_anew()
        named = dict(zip(script.scenario_ids, script.scenario_names, strict=True))
        self.chosen = set(named) & set(known)
        self.missing = tuple(name for number, name in named.items() if number not in known)
        self.sources = [DirectSource(one.host, one.path) for one in script.sources]
        self.cross_file_systems = any(one.cross_file_systems for one in script.sources)
        self.group, self.verify, self.replica = script.device_group, script.verify, script.replica
        self.options = BackupOptions.of(script)
        self.password_wanted = script.encrypt
        self.replaces = replaces
        rules = self.rules
        rules.method, rules.span_method = script.method, script.span_method
        rules.media_name, rules.pool = script.media_name, script.pool
        rules.protect_days = script.protect_days
        rules.media_wait, rules.span_wait = script.media_wait_minutes, script.span_wait_minutes

    @property
    def nodes(self) -> int:
        """How many nodes are backed up: each is a job of its own when there are several."""
        return len(self.chosen) + len(self.sources)

    def keep_only(self, known: Collection[int]) -> None:
        """Scenarios that are gone are not chosen any more."""
        self.chosen.intersection_update(known)

    @property
    def password_fault(self) -> str:
        """What is wrong with the session password, or ""."""
        if self.password_wanted and not self.password:
            return "Type the session password"
        if self.password == self.repeated:
            return ""
        if not self.repeated:
            return "Type the password a second time"
        return "The passwords differ" if self.password else "Type the password here too"

    def selected(self, statuses: Sequence[ScenarioStatus]) -> list[ScenarioStatus]:
        """The chosen scenarios in the order of the tree."""
        return [status for status in in_order(statuses) if status.scenario.id in self.chosen]

    def request(
        self,
        statuses: Sequence[ScenarioStatus],
        schedule: Schedule,
        *,
        name: str = "",
        hold: bool = False,
        credentials: tuple[tuple[int, str, Credentials], ...] = (),
    ) -> BackupRequest:
        """What is submitted."""
        return BackupRequest(
            self.script(statuses),
            schedule,
            name.strip(),
            hold,
            self.password,
            credentials,
            self.replaces,
        )

    def script(self, statuses: Sequence[ScenarioStatus]) -> BackupScript:
        """What the job would do."""
        made = [status.scenario for status in self.selected(statuses)]
        rules, options = self.rules, self.options
        sources = tuple(replace(one, cross_file_systems=self.cross_file_systems) for one in self.sources)
        nodes = (*(scenario.name for scenario in made), *(source.label for source in sources))
        return BackupScript(
            scenario_ids=tuple(scenario.id for scenario in made),
            scenario_names=tuple(scenario.name for scenario in made),
            device_group=self.group,
            media_name=rules.media_name,
            encrypt=bool(self.password) or self.password_wanted,
            verify=self.verify,
            pool=rules.pool,
            method=rules.method,
            span_method=rules.span_method,
            media_wait_minutes=rules.media_wait,
            span_wait_minutes=rules.span_wait,
            protect_days=rules.protect_days,
            replica=self.replica,
            sources=sources,
            retries=options.retries,
            retry_minutes=options.retry_minutes,
            retry_at=options.retry_at,
            job_log=options.job_log,
            streams=options.streams,
            commands=options.commands.commands(),
            node_commands=options.node_commands(nodes),
            filters=options.filters(nodes),
        )


def modifiable(job: Job) -> str:
    """Why a job cannot be opened in the Backup Manager, or ""."""
    if not isinstance(job.script, BackupScript):
        return "Only backups are modified"
    return "It tries again what another job missed" if job.script.makeup_of else ""


def in_order(statuses: Sequence[ScenarioStatus]) -> list[ScenarioStatus]:
    """As the tree lists them."""
    return sorted(statuses, key=lambda status: status.scenario.name.casefold())


_DISTURBED = {
    ReplicaState.BRAKED: "braked",
    ReplicaState.SUSPENDED: "suspended",
    ReplicaState.DISCONNECTED: "disconnected",
    ReplicaState.PROBLEM: "in trouble",
    ReplicaState.REWINDING: "rewinding",
    ReplicaState.SYNCHRONIZING: "synchronizing",
    ReplicaState.ASSURED_RECOVERY: "in Assured Recovery",
    ReplicaState.CONNECTING: "connecting",
    ReplicaState.STOPPED: "stopped",
}


def disturbance(status: ScenarioStatus) -> str:
    """Why a backup of this scenario would not be of a replica that follows its master; "" = it would."""
    if status.state is not ScenarioState.REPLICATING:
        word = status.state.value.replace("_", " ")
        return "in an unknown state" if status.state is ScenarioState.UNKNOWN else word
    # The first replica is the one that is backed up.
    state = status.replicas[0].state if status.replicas else ReplicaState.DISCONNECTED
    return _DISTURBED.get(state, "")


def readiness(draft: BackupDraft, statuses: Sequence[ScenarioStatus]) -> Readiness:
    """What will be submitted, or what is missing."""
    chosen = draft.selected(statuses)
    if draft.missing:
        names = ", ".join(draft.missing[:3]) + (" …" if len(draft.missing) > 3 else "")
        more = "" if chosen or draft.sources else " Choose something else."
        return Readiness(
            f"{names}: not on this server any more, and left out.{more}",
            fault=not (chosen or draft.sources),
            warning=True,
        )
    if not chosen and not draft.sources:
        return Readiness(
            "No scenario is chosen. Click the box in front of a scenario or of a directory.", fault=True
        )
    directories = formats.counted(len(draft.sources), "directory", "directories")
    if not chosen:
        return Readiness(f"Ready to submit: {directories}.")
    count = formats.counted(len(chosen), "scenario")
    if draft.sources:
        count += f" and {directories}"
    stopped = [status for status in chosen if status.state is not ScenarioState.REPLICATING]
    if stopped:
        first = stopped[0]
        more = f" and {len(stopped) - 1:,} more" if len(stopped) > 1 else ""
        return Readiness(
            f"{count} chosen. {first.scenario.name}{more} is not replicating ({disturbance(first)}): "
            "its backup will fail with AE0465. Run it first."
            if len(stopped) == 1
            else f"{count} chosen. {first.scenario.name}{more} are not replicating: "
            "their backups will fail with AE0465. Run them first.",
            warning=True,
        )
    disturbed = [(status, disturbance(status)) for status in chosen if disturbance(status)]
    if disturbed:
        words = ", ".join(f"{status.scenario.name} is {word}" for status, word in disturbed[:3])
        more = f" and {len(disturbed) - 3:,} more" if len(disturbed) > 3 else ""
        return Readiness(f"Ready to submit: {count}. Look at the Replica: {words}{more}.", warning=True)
    every = "It is" if len(chosen) == 1 else "All are"
    return Readiness(f"Ready to submit: {count}. {every} replicating.")
