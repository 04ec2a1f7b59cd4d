"""The table of Security and Agent Information: who logs in where, and whether that was tested. Qt-free."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from app.model.job import Credentials, source_role
from app.model.scenario import HostRole, Scenario

PASSWORD_LIMIT = 23
"""The longest password a log-in may have."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class LoginState(Enum):
    """What is known of one log-in."""

    NOT_NEEDED = "not_needed"
    MISSING = "missing"
    AT_RUN = "at_run"
    KEPT = "kept"
    UNTESTED = "untested"
    TESTING = "testing"
    ACCEPTED = "accepted"
    REFUSED = "refused"


def is_this_computer(host: str) -> bool:
    """Whether the home's own agent answers for `host`: its owner needs no log-in."""
    return host in _LOCAL or host == socket.gethostname()


class SourceRole(Enum):
    """The role of a machine whose directories are backed up by themselves."""

    SOURCE = "source"


LoginRole = HostRole | SourceRole
DIRECTORIES = 0
"""In place of the scenario's number."""


@dataclass(slots=True, eq=False)
class Login:
    """One row: a host of a scenario in a role, or a machine that directories are read from.

    `kept`: the user of the log-in that this server keeps for the machine, used when nothing is typed.
    """

    scenario_id: int
    scenario_name: str
    role: LoginRole
    host: str
    user: str = ""
    password: str = ""
    state: LoginState = LoginState.MISSING
    told: str = ""
    kept: str = ""

    @property
    def uses_kept(self) -> bool:
        """Whether the log-in that is kept for the machine is used."""
        return bool(self.kept) and not self.user.strip() and not self.password

    @property
    def testable(self) -> bool:
        """Whether it can be tried now; a Master's is tried when the job runs."""
        return self.role is not HostRole.MASTER

    @property
    def needed(self) -> bool:
        """Whether the job must carry a log-in for it."""
        return not is_this_computer(self.host)

    @property
    def fault(self) -> str:
        """What is wrong with what was typed, or ""."""
        if not self.needed or self.uses_kept:
            return ""
        if len(self.password) > PASSWORD_LIMIT:
            return (
                f"{len(self.password)} characters. At most {PASSWORD_LIMIT} are accepted: "
                f"choose a shorter password on {self.host}."
            )
        if not self.user.strip():
            return "A user name is missing"
        return "" if self.password else "A password is missing"

    def type(self, user: str, password: str) -> None:
        """Take what was typed; a result of an earlier test does not hold any more."""
        if (user, password) == (self.user, self.password):
            return
        self.user, self.password, self.told = user, password, ""
        self.state = self.untested()

    def untested(self) -> LoginState:
        """The state of what is typed, before it is tried."""
        if not self.needed:
            return LoginState.NOT_NEEDED
        if self.uses_kept:
            return LoginState.KEPT
        if self.fault:
            return LoginState.MISSING
        return LoginState.AT_RUN if self.role is HostRole.MASTER else LoginState.UNTESTED

    @property
    def ready(self) -> bool:
        """Whether a job can be submitted with it."""
        return self.state in (
            LoginState.NOT_NEEDED,
            LoginState.AT_RUN,
            LoginState.KEPT,
            LoginState.ACCEPTED,
            LoginState.UNTESTED,
        )


class Logins:
    """All rows; what was typed stays while scenarios come and go."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, LoginRole, str], Login] = {}
        self._shown: list[Login] = []

    def show(
        self,
        scenarios: Sequence[Scenario],
        machines: Sequence[str] = (),
        kept: Mapping[str, str] | None = None,
    ) -> None:
        """The rows of these scenarios: Master, then the Replica that is backed up; then one for each machine.

        `kept`: the users of the log-ins that this server keeps, by machine.
        """
        self._shown = []
        for scenario in scenarios:
            hosts = [(HostRole.MASTER, scenario.master)]
            hosts += [(HostRole.REPLICA, replica.host) for replica in scenario.replicas[:1]]
            for role, host in hosts:
                key = (scenario.id, role, host)
                row = self._rows.get(key)
                if row is None:
                    row = self._rows[key] = Login(scenario.id, scenario.name, role, host)
                    row.state = LoginState.MISSING if row.needed else LoginState.NOT_NEEDED
                row.scenario_name = scenario.name
                self._shown.append(row)

        for host in dict.fromkeys(machines):
            place = (DIRECTORIES, SourceRole.SOURCE, host)
            row = self._rows.get(place)
            if row is None:
                row = self._rows[place] = Login(DIRECTORIES, "Directories", SourceRole.SOURCE, host)
            known, row.kept = row.kept, (kept or {}).get(host, "")
            if known != row.kept or row.uses_kept or row.state is LoginState.MISSING:
                row.state = row.untested()
            self._shown.append(row)

    @property
    def rows(self) -> Sequence[Login]:
        """What is shown, in order."""
        return self._shown

    def use_everywhere(self, source: Login) -> None:
        """Give every shown row of the same role what was typed for one of them."""
        for row in self._shown:
            if row is not source and row.role is source.role and row.needed:
                row.type(source.user, source.password)

    def to_test(self) -> Iterator[Login]:
        """Log-ins that are whole and were not tested since they were typed."""
        return (row for row in self._shown if row.state is LoginState.UNTESTED)

    def next_missing(self, after: Login | None) -> Login | None:
        """The next row that misses something or was refused, from `after` on and around."""
        rows = self._shown
        start = rows.index(after) + 1 if after in rows else 0
        for row in [*rows[start:], *rows[:start]]:
            if not row.ready and row.state is not LoginState.TESTING:
                return row
        return None

    @property
    def missing(self) -> str:
        """What the foot says: what stands in the way, or ""."""
        lacking = sum(row.state is LoginState.MISSING for row in self._shown)
        refused = sum(row.state is LoginState.REFUSED for row in self._shown)
        of = f"of {len(self._shown)} log-ins"
        if refused:
            return f"{refused} {of} {'was' if refused == 1 else 'were'} refused"
        if lacking:
            return f"{lacking} {of} still {'needs' if lacking == 1 else 'need'} a user and password"
        return ""

    def credentials(self) -> tuple[tuple[int, str, Credentials], ...]:
        """As the request carries them; hosts that need none are left out."""
        return tuple(
            (row.scenario_id, _role(row), Credentials(row.user.strip(), row.password))
            for row in self._shown
            if row.needed and not row.uses_kept
        )


def _role(row: Login) -> str:
    return source_role(row.host) if row.role is SourceRole.SOURCE else str(row.role.value)
