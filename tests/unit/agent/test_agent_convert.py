from __future__ import annotations

import filecmp
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgpack
import pytest

from app.agent import api, convert
from app.agent.api import ArchiveOrder, CatalogRow, CatalogRows
from app.agent.convert import from_message, to_message
from app.agent.generated import agent_pb2 as pb
from app.agent.proto.generate import GENERATED, generate
from app.model.entry import EntryKind
from app.model.errors import Problem, UsageError
from app.model.host import CheckResult, HostInfo
from app.model.packed_rows import PackedRows, pack_rows, unpack_rows
from app.model.rewind import PointKind, RewindAction, RewindPlan, RewindPoint
from app.model.scenario import (
    ProductType,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
    SyncProgress,
)

SCENARIO = Scenario(
    id=1224069566,
    name="Dateien é",
    server_type=ServerType.FILE_SERVER,
    product=ProductType.DR,
    master="localhost",
    roots=(Root(b"/data/\xff\xfe"), Root(b"/srv")),
    replicas=(ReplicaSpec("localhost", (b"/r1", b"/r2")),),
)
NOW = datetime(2026, 5, 29, 10, 43, 42, 123457, tzinfo=UTC)
POINT = RewindPoint("p1", PointKind.BOOKMARK, NOW, 77, "localhost", "before", b"/data/\xff")
VALUES = [
    SCENARIO,
    ScenarioStatus(SCENARIO, ScenarioState.STOPPED),
    ScenarioStatus(
        SCENARIO,
        ScenarioState.PROBLEM,
        "disk full",
        NOW,
        (ReplicaStatus("localhost", ReplicaState.BRAKED, lag_seconds=0.0, files=0, sync=SyncProgress()),),
        problems=(Problem("ER1", b"/\xff", {"a": "b"}),),
    ),
    RewindPlan(POINT, {RewindAction.CREATE: 3, RewindAction.DELETE: 0}, (), True, 1 << 50),
    ArchiveOrder("p", "/", "/m", 5, 6, data_key=b""),
    ArchiveOrder("p", "/", "/m", 5, 6, data_key=None),
    CatalogRows((CatalogRow(b"/\xff", EntryKind.FILE, 1, -5, "c", True),), False),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back_equal(value: typing.Any) -> None:
    message = to_message(value, getattr(pb, type(value).__name__))
    again = type(message).FromString(message.SerializeToString())
    assert from_message(again, type(value)) == value


def test_every_message_of_a_dataclass_has_exactly_its_fields() -> None:
    checked = 0
    for name, message in pb.DESCRIPTOR.message_types_by_name.items():
        for module in (api, convert):
            kind = getattr(module, name, None)
            if kind is not None and is_dataclass(kind):
                assert {item.name for item in fields(kind)} == set(message.fields_by_name), name
                checked += 1
    for kind in (Scenario, ScenarioStatus, ReplicaStatus, HostInfo, CheckResult, RewindPlan):
        message = pb.DESCRIPTOR.message_types_by_name[kind.__name__]
        assert {item.name for item in fields(kind)} == set(message.fields_by_name), kind
    assert checked > 8


def test_unknown_words_and_missing_values_are_refused() -> None:
    message = to_message(SCENARIO, pb.Scenario)
    message.server_type = "mainframe"
    with pytest.raises(UsageError):
        from_message(message, Scenario)
    with pytest.raises(UsageError):
        from_message(pb.ScenarioStatus(state="stopped"), ScenarioStatus)


def test_text_that_is_not_unicode_crosses_as_replacement_marks() -> None:
    message = to_message(Problem("E1", b"", {"path": "a\udcffb"}), pb.Problem)
    assert message.params["path"] == "a\ufffdb"


def test_generated_modules_are_those_of_the_proto_file(tmp_path: Path) -> None:
    assert generate(str(tmp_path)) == 0
    names = ["agent_pb2.py", "agent_pb2.pyi", "agent_pb2_grpc.py"]
    assert filecmp.cmpfiles(tmp_path, GENERATED, names, shallow=False) == (names, [], [])


def test_rows_are_sent_in_messages_of_a_bounded_size() -> None:
    row = CatalogRow(b"/" + b"x" * 4000, EntryKind.FILE, 1, 1, "c" * 64)
    rows = CatalogRows((row,) * 10_000, True)
    parts = list(pack_rows(rows))
    assert tuple(one for part in parts for one in unpack_rows(part).rows) == rows.rows
    assert max(to_message(part, pb.PackedRows).ByteSize() for part in parts) < 4 << 20
    assert [unpack_rows(part) for part in pack_rows(CatalogRows((), False))] == [CatalogRows((), False)]


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb([[b"/a"]]),
        msgpack.packb([["/a", "file", 1, 1, "c", False]]),
        msgpack.packb([[b"/a", "nothing", 1, 1, "c", False]]),
        msgpack.packb([[b"/a", "file", -1, 1, "c", False]]),
        msgpack.packb([[b"/a", "file", 1, 1 << 63, "c", False]]),
        msgpack.packb([[b"/a", ["file"], 1, 1, "c", False]]),
        msgpack.packb([[b"/a", "file", 1, True, "c", 1]]),
    ],
)
def test_rows_of_another_shape_are_refused(rows: bytes) -> None:
    with pytest.raises(ValueError, match="catalog rows"):
        unpack_rows(PackedRows(rows, False))
