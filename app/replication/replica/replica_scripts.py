"""The scripts of a replica: before the first write of a synchronisation, and after the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.model.properties import properties_on
from app.model.rewind import PointKind
from app.model.scenario import ReplicaState, Scenario
from app.replication.frames import Note
from app.replication.records import Mark
from app.replication.scripts.around_sync import AroundSync
from app.replication.scripts.running import Scripts


class ReplicaScripts:
    """Of one stream; used in its thread. `note` tells the master why its synchronisation waits."""

    def __init__(
        self,
        scripts: Scripts,
        scenario: Scenario,
        host: str,
        tell: Callable[..., None],
        note: Callable[[Note], None],
    ) -> None:
        properties = properties_on(scenario, host)
        self._around = AroundSync(
            scripts,
            properties.replica_script_before_sync,
            properties.replica_script_after_sync,
            properties.script_timeout_seconds,
            {
                "ARCXO_SCENARIO": scenario.name,
                "ARCXO_SCENARIO_ID": str(scenario.id),
                "ARCXO_MASTER": scenario.master,
                "ARCXO_ROLE": "replica",
            },
            tell,
        )
        self._host = host
        self._note = note
        self._open = False

    def before(self, tick: Callable[[], None]) -> None:
        """A batch of a synchronisation is to be written. What `tick`, called while waiting, raises leaves."""
        if self._open:
            return
        waited = False

        def waits(reason: str) -> None:
            nonlocal waited
            waited = True
            self._note(Note(ReplicaState.SYNCHRONIZING, reason))

        self._around.begin(self._host, tick, waits)
        self._open = True
        if waited:
            self._note(Note(ReplicaState.SYNCHRONIZING, ""))

    def after(self, records: Sequence[object]) -> None:
        """A batch of a synchronisation is written and durable."""
        ended = any(
            isinstance(record, Mark) and record.kind is PointKind.SYNCHRONIZATION and record.text == "end"
            for record in records
        )
        if ended and self._open:
            self._open = False
            self._around.end(self._host, completed=True)

    def close(self) -> None:
        """The stream has ended."""
        if self._open:
            self._open = False
            self._around.end(self._host, completed=False)
