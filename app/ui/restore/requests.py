"""From parts, destination, options and log-ins to the requests that plan and submit. Qt-free.

Rows may differ in the Restore Option and in their log-ins; a job has one of each. So rows that agree become
one request, and one plan shows them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.model.commands import JobCommands
from app.model.job import (
    UNDO_DAYS,
    Conflict,
    Credentials,
    Destination,
    RestoreScript,
    Schedule,
    Structure,
)
from app.model.job_log import JobLogLevel
from app.model.owners import OwnerChange, OwnerRule, joined
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.services.api import RestoreRequest
from app.ui.backup.logins import is_this_computer
from app.ui.restore.basket import Part


@dataclass(frozen=True, slots=True)
class Target:
    """Where to. With `original` False, `directory` of `host`."""

    original: bool = True
    host: str = "localhost"
    directory: bytes = b""


@dataclass(frozen=True, slots=True)
class Options:
    """The global options of a restore."""

    conflict: Conflict = Conflict.OVERWRITE
    structure: Structure = Structure.NONE
    continue_if_not_stopped: bool = False
    exact: bool = False
    undoable: bool = True
    owners: OwnerRule = OwnerRule.NUMBER
    owner_changes: tuple[OwnerChange, ...] = ()
    commands: JobCommands = field(default_factory=JobCommands)
    job_log: JobLogLevel = JobLogLevel.SUMMARY


@dataclass(slots=True, eq=False)
class LoginRow:
    """One session of Session User Name and Password."""

    part: Part
    target: Target
    destination: Destination = Destination.ORIGINAL_REPLICA
    master: Credentials = field(default_factory=lambda: Credentials("", ""))
    replica: Credentials = field(default_factory=lambda: Credentials("", ""))
    session_password: str = ""
    password_accepted: bool = False
    local_names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.target.original:
            self.destination = Destination.DIRECTORY

    @property
    def host(self) -> str:
        """The host that is written to."""
        session = self.part.session
        if self.destination is Destination.DIRECTORY:
            return self.target.host
        return session.machine if self.destination is Destination.ORIGINAL_MASTER else session.replica

    @property
    def missing(self) -> str:
        """What this row still needs, or ""."""
        session = self.part.session
        if session.encrypted and not self.password_accepted:
            return "Needs the session password"
        if self.destination is Destination.DIRECTORY:
            needed = [(self.target.host, self.replica)]
        elif self.destination is Destination.ORIGINAL_MASTER:
            needed = [(session.machine, self.master)]
        else:
            needed = [(session.machine, self.master), (session.replica, self.replica)]
        for host, login in needed:
            if self.needs_login(host) and not (login.user and login.password):
                return f"Needs the log-in of {host}"
        return ""

    def needs_login(self, host: str) -> bool:
        """Whether a job must log in there: the owner of the home need not on this computer."""
        return not is_this_computer(host) and host not in self.local_names


def requests(
    rows: Sequence[LoginRow], options: Options, schedule: Schedule, *, hold: bool
) -> list[RestoreRequest]:
    """One request for all rows that agree in destination and log-ins, in the rows' order.

    What goes to a replica keeps its owners, whatever the options say.
    """
    grouped: dict[tuple[Destination, Credentials | None, Credentials | None], list[LoginRow]] = {}
    for row in rows:
        to_replica = row.destination is not Destination.ORIGINAL_MASTER
        to_directory = row.destination is Destination.DIRECTORY
        master = None if to_directory else _given(row.master)
        replica = _given(row.replica) if to_replica else None
        grouped.setdefault((row.destination, master, replica), []).append(row)
    return [
        RestoreRequest(
            script=RestoreScript(
                selections=tuple(row.part.selection for row in members),
                destination=destination,
                host=members[0].target.host if destination is Destination.DIRECTORY else "localhost",
                directory=members[0].target.directory if destination is Destination.DIRECTORY else b"",
                conflict=options.conflict,
                structure=options.structure,
                continue_if_not_stopped=options.continue_if_not_stopped,
                exact=options.exact,
                undo_days=UNDO_DAYS if options.undoable else 0,
                owners=options.owners if _gives_away(destination) else OwnerRule.NUMBER,
                owner_changes=options.owner_changes if _gives_away(destination) else (),
                commands=options.commands,
                job_log=options.job_log,
            ),
            schedule=schedule,
            hold=hold,
            session_passwords=tuple(
                (row.part.session.media_serial, row.part.session.number, row.session_password)
                for row in members
                if row.part.session.encrypted
            ),
            master_credentials=master,
            replica_credentials=replica,
        )
        for (destination, master, replica), members in grouped.items()
    ]


def _gives_away(destination: Destination) -> bool:
    return destination is not Destination.ORIGINAL_REPLICA


def overlapping(rows: Sequence[LoginRow]) -> list[int]:
    """Numbers of the sessions from which the same path of a machine is chosen more than once."""
    holders: dict[tuple[str, bytes], set[int]] = {}
    for row in rows:
        for path in row.part.paths or (b"/",):
            holders.setdefault((row.part.session.machine, path), set()).add(row.part.session.number)
    found: set[int] = set()
    for (machine, path), numbers in holders.items():
        at = path
        while True:
            together = numbers | holders.get((machine, at), set())
            if len(together) > 1:
                found |= together
            if at == b"/":
                break
            at = at.rpartition(b"/")[0] or b"/"
    return sorted(found)


def _given(login: Credentials) -> Credentials | None:
    return login if login.user else None


def merged(plans: Sequence[RestorePlan]) -> RestorePlan:
    """All plans as one."""
    counts = {action: sum(plan.counts.get(action, 0) for plan in plans) for action in RestoreAction}
    items: tuple[RestoreItem, ...] = tuple(item for plan in plans for item in plan.items)
    stopped = dict.fromkeys(plan.stops_scenario for plan in plans if plan.stops_scenario)
    return replace(
        plans[0],
        counts=counts,
        size_bytes=sum(plan.size_bytes for plan in plans),
        items=items,
        host=", ".join(dict.fromkeys(plan.host for plan in plans)),
        free_bytes=min((plan.free_bytes for plan in plans if plan.free_bytes is not None), default=None),
        stops_scenario=", ".join(stopped),
        into_replica=", ".join(dict.fromkeys(plan.into_replica for plan in plans if plan.into_replica)),
        truncated=any(plan.truncated for plan in plans),
        kept_bytes=sum(plan.kept_bytes for plan in plans),
        owners=joined(plan.owners for plan in plans),
        out_of_reach=tuple(dict.fromkeys(line for plan in plans for line in plan.out_of_reach)),
        unlisted=tuple(one for plan in plans for one in plan.unlisted),
    )


def changed(plan: RestorePlan) -> int:
    """How many items are written: all that is not skipped."""
    return sum(count for action, count in plan.counts.items() if action is not RestoreAction.SKIP)
