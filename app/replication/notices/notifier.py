"""Tells people of the events they chose (`notify_on`), in the order of their numbers.

It reads the store like any other reader, and keeps there how far it has come: what happens while it is down
is told afterwards. Nothing waits for it. A scenario's script is run for one event at a time; what comes
meanwhile waits in a queue of bounded length and rate, and what is dropped from that is counted and told.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import EventRecord, Severity, parse_triggers, trigger_of
from app.model.scenario import Scenario
from app.model.scripts import ScriptPurpose
from app.replication.events import EventStore
from app.replication.notices.definitions import Definitions
from app.replication.notices.os_log import OsLog
from app.replication.scripts.outcome import outcome_of
from app.replication.scripts.running import Scripts

READER = "notices"
LOOK_EVERY_S = 0.5
QUEUE_MOST = 100
AGE_MOST = timedelta(days=1)
PER_MINUTE_MOST = 30
_PAGE = 500
_log = logging.getLogger("arcxo.notices")


class Notifier:
    """One per host. From `start` to `close`, in threads of its own."""

    def __init__(self, directory: str, events: EventStore, scripts: Scripts, os_log: OsLog) -> None:
        self._events = events
        self._scripts = scripts
        self._os_log = os_log
        self._definitions = Definitions(directory)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._queues: dict[int, _Queue] = {}
        self._begun = False
        self._read = 0
        self._kept = 0
        self._os_log_fault = ""
        self._thread = threading.Thread(target=self._work, name="notices", daemon=True)

    def start(self) -> None:
        """Begin where the last one ended; the very first begins with what happens from now on."""
        with contextlib.suppress(sqlite3.Error, ArcxoError):  # a full disk; tried again with each look
            self._begin()
        self._thread.start()

    def _begin(self) -> None:
        position = self._events.delivered(READER)
        if position is None:
            position = self._events.newest()
            with contextlib.suppress(sqlite3.Error):  # a full disk; kept with the next event
                self._events.set_delivered(READER, position)
        self._read = self._kept = position
        self._begun = True

    def close(self) -> None:
        """End, with the scripts that run; what was not told is told by the next one."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._scripts.close()

    def _work(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                if not self._begun:
                    self._begin()
                while self._look() and not self._stopping.is_set():
                    pass
                self._keep()
            except (sqlite3.Error, ArcxoError) as error:
                # A full disk, most likely: the events stay, and are told when there is room again.
                _log.info("events cannot be told now: %s", error)

    def _look(self) -> bool:
        """Take a page of new events; whether there may be more."""
        page = self._events.newer_than(self._read, _PAGE)
        for event in page:
            self._tell(event)
            self._read = event.sequence
        return len(page) == _PAGE

    def _tell(self, event: EventRecord) -> None:
        if event.scenario_id is None or datetime.now(UTC) - event.at > AGE_MOST:
            return
        trigger = trigger_of(event)
        scenario = self._definition(event.scenario_id) if trigger is not None else None
        if scenario is None or trigger not in parse_triggers(scenario.properties.notify_on):
            return
        if scenario.properties.notify_os_log:
            self._write_os_log(event)
        if scenario.properties.notify_script:
            with self._lock:
                queue = self._queues.setdefault(event.scenario_id, _Queue())
                queue.put(event)
                begins = not queue.active
                queue.active = True
            if begins:
                identity = event.scenario_id
                self._scripts.start(lambda: self._drain(identity))

    def _write_os_log(self, event: EventRecord) -> None:
        fault = self._os_log.write(event)
        if fault and fault != self._os_log_fault:
            self._events.append("WR00511", Severity.WARNING, cause=fault)
        self._os_log_fault = fault

    def _drain(self, scenario_id: int) -> None:
        """Run the script for what waits, in a thread of its own, until nothing does."""
        while True:
            with self._lock:
                queue = self._queues[scenario_id]
                if self._stopping.is_set() or not queue.waiting:
                    queue.active = False
                    return
                pause = queue.pause()
            if self._stopping.wait(pause):
                continue
            with self._lock:
                event, dropped = queue.take()
            scenario = self._definition(scenario_id)
            if scenario is not None and scenario.properties.notify_script:
                if dropped:
                    self._append(scenario)("WR00512", Severity.WARNING, missed=dropped)
                if not self._run(scenario, event):
                    return
            with self._lock:
                queue.done()

    def _definition(self, scenario_id: int) -> Scenario | None:
        with self._lock:
            return self._definitions.find(scenario_id)

    def _run(self, scenario: Scenario, event: EventRecord) -> bool:
        """Run the script for one event; False when the engine ended it."""
        said = render(event.code, event.params)
        trigger = trigger_of(event)
        properties = scenario.properties
        result = self._scripts.run(
            properties.notify_script,
            timeout_s=properties.script_timeout_seconds,
            variables={
                "ARCXO_PURPOSE": ScriptPurpose.NOTIFICATION.value,
                "ARCXO_SCENARIO": scenario.name,
                "ARCXO_SCENARIO_ID": str(scenario.id),
                "ARCXO_MASTER": scenario.master,
                "ARCXO_EVENT_NUMBER": str(event.sequence),
                "ARCXO_EVENT_CODE": event.code,
                "ARCXO_EVENT_SEVERITY": event.severity.value,
                "ARCXO_EVENT_TRIGGER": trigger.value if trigger is not None else "",
                "ARCXO_EVENT_TIME": event.at.isoformat(),
                "ARCXO_EVENT_HOST": event.host,
                "ARCXO_EVENT_TEXT": said.text,
                "ARCXO_EVENT_REASON": said.reason,
                "ARCXO_EVENT_ACTION": said.action,
            },
            arguments=(event.code, event.severity.value, scenario.name, said.text),
        )
        if result.stopped and self._stopping.is_set():
            return False
        code, severity, params = outcome_of(
            result,
            ScriptPurpose.NOTIFICATION,
            properties.notify_script,
            properties.script_timeout_seconds,
        )
        self._append(scenario)(code, severity, **params)
        return True

    def _append(self, scenario: Scenario) -> Callable[..., None]:
        def append(code: str, severity: Severity, **params: object) -> None:
            self._events.append(
                code, severity, scenario_id=scenario.id, scenario_name=scenario.name, **params
            )

        return append

    def _keep(self) -> None:
        """Remember up to where everything was told."""
        with self._lock:
            oldest = [number for queue in self._queues.values() if (number := queue.oldest()) is not None]
        position = min([self._read, *(number - 1 for number in oldest)])
        if position > self._kept:
            self._events.set_delivered(READER, position)
            self._kept = position


class _Queue:
    """What waits for one scenario's script. Not thread-safe."""

    def __init__(self) -> None:
        self.waiting: deque[EventRecord] = deque()
        self.active = False
        self._running: EventRecord | None = None
        self._dropped = 0
        self._started: deque[float] = deque(maxlen=PER_MINUTE_MOST)

    def put(self, event: EventRecord) -> None:
        """Let an event wait; the oldest one goes when too many do."""
        self.waiting.append(event)
        if len(self.waiting) > QUEUE_MOST:
            self.waiting.popleft()
            self._dropped += 1

    def pause(self) -> float:
        """Seconds until the next may run."""
        if len(self._started) < PER_MINUTE_MOST:
            return 0.0
        return max(0.0, self._started[0] + 60.0 - time.monotonic())

    def take(self) -> tuple[EventRecord, int]:
        """The next event, and how many were dropped before it."""
        self._started.append(time.monotonic())
        self._running = self.waiting.popleft()
        dropped, self._dropped = self._dropped, 0
        return self._running, dropped

    def done(self) -> None:
        """The one taken was told."""
        self._running = None

    def oldest(self) -> int | None:
        """The number of the oldest that is not told yet."""
        if self._running is not None:
            return self._running.sequence
        return self.waiting[0].sequence if self.waiting else None
