import multiprocessing
import threading

import pytest

from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.scenario import (
    Filters,
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioProperties,
    ServerType,
    SyncMethod,
)
from app.replication.definition import from_xml, to_xml
from app.replication.events import EventStore

SCENARIO = Scenario(
    id=1224069566,
    name="Déjà <vu> & more",
    server_type=ServerType.FILE_SERVER,
    product=ProductType.DR,
    master="localhost",
    roots=(Root(b"/data/a"), Root(b"/data/\xff\nb")),
    replicas=(ReplicaSpec("localhost", (b"/r/a", "/r/ü".encode())),),
    filters=Filters(("*.c",), ("*.tmp", "\udcff*")),
    properties=ScenarioProperties(sync=SyncMethod.BLOCK, brake_percent=7, assured_recovery=True),
    version=4,
)


def test_a_definition_survives_the_trip_through_xml():
    assert from_xml(to_xml(SCENARIO)) == SCENARIO


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<scenario", b"<scenari"),
        (b'id="1224069566"', b'id="x"'),
        (b'"brake_percent" value="7"', b'"brake_percent" value="-7"'),
        (b'"brake_percent"', b'"unknown"'),
        (b'path="/data/a"', b'path="data/a"'),
        (b'path="/data/a"', b'path="/data/../a"'),
        (b'format="1"', b'format="9"'),
        (b"</scenario>", b""),
        (b"<master", b"<!-- -- --><master"),
    ],
)
def test_a_damaged_definition_is_refused_as_unreadable(old, new):
    xml = to_xml(SCENARIO)
    assert old in xml
    with pytest.raises(ArcxoError) as caught:
        from_xml(xml.replace(old, new))
    assert caught.value.code == "E3370"
    assert caught.value.params["cause"]


@pytest.mark.parametrize("pattern", ["[z-a]", "x" * 2000])
def test_filters_that_cannot_be_used_make_it_unreadable(pattern):
    damaged = to_xml(SCENARIO).replace(b"*.tmp", pattern.encode())
    assert pattern.encode() in damaged
    with pytest.raises(ArcxoError, match="E3370"):
        from_xml(damaged)


def test_entities_are_refused():
    bomb = b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><scenario format="1">&b;</scenario>'
    with pytest.raises(ArcxoError, match="E3370"):
        from_xml(bomb)


def _append(path, count):
    store = EventStore(path, "host")
    for number in range(count):
        store.append("IR00120", Severity.INFORMATION, scenario_id=7, root=number)
    store.close()


def test_events_of_several_processes_and_threads_get_one_sequence(tmp_path):
    path = str(tmp_path / "events.sqlite3")
    store = EventStore(path, "host")
    processes = [multiprocessing.get_context("spawn").Process(target=_append, args=(path, 40)) for _ in "ab"]
    threads = [threading.Thread(target=_append, args=(path, 40)) for _ in "ab"]
    for worker in processes + threads:
        worker.start()
    for worker in processes + threads:
        worker.join()
    events = store.newer_than(0)
    assert [event.sequence for event in events] == list(range(1, 161))
    assert events[0].scenario_id == 7
    assert store.newer_than(158, 1)[0].sequence == 159
    store.close()
