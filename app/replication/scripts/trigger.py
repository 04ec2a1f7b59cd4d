"""The trigger file: when it appears or changes, a script runs."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping, Sequence

from app.distant_mounts import distant
from app.model.paths import shown
from app.model.scripts import ScriptPurpose
from app.replication.master.durable import write_file
from app.replication.scripts.outcome import outcome_of
from app.replication.scripts.running import Scripts

LOOK_EVERY_S = 1.0
_STATE = "trigger.json"
_JOIN_MOST_S = 30.0

Tell = Callable[..., None]
"""(code, severity, **params): keep an event."""


class TriggerWatch:
    """Looks once a second, from `start` to `close`, in a thread of its own.

    What was handled is kept in `directory`, so that a file which came while the engine was down is not
    missed; one that is there when the property is first used counts as handled. The script runs once for
    all changes during a run of it. A run that is cut short by the end of the engine is made again.
    """

    def __init__(
        self,
        scripts: Scripts,
        directory: str,
        path: str,
        roots: Sequence[bytes],
        command: str,
        timeout_s: float,
        variables: Mapping[str, str],
        tell: Tell,
    ) -> None:
        self._scripts = scripts
        self._state_path = os.path.join(directory, _STATE)
        name = os.fsencode(path)
        self._paths = [name] if name.startswith(b"/") else [root + b"/" + name for root in roots]
        self._command = command
        self._timeout_s = timeout_s
        self._variables = dict(variables)
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="trigger-file", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; ends the script if it runs. Blocks until the thread has ended, if a mount lets it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_MOST_S)

    def _watch(self) -> None:
        handled = self._load()
        while not self._stopping.wait(LOOK_EVERY_S):
            for path in self._paths:
                key, found = path.hex(), _look(path)
                if found is None:
                    continue
                if key not in handled:
                    handled[key] = found
                    self._save(handled)
                elif found != handled[key]:
                    if found and not self._run(path):
                        return
                    handled[key] = found
                    self._save(handled)

    def _run(self, path: bytes) -> bool:
        """Run the script; False when it was cut short."""

        def tick() -> None:
            if self._stopping.is_set():
                raise InterruptedError

        try:
            result = self._scripts.run(
                self._command,
                timeout_s=self._timeout_s,
                variables=self._variables
                | {"ARCXO_PURPOSE": ScriptPurpose.TRIGGER.value, "ARCXO_TRIGGER_FILE": shown(path)},
                tick=tick,
            )
        except InterruptedError:
            return False
        if result.stopped:
            return False
        code, severity, params = outcome_of(result, ScriptPurpose.TRIGGER, self._command, self._timeout_s)
        self._tell(code, severity, **params)
        return True

    def _load(self) -> dict[str, list[int]]:
        """What was handled, by path; nothing where that cannot be read."""
        try:
            with open(self._state_path, encoding="utf-8") as file:
                kept = json.load(file)
            return {str(path): [int(part) for part in seen] for path, seen in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _save(self, handled: dict[str, list[int]]) -> None:
        try:
            write_file(self._state_path, json.dumps(handled).encode())
        except OSError:
            # The worst that a full disk does here is that a trigger is answered twice.
            return


def _look(path: bytes) -> list[int] | None:
    """What tells one state of the file from another; empty = no file is there, None = nobody can tell."""
    try:
        found = distant.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns]
