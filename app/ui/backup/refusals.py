"""Machines whose agent refuses the log-in kept for them: when to ask for another one. Qt-free."""

from __future__ import annotations

from app.model.errors import ArcxoError
from app.model.host import HostState
from app.ui.hosts.rows import REFUSED_CODES, why_not_change


def refused(state: HostState) -> bool:
    """Whether the machine itself answered, but not to this account."""
    return state.info is None and state.error_code in REFUSED_CODES


class Refusals:
    """Each machine is asked for once, when somebody opened or chose it; then its message stays in place."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def ask_for(self, state: HostState | None, error: Exception) -> bool:
        """Whether the answer to an attempt is to be followed by the question for a log-in; it then counts."""
        if not isinstance(error, ArcxoError) or error.code not in REFUSED_CODES:
            return False
        if state is None or why_not_change(state) or state.host.name in self._asked:
            return False
        self._asked.add(state.host.name)
        return True

    def forget(self, host: str = "") -> None:
        """Ask anew for one machine, which lets this server in again, or for all of them."""
        if host:
            self._asked.discard(host)
        else:
            self._asked.clear()
