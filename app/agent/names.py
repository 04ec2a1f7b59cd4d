"""The names under which servers know this host, and which names in a scenario mean the master's own host."""

from __future__ import annotations

import json
import os
from pathlib import Path

from app.agent.home import AgentHome, replace_durably
from app.model.errors import UsageError

LOCAL_NAMES = ("localhost",)
_FILE = "names.json"
_NAME_MAX = 255
_NAMES_MAX = 100


class Names:
    """The names of `engine/names.json`. Any thread, any process."""

    def __init__(self, home: AgentHome) -> None:
        self._path = os.path.join(home.engine, _FILE)

    def known(self) -> tuple[str, ...]:
        """All names besides `localhost`; a file that cannot be read says none."""
        try:
            return tuple(str(name) for name in json.loads(Path(self._path).read_bytes())["names"])
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def add(self, name: str) -> None:
        """A server knows this host as `name`. Raises UsageError AE1012 for what is no name."""
        if not 0 < len(name) <= _NAME_MAX or not name.isprintable() or name in LOCAL_NAMES:
            raise UsageError("AE1041", name=name[:_NAME_MAX])
        kept = [known for known in self.known() if known != name][-_NAMES_MAX + 1 :]
        if name not in self.known():
            replace_durably(self._path, json.dumps({"version": 1, "names": [*kept, name]}).encode())


def is_masters_own(replica: str, master: str) -> bool:
    """Whether a replica's name in a scenario means the host of its master."""
    return replica in LOCAL_NAMES or replica == master
