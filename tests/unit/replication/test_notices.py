"""Notices: which events are told, to a script and to the log of the system, and what holds them up."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.model.events import EventRecord, NotifyTrigger, Severity, parse_triggers, trigger_of
from app.model.scenario import (
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioProperties,
    ServerType,
)
from app.replication.definition import to_xml
from app.replication.events import EventStore
from app.replication.notices import notifier as module
from app.replication.notices.notifier import Notifier
from app.replication.notices.os_log import OsLog
from app.replication.scripts.running import Scripts
from tests.support.replication_pair import until

Start = Callable[[], Notifier]


@pytest.fixture
def events(tmp_path: Path) -> Iterator[EventStore]:
    store = EventStore(str(tmp_path / "events.sqlite3"), "host")
    yield store
    store.close()


@pytest.fixture
def start(tmp_path: Path, events: EventStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.02)
    made: list[Notifier] = []

    def begin() -> Notifier:
        notifier = Notifier(str(tmp_path), events, Scripts("/home"), OsLog(str(tmp_path / "log")))
        notifier.start()
        made.append(notifier)
        return notifier

    yield begin
    for notifier in made:
        notifier.close()


def define(tmp_path: Path, folder: str = "scenarios/7.xml", **properties: Any) -> None:
    scenario = Scenario(
        7,
        "files",
        ServerType.FILE_SERVER,
        ProductType.DR,
        "localhost",
        (Root(b"/m"),),
        (ReplicaSpec("localhost", (b"/r",)),),
        properties=ScenarioProperties(**properties),
    )
    path = tmp_path / folder
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_xml(scenario))


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "notify"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def happen(events: EventStore, code: str = "ER00205", severity: Severity = Severity.ERROR) -> int:
    return events.append(
        code, severity, scenario_id=7, scenario_name="files", replica="far", cause="gone", error="ER00201"
    ).sequence


def lines(tmp_path: Path) -> list[str]:
    path = tmp_path / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_a_script_gets_the_event_as_arguments_and_variables(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    text = f'echo "$1|$2|$3|$4|$ARCXO_EVENT_TRIGGER|$ARCXO_EVENT_NUMBER|$ARCXO_EVENT_HOST" >> {tmp_path}/told'
    define(tmp_path, notify_script=script(tmp_path, text))
    start()
    number = happen(events)
    until(lambda: lines(tmp_path))
    code, severity, scenario, said, trigger, sequence, host = lines(tmp_path)[0].split("|")
    assert (code, severity, scenario, trigger) == ("ER00205", "error", "files", "lost-connection")
    assert "far" in said
    assert (sequence, host) == (str(number), "host")
    until(lambda: [event.code for event in events.newer_than(number)] == ["IR00500"])
    assert events.newer_than(number)[0].params["purpose"] == "notification"


def test_only_chosen_events_of_the_scenario_are_told(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    program = script(tmp_path, f'echo "$1" >> {tmp_path}/told')
    define(tmp_path, notify_script=program, notify_on="queue-overflow,significant")
    start()
    happen(events, "ER00205", Severity.ERROR)
    happen(events, "IR00120", Severity.INFORMATION)
    events.append("SR00202", Severity.SIGNIFICANT, scenario_id=8, scenario_name="other")
    happen(events, "SR00202", Severity.SIGNIFICANT)
    happen(events, "WR00216", Severity.WARNING)
    until(lambda: len(lines(tmp_path)) == 2)
    assert lines(tmp_path) == ["SR00202", "WR00216"]


def test_a_failing_script_does_not_tell_of_itself_for_ever(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    define(tmp_path, notify_script=script(tmp_path, f"echo x >> {tmp_path}/told; exit 1"))
    start()
    number = happen(events)
    until(lambda: len(events.newer_than(number)) == 1)
    happen(events, "IR00120", Severity.INFORMATION)
    until(lambda: events.delivered("notices") == events.newest())
    assert len(lines(tmp_path)) == 1
    assert events.newer_than(number)[0].code == "ER00501"


def test_a_hanging_script_holds_nothing_up_and_what_is_too_much_is_counted(
    tmp_path: Path, events: EventStore, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MOST", 3)
    gate = tmp_path / "gate"
    text = f'while [ ! -e {gate} ]; do sleep 0.02; done; echo "$ARCXO_EVENT_NUMBER" >> {tmp_path}/told'
    define(tmp_path, notify_script=script(tmp_path, text))
    notifier = start()
    first = happen(events)
    until(lambda: 7 in notifier._queues and notifier._queues[7]._running is not None)
    numbers = [happen(events) for _ in range(10)]
    until(lambda: notifier._read >= numbers[-1])
    assert events.delivered("notices") < first  # type: ignore[operator]
    gate.touch()
    until(lambda: len(lines(tmp_path)) == 4)
    assert [int(line) for line in lines(tmp_path)] == [first, *numbers[-3:]]
    told = [event for event in events.newer_than(numbers[-1]) if event.code == "WR00512"]
    assert [event.params["missed"] for event in told] == ["7"]
    until(lambda: events.delivered("notices") == events.newest())


def test_the_rate_is_bounded(
    tmp_path: Path, events: EventStore, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PER_MINUTE_MOST", 2)
    define(tmp_path, notify_script=script(tmp_path, f"echo x >> {tmp_path}/told"))
    notifier = start()
    for _ in range(5):
        happen(events)
    until(lambda: len(lines(tmp_path)) == 2 and len(notifier._queues[7].waiting) == 3)
    assert notifier._queues[7].pause() > 30


def test_what_happens_while_it_is_down_is_told_afterwards(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    define(tmp_path, notify_script=script(tmp_path, f'echo "$ARCXO_EVENT_NUMBER" >> {tmp_path}/told'))
    happen(events)
    start().close()
    numbers = [happen(events), happen(events)]
    start()
    until(lambda: len(lines(tmp_path)) == 2)
    assert [int(line) for line in lines(tmp_path)] == numbers


def test_one_that_was_cut_short_is_told_again(tmp_path: Path, events: EventStore, start: Start) -> None:
    text = f'echo "$ARCXO_EVENT_NUMBER" >> {tmp_path}/told; [ -e {tmp_path}/gate ] || sleep 600'
    define(tmp_path, notify_script=script(tmp_path, text))
    notifier = start()
    number = happen(events)
    until(lambda: lines(tmp_path))
    notifier.close()
    (tmp_path / "gate").touch()
    start()
    until(lambda: len(lines(tmp_path)) == 2)
    assert [int(line) for line in lines(tmp_path)] == [number, number]


def test_a_replicas_copy_of_the_definition_serves_as_well(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    program = script(tmp_path, f'echo "$1" >> {tmp_path}/told')
    define(tmp_path, "replica/7/definition.xml", notify_script=program)
    start()
    happen(events)
    until(lambda: lines(tmp_path))


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_the_log_of_the_system_gets_a_line_with_the_level(
    tmp_path: Path, events: EventStore, start: Start, kind: socket.SocketKind
) -> None:
    define(tmp_path, notify_os_log=True)
    with socket.socket(socket.AF_UNIX, kind) as log:
        log.settimeout(10)
        log.bind(str(tmp_path / "log"))
        if kind is socket.SOCK_STREAM:
            log.listen()
        start()
        happen(events)
        end = log.accept()[0] if kind is socket.SOCK_STREAM else log
        line = end.recv(4096).decode()
        if end is not log:
            end.close()
    assert line.startswith("<27>")
    assert f"arcxo[{os.getpid()}]: ER00205 files: " in line
    assert "far" in line


def test_a_system_log_that_is_not_there_is_told_once(
    tmp_path: Path, events: EventStore, start: Start
) -> None:
    define(tmp_path, notify_os_log=True)
    start()
    happen(events)
    happen(events)
    until(lambda: events.delivered("notices") == events.newest() and events.newest() >= 3)
    codes = [event.code for event in events.newer_than(0)]
    assert codes.count("WR00511") == 1


def test_of_a_full_system_log_that_is_told_and_not_its_kind(tmp_path: Path, events: EventStore) -> None:
    event = events.append("ER00205", Severity.ERROR, replica="far", cause="c", duration="1 s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        system = OsLog(str(tmp_path / "log"))
        causes = [system.write(event) for _ in range(2_000)]
    assert causes[0] == ""
    assert causes[-1] == os.strerror(errno.EAGAIN)


def test_what_an_event_counts_as() -> None:
    def of(code: str, severity: Severity, **params: str) -> NotifyTrigger | None:
        from datetime import UTC, datetime

        return trigger_of(EventRecord(1, code, severity, datetime.now(UTC), "h", 7, "files", params))

    assert of("ER00205", Severity.ERROR) is NotifyTrigger.LOST_CONNECTION
    assert of("WR00216", Severity.WARNING) is NotifyTrigger.QUEUE_OVERFLOW
    assert of("CR00100", Severity.CRITICAL) is NotifyTrigger.ERROR
    assert of("SR00014", Severity.SIGNIFICANT) is NotifyTrigger.SIGNIFICANT
    assert of("WR00217", Severity.WARNING) is None
    assert of("ER00501", Severity.ERROR, purpose="notification") is None
    assert of("ER00501", Severity.ERROR, purpose="after synchronization") is NotifyTrigger.ERROR


def test_the_list_of_triggers_is_checked() -> None:
    assert parse_triggers("error, lost-connection,,ERROR") == (
        NotifyTrigger.LOST_CONNECTION,
        NotifyTrigger.ERROR,
    )
    assert parse_triggers("") == ()
    with pytest.raises(ValueError, match="significant"):
        parse_triggers("everything")
