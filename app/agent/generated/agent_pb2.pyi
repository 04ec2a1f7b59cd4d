from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Empty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Time(_message.Message):
    __slots__ = ("microseconds",)
    MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    microseconds: int
    def __init__(self, microseconds: _Optional[int] = ...) -> None: ...

class BytesPair(_message.Message):
    __slots__ = ("first", "second")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    first: bytes
    second: bytes
    def __init__(self, first: _Optional[bytes] = ..., second: _Optional[bytes] = ...) -> None: ...

class ErrorDetail(_message.Message):
    __slots__ = ("code", "exit_code", "params")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    code: str
    exit_code: int
    params: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., exit_code: _Optional[int] = ..., params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LogInRequest(_message.Message):
    __slots__ = ("user", "password", "protocol_oldest", "protocol")
    USER_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_OLDEST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    user: str
    password: str
    protocol_oldest: int
    protocol: int
    def __init__(self, user: _Optional[str] = ..., password: _Optional[str] = ..., protocol_oldest: _Optional[int] = ..., protocol: _Optional[int] = ...) -> None: ...

class LogInReply(_message.Message):
    __slots__ = ("token", "seconds", "protocol_oldest", "protocol", "version", "role", "knows")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_OLDEST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    KNOWS_FIELD_NUMBER: _ClassVar[int]
    token: str
    seconds: int
    protocol_oldest: int
    protocol: int
    version: str
    role: str
    knows: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, token: _Optional[str] = ..., seconds: _Optional[int] = ..., protocol_oldest: _Optional[int] = ..., protocol: _Optional[int] = ..., version: _Optional[str] = ..., role: _Optional[str] = ..., knows: _Optional[_Iterable[str]] = ...) -> None: ...

class PathRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    def __init__(self, path: _Optional[bytes] = ...) -> None: ...

class DirectoryEntries(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[DirectoryEntry]
    def __init__(self, items: _Optional[_Iterable[_Union[DirectoryEntry, _Mapping]]] = ...) -> None: ...

class CheckResults(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[CheckResult]
    def __init__(self, items: _Optional[_Iterable[_Union[CheckResult, _Mapping]]] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("xml",)
    XML_FIELD_NUMBER: _ClassVar[int]
    xml: bytes
    def __init__(self, xml: _Optional[bytes] = ...) -> None: ...

class ScenarioRequest(_message.Message):
    __slots__ = ("scenario_id",)
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    def __init__(self, scenario_id: _Optional[int] = ...) -> None: ...

class ListScenariosRequest(_message.Message):
    __slots__ = ("tag",)
    TAG_FIELD_NUMBER: _ClassVar[int]
    tag: bytes
    def __init__(self, tag: _Optional[bytes] = ...) -> None: ...

class ScenarioStatuses(_message.Message):
    __slots__ = ("items", "tag", "unchanged")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ScenarioStatus]
    tag: bytes
    unchanged: bool
    def __init__(self, items: _Optional[_Iterable[_Union[ScenarioStatus, _Mapping]]] = ..., tag: _Optional[bytes] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("scenario_id", "sync")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    sync: str
    def __init__(self, scenario_id: _Optional[int] = ..., sync: _Optional[str] = ...) -> None: ...

class ReplicaRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "until")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    until: Time
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., until: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class BookmarkRequest(_message.Message):
    __slots__ = ("scenario_id", "text", "kind")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    text: str
    kind: str
    def __init__(self, scenario_id: _Optional[int] = ..., text: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class BarrierRequest(_message.Message):
    __slots__ = ("scenario_id", "timeout_s")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    timeout_s: float
    def __init__(self, scenario_id: _Optional[int] = ..., timeout_s: _Optional[float] = ...) -> None: ...

class BrakeRequest(_message.Message):
    __slots__ = ("scenario_id", "path", "limit")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    path: bytes
    limit: int
    def __init__(self, scenario_id: _Optional[int] = ..., path: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class BrakeItem(_message.Message):
    __slots__ = ("path", "change", "kind", "size_bytes", "decision")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    change: str
    kind: str
    size_bytes: int
    decision: str
    def __init__(self, path: _Optional[bytes] = ..., change: _Optional[str] = ..., kind: _Optional[str] = ..., size_bytes: _Optional[int] = ..., decision: _Optional[str] = ...) -> None: ...

class BrakeReview(_message.Message):
    __slots__ = ("braked", "code", "reason", "since", "root_lost", "counts", "size_bytes", "items", "truncated", "limit_files", "usual_per_minute", "point_id")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    BRAKED_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ROOT_LOST_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FILES_FIELD_NUMBER: _ClassVar[int]
    USUAL_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    braked: bool
    code: str
    reason: str
    since: Time
    root_lost: bool
    counts: _containers.ScalarMap[str, int]
    size_bytes: int
    items: _containers.RepeatedCompositeFieldContainer[BrakeItem]
    truncated: bool
    limit_files: int
    usual_per_minute: float
    point_id: str
    def __init__(self, braked: _Optional[bool] = ..., code: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[Time, _Mapping]] = ..., root_lost: _Optional[bool] = ..., counts: _Optional[_Mapping[str, int]] = ..., size_bytes: _Optional[int] = ..., items: _Optional[_Iterable[_Union[BrakeItem, _Mapping]]] = ..., truncated: _Optional[bool] = ..., limit_files: _Optional[int] = ..., usual_per_minute: _Optional[float] = ..., point_id: _Optional[str] = ...) -> None: ...

class BrakeResult(_message.Message):
    __slots__ = ("decided", "left", "lifted", "restored", "restored_bytes", "kept_aside", "problems")
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FIELD_NUMBER: _ClassVar[int]
    RESTORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    KEPT_ASIDE_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    decided: int
    left: int
    lifted: bool
    restored: int
    restored_bytes: int
    kept_aside: int
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, decided: _Optional[int] = ..., left: _Optional[int] = ..., lifted: _Optional[bool] = ..., restored: _Optional[int] = ..., restored_bytes: _Optional[int] = ..., kept_aside: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class KeptReplica(_message.Message):
    __slots__ = ("scenario_id", "scenario", "replica", "paths", "rewind_bytes", "rewind_oldest_at", "kept_edits", "kept_bytes", "backup_points", "in_use")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    REWIND_BYTES_FIELD_NUMBER: _ClassVar[int]
    REWIND_OLDEST_AT_FIELD_NUMBER: _ClassVar[int]
    KEPT_EDITS_FIELD_NUMBER: _ClassVar[int]
    KEPT_BYTES_FIELD_NUMBER: _ClassVar[int]
    BACKUP_POINTS_FIELD_NUMBER: _ClassVar[int]
    IN_USE_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    scenario: str
    replica: str
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    rewind_bytes: int
    rewind_oldest_at: Time
    kept_edits: int
    kept_bytes: int
    backup_points: int
    in_use: bool
    def __init__(self, scenario_id: _Optional[int] = ..., scenario: _Optional[str] = ..., replica: _Optional[str] = ..., paths: _Optional[_Iterable[bytes]] = ..., rewind_bytes: _Optional[int] = ..., rewind_oldest_at: _Optional[_Union[Time, _Mapping]] = ..., kept_edits: _Optional[int] = ..., kept_bytes: _Optional[int] = ..., backup_points: _Optional[int] = ..., in_use: _Optional[bool] = ...) -> None: ...

class KeptReplicas(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[KeptReplica]
    def __init__(self, items: _Optional[_Iterable[_Union[KeptReplica, _Mapping]]] = ...) -> None: ...

class DriftRequest(_message.Message):
    __slots__ = ("scenario_id", "limit")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    limit: int
    def __init__(self, scenario_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class DriftItem(_message.Message):
    __slots__ = ("path", "kind", "found_at", "changed_at", "size_bytes", "other", "beneath", "reverting")
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FOUND_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    BENEATH_FIELD_NUMBER: _ClassVar[int]
    REVERTING_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    kind: str
    found_at: Time
    changed_at: Time
    size_bytes: int
    other: bytes
    beneath: int
    reverting: bool
    def __init__(self, path: _Optional[bytes] = ..., kind: _Optional[str] = ..., found_at: _Optional[_Union[Time, _Mapping]] = ..., changed_at: _Optional[_Union[Time, _Mapping]] = ..., size_bytes: _Optional[int] = ..., other: _Optional[bytes] = ..., beneath: _Optional[int] = ..., reverting: _Optional[bool] = ...) -> None: ...

class KeptEdit(_message.Message):
    __slots__ = ("path", "kind", "kept_path", "kept_at", "until")
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEPT_PATH_FIELD_NUMBER: _ClassVar[int]
    KEPT_AT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    kind: str
    kept_path: bytes
    kept_at: Time
    until: Time
    def __init__(self, path: _Optional[bytes] = ..., kind: _Optional[str] = ..., kept_path: _Optional[bytes] = ..., kept_at: _Optional[_Union[Time, _Mapping]] = ..., until: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class DriftReport(_message.Message):
    __slots__ = ("replica", "handling", "count", "items", "truncated", "kept", "checked_at", "watched")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    HANDLING_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
    WATCHED_FIELD_NUMBER: _ClassVar[int]
    replica: str
    handling: str
    count: int
    items: _containers.RepeatedCompositeFieldContainer[DriftItem]
    truncated: bool
    kept: _containers.RepeatedCompositeFieldContainer[KeptEdit]
    checked_at: Time
    watched: bool
    def __init__(self, replica: _Optional[str] = ..., handling: _Optional[str] = ..., count: _Optional[int] = ..., items: _Optional[_Iterable[_Union[DriftItem, _Mapping]]] = ..., truncated: _Optional[bool] = ..., kept: _Optional[_Iterable[_Union[KeptEdit, _Mapping]]] = ..., checked_at: _Optional[_Union[Time, _Mapping]] = ..., watched: _Optional[bool] = ...) -> None: ...

class CompareRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "content", "limit")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    content: bool
    limit: int
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., content: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class ComparisonProgress(_message.Message):
    __slots__ = ("entries", "content_bytes")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    entries: int
    content_bytes: int
    def __init__(self, entries: _Optional[int] = ..., content_bytes: _Optional[int] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("scenario_id", "report_id", "limit")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    report_id: str
    limit: int
    def __init__(self, scenario_id: _Optional[int] = ..., report_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ReportItem(_message.Message):
    __slots__ = ("path", "change", "kind", "size_bytes", "replica_size_bytes", "in_flight")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REPLICA_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    change: str
    kind: str
    size_bytes: int
    replica_size_bytes: int
    in_flight: bool
    def __init__(self, path: _Optional[bytes] = ..., change: _Optional[str] = ..., kind: _Optional[str] = ..., size_bytes: _Optional[int] = ..., replica_size_bytes: _Optional[int] = ..., in_flight: _Optional[bool] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("id", "kind", "scenario_id", "scenario", "replica", "began_at", "created_at", "figures", "roots", "items", "item_count", "truncated", "file", "note")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    BEGAN_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    scenario_id: int
    scenario: str
    replica: str
    began_at: Time
    created_at: Time
    figures: _containers.ScalarMap[str, int]
    roots: _containers.RepeatedCompositeFieldContainer[RootStatistics]
    items: _containers.RepeatedCompositeFieldContainer[ReportItem]
    item_count: int
    truncated: bool
    file: str
    note: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., scenario_id: _Optional[int] = ..., scenario: _Optional[str] = ..., replica: _Optional[str] = ..., began_at: _Optional[_Union[Time, _Mapping]] = ..., created_at: _Optional[_Union[Time, _Mapping]] = ..., figures: _Optional[_Mapping[str, int]] = ..., roots: _Optional[_Iterable[_Union[RootStatistics, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[ReportItem, _Mapping]]] = ..., item_count: _Optional[int] = ..., truncated: _Optional[bool] = ..., file: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class Reports(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, items: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class EventsRequest(_message.Message):
    __slots__ = ("newer_than", "limit")
    NEWER_THAN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    newer_than: int
    limit: int
    def __init__(self, newer_than: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class EventRecords(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[EventRecord]
    def __init__(self, items: _Optional[_Iterable[_Union[EventRecord, _Mapping]]] = ...) -> None: ...

class RewindPointsRequest(_message.Message):
    __slots__ = ("scenario_id", "kinds", "path", "limit", "since", "until", "after")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    kinds: _containers.RepeatedScalarFieldContainer[str]
    path: bytes
    limit: int
    since: Time
    until: Time
    after: str
    def __init__(self, scenario_id: _Optional[int] = ..., kinds: _Optional[_Iterable[str]] = ..., path: _Optional[bytes] = ..., limit: _Optional[int] = ..., since: _Optional[_Union[Time, _Mapping]] = ..., until: _Optional[_Union[Time, _Mapping]] = ..., after: _Optional[str] = ...) -> None: ...

class RewindPoints(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[RewindPoint]
    def __init__(self, items: _Optional[_Iterable[_Union[RewindPoint, _Mapping]]] = ...) -> None: ...

class PathStatesRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "path", "limit")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    path: bytes
    limit: int
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., path: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class PathStatus(_message.Message):
    __slots__ = ("name", "kind", "size_bytes", "state", "reason", "gone", "beneath")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    BENEATH_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    kind: str
    size_bytes: int
    state: str
    reason: str
    gone: bool
    beneath: int
    def __init__(self, name: _Optional[bytes] = ..., kind: _Optional[str] = ..., size_bytes: _Optional[int] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., gone: _Optional[bool] = ..., beneath: _Optional[int] = ...) -> None: ...

class DirectoryStates(_message.Message):
    __slots__ = ("replica", "entries", "truncated")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    replica: str
    entries: _containers.RepeatedCompositeFieldContainer[PathStatus]
    truncated: bool
    def __init__(self, replica: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[PathStatus, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class RewindDensityRequest(_message.Message):
    __slots__ = ("scenario_id", "path", "since", "until", "parts")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    path: bytes
    since: Time
    until: Time
    parts: int
    def __init__(self, scenario_id: _Optional[int] = ..., path: _Optional[bytes] = ..., since: _Optional[_Union[Time, _Mapping]] = ..., until: _Optional[_Union[Time, _Mapping]] = ..., parts: _Optional[int] = ...) -> None: ...

class RewindDensity(_message.Message):
    __slots__ = ("since", "until", "counts", "oldest")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    since: Time
    until: Time
    counts: _containers.RepeatedScalarFieldContainer[int]
    oldest: Time
    def __init__(self, since: _Optional[_Union[Time, _Mapping]] = ..., until: _Optional[_Union[Time, _Mapping]] = ..., counts: _Optional[_Iterable[int]] = ..., oldest: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class RewindRequest(_message.Message):
    __slots__ = ("scenario_id", "point_id", "paths")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    point_id: str
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, scenario_id: _Optional[int] = ..., point_id: _Optional[str] = ..., paths: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ReplicateBackRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "paths", "plan_only", "point_id")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    plan_only: bool
    point_id: str
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., paths: _Optional[_Iterable[bytes]] = ..., plan_only: _Optional[bool] = ..., point_id: _Optional[str] = ...) -> None: ...

class BeginBackupRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "job_id", "fence")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    job_id: int
    fence: int
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., job_id: _Optional[int] = ..., fence: _Optional[int] = ...) -> None: ...

class BeginSourceRequest(_message.Message):
    __slots__ = ("source", "job_id", "fence")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    source: DirectSource
    job_id: int
    fence: int
    def __init__(self, source: _Optional[_Union[DirectSource, _Mapping]] = ..., job_id: _Optional[int] = ..., fence: _Optional[int] = ...) -> None: ...

class DirectSource(_message.Message):
    __slots__ = ("host", "path", "cross_file_systems")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CROSS_FILE_SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    host: str
    path: bytes
    cross_file_systems: bool
    def __init__(self, host: _Optional[str] = ..., path: _Optional[bytes] = ..., cross_file_systems: _Optional[bool] = ...) -> None: ...

class SourcePoint(_message.Message):
    __slots__ = ("id", "machine", "path", "taken_at", "consistency", "provider")
    ID_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    id: str
    machine: str
    path: bytes
    taken_at: Time
    consistency: str
    provider: str
    def __init__(self, id: _Optional[str] = ..., machine: _Optional[str] = ..., path: _Optional[bytes] = ..., taken_at: _Optional[_Union[Time, _Mapping]] = ..., consistency: _Optional[str] = ..., provider: _Optional[str] = ...) -> None: ...

class EndBackupRequest(_message.Message):
    __slots__ = ("point_id", "keep")
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    point_id: str
    keep: bool
    def __init__(self, point_id: _Optional[str] = ..., keep: _Optional[bool] = ...) -> None: ...

class RenewBackupRequest(_message.Message):
    __slots__ = ("point_id",)
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    point_id: str
    def __init__(self, point_id: _Optional[str] = ...) -> None: ...

class ArchiveEvent(_message.Message):
    __slots__ = ("progress", "problem", "rows", "result", "packed")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    problem: Problem
    rows: CatalogRows
    result: ArchiveResult
    packed: PackedRows
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., rows: _Optional[_Union[CatalogRows, _Mapping]] = ..., result: _Optional[_Union[ArchiveResult, _Mapping]] = ..., packed: _Optional[_Union[PackedRows, _Mapping]] = ...) -> None: ...

class RestoreEvent(_message.Message):
    __slots__ = ("progress", "problem", "result", "items", "undo_items", "plan", "undo")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    UNDO_ITEMS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    problem: Problem
    result: RestoreResult
    items: RestoreItems
    undo_items: UndoItems
    plan: RestorePlan
    undo: UndoResult
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., result: _Optional[_Union[RestoreResult, _Mapping]] = ..., items: _Optional[_Union[RestoreItems, _Mapping]] = ..., undo_items: _Optional[_Union[UndoItems, _Mapping]] = ..., plan: _Optional[_Union[RestorePlan, _Mapping]] = ..., undo: _Optional[_Union[UndoResult, _Mapping]] = ...) -> None: ...

class KeptRestores(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[KeptRestore]
    def __init__(self, items: _Optional[_Iterable[_Union[KeptRestore, _Mapping]]] = ...) -> None: ...

class PendingReplacements(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[PendingReplacement]
    def __init__(self, items: _Optional[_Iterable[_Union[PendingReplacement, _Mapping]]] = ...) -> None: ...

class FarOrder(_message.Message):
    __slots__ = ("archive", "restore", "answer")
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    archive: ArchiveOrder
    restore: RestoreOrder
    answer: MediaAnswer
    def __init__(self, archive: _Optional[_Union[ArchiveOrder, _Mapping]] = ..., restore: _Optional[_Union[RestoreOrder, _Mapping]] = ..., answer: _Optional[_Union[MediaAnswer, _Mapping]] = ...) -> None: ...

class FarEvent(_message.Message):
    __slots__ = ("archive", "restore", "media")
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    archive: ArchiveEvent
    restore: RestoreEvent
    media: MediaRequest
    def __init__(self, archive: _Optional[_Union[ArchiveEvent, _Mapping]] = ..., restore: _Optional[_Union[RestoreEvent, _Mapping]] = ..., media: _Optional[_Union[MediaRequest, _Mapping]] = ...) -> None: ...

class MediaRequest(_message.Message):
    __slots__ = ("number", "media", "operation", "name", "offset", "length", "upload", "data")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    number: int
    media: str
    operation: str
    name: str
    offset: int
    length: int
    upload: int
    data: bytes
    def __init__(self, number: _Optional[int] = ..., media: _Optional[str] = ..., operation: _Optional[str] = ..., name: _Optional[str] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ..., upload: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class MediaName(_message.Message):
    __slots__ = ("name", "size_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class MediaAnswer(_message.Message):
    __slots__ = ("number", "value", "data", "names", "error")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    number: int
    value: int
    data: bytes
    names: _containers.RepeatedCompositeFieldContainer[MediaName]
    error: ErrorDetail
    def __init__(self, number: _Optional[int] = ..., value: _Optional[int] = ..., data: _Optional[bytes] = ..., names: _Optional[_Iterable[_Union[MediaName, _Mapping]]] = ..., error: _Optional[_Union[ErrorDetail, _Mapping]] = ...) -> None: ...

class OpenStreamRequest(_message.Message):
    __slots__ = ("scenario_id", "replica")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ...) -> None: ...

class OpenStreamReply(_message.Message):
    __slots__ = ("data_address", "token")
    DATA_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    data_address: str
    token: str
    def __init__(self, data_address: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class NameRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CheckRootsRequest(_message.Message):
    __slots__ = ("paths", "scenario_id")
    PATHS_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    scenario_id: int
    def __init__(self, paths: _Optional[_Iterable[bytes]] = ..., scenario_id: _Optional[int] = ...) -> None: ...

class PreflightRequest(_message.Message):
    __slots__ = ("paths",)
    PATHS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, paths: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AdmitRequest(_message.Message):
    __slots__ = ("definition_xml", "replica", "master_certificate")
    DEFINITION_XML_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    MASTER_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    definition_xml: bytes
    replica: str
    master_certificate: bytes
    def __init__(self, definition_xml: _Optional[bytes] = ..., replica: _Optional[str] = ..., master_certificate: _Optional[bytes] = ...) -> None: ...

class Admission(_message.Message):
    __slots__ = ("key", "certificate")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    key: str
    certificate: bytes
    def __init__(self, key: _Optional[str] = ..., certificate: _Optional[bytes] = ...) -> None: ...

class Peer(_message.Message):
    __slots__ = ("scenario_id", "replica", "address", "certificate", "key")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    address: str
    certificate: bytes
    key: str
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., address: _Optional[str] = ..., certificate: _Optional[bytes] = ..., key: _Optional[str] = ...) -> None: ...

class Peers(_message.Message):
    __slots__ = ("items", "certificate")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Peer]
    certificate: bytes
    def __init__(self, items: _Optional[_Iterable[_Union[Peer, _Mapping]]] = ..., certificate: _Optional[bytes] = ...) -> None: ...

class ScenarioStreamRequest(_message.Message):
    __slots__ = ("scenario_id", "replica", "key", "definition_xml", "signature", "protocol_oldest", "protocol")
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_XML_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_OLDEST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    scenario_id: int
    replica: str
    key: str
    definition_xml: bytes
    signature: bytes
    protocol_oldest: int
    protocol: int
    def __init__(self, scenario_id: _Optional[int] = ..., replica: _Optional[str] = ..., key: _Optional[str] = ..., definition_xml: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., protocol_oldest: _Optional[int] = ..., protocol: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("data", "part")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    part: int
    def __init__(self, data: _Optional[bytes] = ..., part: _Optional[int] = ...) -> None: ...

class HostInfo(_message.Message):
    __slots__ = ("host_name", "version", "system", "home_id", "started_at", "time", "fingerprint", "roles_running", "protocol_oldest", "protocol", "knows")
    HOST_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    ROLES_RUNNING_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_OLDEST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    KNOWS_FIELD_NUMBER: _ClassVar[int]
    host_name: str
    version: str
    system: str
    home_id: str
    started_at: Time
    time: Time
    fingerprint: str
    roles_running: _containers.RepeatedScalarFieldContainer[str]
    protocol_oldest: int
    protocol: int
    knows: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, host_name: _Optional[str] = ..., version: _Optional[str] = ..., system: _Optional[str] = ..., home_id: _Optional[str] = ..., started_at: _Optional[_Union[Time, _Mapping]] = ..., time: _Optional[_Union[Time, _Mapping]] = ..., fingerprint: _Optional[str] = ..., roles_running: _Optional[_Iterable[str]] = ..., protocol_oldest: _Optional[int] = ..., protocol: _Optional[int] = ..., knows: _Optional[_Iterable[str]] = ...) -> None: ...

class DirectoryEntry(_message.Message):
    __slots__ = ("name", "kind", "size_bytes", "modified_ns", "readable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_NS_FIELD_NUMBER: _ClassVar[int]
    READABLE_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    kind: str
    size_bytes: int
    modified_ns: int
    readable: bool
    def __init__(self, name: _Optional[bytes] = ..., kind: _Optional[str] = ..., size_bytes: _Optional[int] = ..., modified_ns: _Optional[int] = ..., readable: _Optional[bool] = ...) -> None: ...

class CheckResult(_message.Message):
    __slots__ = ("subject", "outcome", "code", "params", "fix")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    FIX_FIELD_NUMBER: _ClassVar[int]
    subject: str
    outcome: str
    code: str
    params: _containers.ScalarMap[str, str]
    fix: str
    def __init__(self, subject: _Optional[str] = ..., outcome: _Optional[str] = ..., code: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., fix: _Optional[str] = ...) -> None: ...

class Override(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ReplicaSpec(_message.Message):
    __slots__ = ("host", "paths", "overrides")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    host: str
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    overrides: _containers.RepeatedCompositeFieldContainer[Override]
    def __init__(self, host: _Optional[str] = ..., paths: _Optional[_Iterable[bytes]] = ..., overrides: _Optional[_Iterable[_Union[Override, _Mapping]]] = ...) -> None: ...

class Root(_message.Message):
    __slots__ = ("master_path",)
    MASTER_PATH_FIELD_NUMBER: _ClassVar[int]
    master_path: bytes
    def __init__(self, master_path: _Optional[bytes] = ...) -> None: ...

class FilterPreviewRequest(_message.Message):
    __slots__ = ("roots", "filters", "examples", "seconds")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedScalarFieldContainer[bytes]
    filters: Filters
    examples: int
    seconds: float
    def __init__(self, roots: _Optional[_Iterable[bytes]] = ..., filters: _Optional[_Union[Filters, _Mapping]] = ..., examples: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class FilterExample(_message.Message):
    __slots__ = ("path", "pattern", "directory", "size_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    pattern: str
    directory: bool
    size_bytes: int
    def __init__(self, path: _Optional[bytes] = ..., pattern: _Optional[str] = ..., directory: _Optional[bool] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class PatternUse(_message.Message):
    __slots__ = ("pattern", "excludes", "entries", "size_bytes")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    excludes: bool
    entries: int
    size_bytes: int
    def __init__(self, pattern: _Optional[str] = ..., excludes: _Optional[bool] = ..., entries: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class FilterPreview(_message.Message):
    __slots__ = ("complete", "seconds", "included_files", "included_directories", "included_bytes", "excluded_files", "excluded_directories", "excluded_bytes", "included", "excluded", "patterns", "problems", "mounts")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDED_FILES_FIELD_NUMBER: _ClassVar[int]
    INCLUDED_DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    INCLUDED_BYTES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FILES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_BYTES_FIELD_NUMBER: _ClassVar[int]
    INCLUDED_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    MOUNTS_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    seconds: float
    included_files: int
    included_directories: int
    included_bytes: int
    excluded_files: int
    excluded_directories: int
    excluded_bytes: int
    included: _containers.RepeatedCompositeFieldContainer[FilterExample]
    excluded: _containers.RepeatedCompositeFieldContainer[FilterExample]
    patterns: _containers.RepeatedCompositeFieldContainer[PatternUse]
    problems: int
    mounts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, complete: _Optional[bool] = ..., seconds: _Optional[float] = ..., included_files: _Optional[int] = ..., included_directories: _Optional[int] = ..., included_bytes: _Optional[int] = ..., excluded_files: _Optional[int] = ..., excluded_directories: _Optional[int] = ..., excluded_bytes: _Optional[int] = ..., included: _Optional[_Iterable[_Union[FilterExample, _Mapping]]] = ..., excluded: _Optional[_Iterable[_Union[FilterExample, _Mapping]]] = ..., patterns: _Optional[_Iterable[_Union[PatternUse, _Mapping]]] = ..., problems: _Optional[int] = ..., mounts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Filters(_message.Message):
    __slots__ = ("include", "exclude")
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    include: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, include: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[str]] = ...) -> None: ...

class ScenarioProperties(_message.Message):
    __slots__ = ("sync", "ignore_same_size_time", "run_after_reboot", "assured_recovery", "suspend_enabled", "rewind_enabled", "rewind_minutes", "rewind_mb", "spool_max_mb", "spool_min_free_mb", "spool_threshold_percent", "brake_percent", "sweep_minutes", "timeout_seconds", "keep_deleted_during_sync", "snapshots_to_keep", "block_whole_file_percent", "keep_deleted_during_replication", "audit_minutes", "drift", "compress_transfer", "bandwidth", "stop_if_spool_full", "spool_directory", "bookmark_minutes", "script_before_sync", "script_after_sync", "replica_script_before_sync", "replica_script_after_sync", "trigger_file", "script_on_trigger", "script_timeout_seconds", "notify_script", "notify_os_log", "notify_on")
    SYNC_FIELD_NUMBER: _ClassVar[int]
    IGNORE_SAME_SIZE_TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_AFTER_REBOOT_FIELD_NUMBER: _ClassVar[int]
    ASSURED_RECOVERY_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_ENABLED_FIELD_NUMBER: _ClassVar[int]
    REWIND_ENABLED_FIELD_NUMBER: _ClassVar[int]
    REWIND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    REWIND_MB_FIELD_NUMBER: _ClassVar[int]
    SPOOL_MAX_MB_FIELD_NUMBER: _ClassVar[int]
    SPOOL_MIN_FREE_MB_FIELD_NUMBER: _ClassVar[int]
    SPOOL_THRESHOLD_PERCENT_FIELD_NUMBER: _ClassVar[int]
    BRAKE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    SWEEP_MINUTES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    KEEP_DELETED_DURING_SYNC_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOTS_TO_KEEP_FIELD_NUMBER: _ClassVar[int]
    BLOCK_WHOLE_FILE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    KEEP_DELETED_DURING_REPLICATION_FIELD_NUMBER: _ClassVar[int]
    AUDIT_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    COMPRESS_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_FIELD_NUMBER: _ClassVar[int]
    STOP_IF_SPOOL_FULL_FIELD_NUMBER: _ClassVar[int]
    SPOOL_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    BOOKMARK_MINUTES_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_BEFORE_SYNC_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_AFTER_SYNC_FIELD_NUMBER: _ClassVar[int]
    REPLICA_SCRIPT_BEFORE_SYNC_FIELD_NUMBER: _ClassVar[int]
    REPLICA_SCRIPT_AFTER_SYNC_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FILE_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_ON_TRIGGER_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_SCRIPT_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_OS_LOG_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_ON_FIELD_NUMBER: _ClassVar[int]
    sync: str
    ignore_same_size_time: bool
    run_after_reboot: bool
    assured_recovery: bool
    suspend_enabled: bool
    rewind_enabled: bool
    rewind_minutes: int
    rewind_mb: int
    spool_max_mb: int
    spool_min_free_mb: int
    spool_threshold_percent: int
    brake_percent: int
    sweep_minutes: int
    timeout_seconds: int
    keep_deleted_during_sync: bool
    snapshots_to_keep: int
    block_whole_file_percent: int
    keep_deleted_during_replication: bool
    audit_minutes: int
    drift: str
    compress_transfer: bool
    bandwidth: str
    stop_if_spool_full: bool
    spool_directory: str
    bookmark_minutes: int
    script_before_sync: str
    script_after_sync: str
    replica_script_before_sync: str
    replica_script_after_sync: str
    trigger_file: str
    script_on_trigger: str
    script_timeout_seconds: int
    notify_script: str
    notify_os_log: bool
    notify_on: str
    def __init__(self, sync: _Optional[str] = ..., ignore_same_size_time: _Optional[bool] = ..., run_after_reboot: _Optional[bool] = ..., assured_recovery: _Optional[bool] = ..., suspend_enabled: _Optional[bool] = ..., rewind_enabled: _Optional[bool] = ..., rewind_minutes: _Optional[int] = ..., rewind_mb: _Optional[int] = ..., spool_max_mb: _Optional[int] = ..., spool_min_free_mb: _Optional[int] = ..., spool_threshold_percent: _Optional[int] = ..., brake_percent: _Optional[int] = ..., sweep_minutes: _Optional[int] = ..., timeout_seconds: _Optional[int] = ..., keep_deleted_during_sync: _Optional[bool] = ..., snapshots_to_keep: _Optional[int] = ..., block_whole_file_percent: _Optional[int] = ..., keep_deleted_during_replication: _Optional[bool] = ..., audit_minutes: _Optional[int] = ..., drift: _Optional[str] = ..., compress_transfer: _Optional[bool] = ..., bandwidth: _Optional[str] = ..., stop_if_spool_full: _Optional[bool] = ..., spool_directory: _Optional[str] = ..., bookmark_minutes: _Optional[int] = ..., script_before_sync: _Optional[str] = ..., script_after_sync: _Optional[str] = ..., replica_script_before_sync: _Optional[str] = ..., replica_script_after_sync: _Optional[str] = ..., trigger_file: _Optional[str] = ..., script_on_trigger: _Optional[str] = ..., script_timeout_seconds: _Optional[int] = ..., notify_script: _Optional[str] = ..., notify_os_log: _Optional[bool] = ..., notify_on: _Optional[str] = ...) -> None: ...

class NewScenario(_message.Message):
    __slots__ = ("name", "master", "replicas", "roots", "server_type", "product", "group", "filters", "properties")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    SERVER_TYPE_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    master: str
    replicas: _containers.RepeatedCompositeFieldContainer[ReplicaSpec]
    roots: _containers.RepeatedCompositeFieldContainer[Root]
    server_type: str
    product: str
    group: str
    filters: Filters
    properties: ScenarioProperties
    def __init__(self, name: _Optional[str] = ..., master: _Optional[str] = ..., replicas: _Optional[_Iterable[_Union[ReplicaSpec, _Mapping]]] = ..., roots: _Optional[_Iterable[_Union[Root, _Mapping]]] = ..., server_type: _Optional[str] = ..., product: _Optional[str] = ..., group: _Optional[str] = ..., filters: _Optional[_Union[Filters, _Mapping]] = ..., properties: _Optional[_Union[ScenarioProperties, _Mapping]] = ...) -> None: ...

class Scenario(_message.Message):
    __slots__ = ("id", "name", "server_type", "product", "master", "roots", "replicas", "group", "filters", "properties", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVER_TYPE_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    server_type: str
    product: str
    master: str
    roots: _containers.RepeatedCompositeFieldContainer[Root]
    replicas: _containers.RepeatedCompositeFieldContainer[ReplicaSpec]
    group: str
    filters: Filters
    properties: ScenarioProperties
    version: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., server_type: _Optional[str] = ..., product: _Optional[str] = ..., master: _Optional[str] = ..., roots: _Optional[_Iterable[_Union[Root, _Mapping]]] = ..., replicas: _Optional[_Iterable[_Union[ReplicaSpec, _Mapping]]] = ..., group: _Optional[str] = ..., filters: _Optional[_Union[Filters, _Mapping]] = ..., properties: _Optional[_Union[ScenarioProperties, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class SyncProgress(_message.Message):
    __slots__ = ("files_compared", "files_total", "files_sent", "sent_bytes", "current_path", "started_at", "bytes_compared", "bytes_total", "file_bytes_done", "file_bytes_total", "eta_low_seconds", "eta_high_seconds")
    FILES_COMPARED_FIELD_NUMBER: _ClassVar[int]
    FILES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILES_SENT_FIELD_NUMBER: _ClassVar[int]
    SENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CURRENT_PATH_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    BYTES_COMPARED_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_DONE_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ETA_LOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ETA_HIGH_SECONDS_FIELD_NUMBER: _ClassVar[int]
    files_compared: int
    files_total: int
    files_sent: int
    sent_bytes: int
    current_path: bytes
    started_at: Time
    bytes_compared: int
    bytes_total: int
    file_bytes_done: int
    file_bytes_total: int
    eta_low_seconds: float
    eta_high_seconds: float
    def __init__(self, files_compared: _Optional[int] = ..., files_total: _Optional[int] = ..., files_sent: _Optional[int] = ..., sent_bytes: _Optional[int] = ..., current_path: _Optional[bytes] = ..., started_at: _Optional[_Union[Time, _Mapping]] = ..., bytes_compared: _Optional[int] = ..., bytes_total: _Optional[int] = ..., file_bytes_done: _Optional[int] = ..., file_bytes_total: _Optional[int] = ..., eta_low_seconds: _Optional[float] = ..., eta_high_seconds: _Optional[float] = ...) -> None: ...

class ReplicaStatus(_message.Message):
    __slots__ = ("host", "state", "reason", "lag_seconds", "spool_bytes", "waiting_operations", "synchronized_bytes", "changed_bytes", "files", "applied_operations", "in_sync_at", "sync", "rewind_oldest_at", "rewind_bytes", "waiting_bytes", "waiting", "sent_bytes", "uncompressed_bytes", "drifted", "restored_at", "suspended_until")
    HOST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LAG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SPOOL_BYTES_FIELD_NUMBER: _ClassVar[int]
    WAITING_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    SYNCHRONIZED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    APPLIED_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    IN_SYNC_AT_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    REWIND_OLDEST_AT_FIELD_NUMBER: _ClassVar[int]
    REWIND_BYTES_FIELD_NUMBER: _ClassVar[int]
    WAITING_BYTES_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    SENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    UNCOMPRESSED_BYTES_FIELD_NUMBER: _ClassVar[int]
    DRIFTED_FIELD_NUMBER: _ClassVar[int]
    RESTORED_AT_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    host: str
    state: str
    reason: str
    lag_seconds: float
    spool_bytes: int
    waiting_operations: int
    synchronized_bytes: int
    changed_bytes: int
    files: int
    applied_operations: int
    in_sync_at: Time
    sync: SyncProgress
    rewind_oldest_at: Time
    rewind_bytes: int
    waiting_bytes: int
    waiting: str
    sent_bytes: int
    uncompressed_bytes: int
    drifted: int
    restored_at: Time
    suspended_until: Time
    def __init__(self, host: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., lag_seconds: _Optional[float] = ..., spool_bytes: _Optional[int] = ..., waiting_operations: _Optional[int] = ..., synchronized_bytes: _Optional[int] = ..., changed_bytes: _Optional[int] = ..., files: _Optional[int] = ..., applied_operations: _Optional[int] = ..., in_sync_at: _Optional[_Union[Time, _Mapping]] = ..., sync: _Optional[_Union[SyncProgress, _Mapping]] = ..., rewind_oldest_at: _Optional[_Union[Time, _Mapping]] = ..., rewind_bytes: _Optional[int] = ..., waiting_bytes: _Optional[int] = ..., waiting: _Optional[str] = ..., sent_bytes: _Optional[int] = ..., uncompressed_bytes: _Optional[int] = ..., drifted: _Optional[int] = ..., restored_at: _Optional[_Union[Time, _Mapping]] = ..., suspended_until: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class RootStatistics(_message.Message):
    __slots__ = ("master_path", "size_bytes", "files", "folders_created", "files_changed", "removed", "renamed", "changed_bytes", "last_change_at")
    MASTER_PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FOLDERS_CREATED_FIELD_NUMBER: _ClassVar[int]
    FILES_CHANGED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    RENAMED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_CHANGE_AT_FIELD_NUMBER: _ClassVar[int]
    master_path: bytes
    size_bytes: int
    files: int
    folders_created: int
    files_changed: int
    removed: int
    renamed: int
    changed_bytes: int
    last_change_at: Time
    def __init__(self, master_path: _Optional[bytes] = ..., size_bytes: _Optional[int] = ..., files: _Optional[int] = ..., folders_created: _Optional[int] = ..., files_changed: _Optional[int] = ..., removed: _Optional[int] = ..., renamed: _Optional[int] = ..., changed_bytes: _Optional[int] = ..., last_change_at: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "path", "params")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    code: str
    path: bytes
    params: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., path: _Optional[bytes] = ..., params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ScenarioStatus(_message.Message):
    __slots__ = ("scenario", "state", "reason", "since", "replicas", "roots", "watched_directories", "unwatched_directories", "captured_operations", "captured_bytes", "problems", "problem_count", "revision")
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    WATCHED_DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    UNWATCHED_DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    scenario: Scenario
    state: str
    reason: str
    since: Time
    replicas: _containers.RepeatedCompositeFieldContainer[ReplicaStatus]
    roots: _containers.RepeatedCompositeFieldContainer[RootStatistics]
    watched_directories: int
    unwatched_directories: int
    captured_operations: int
    captured_bytes: int
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    problem_count: int
    revision: int
    def __init__(self, scenario: _Optional[_Union[Scenario, _Mapping]] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[Time, _Mapping]] = ..., replicas: _Optional[_Iterable[_Union[ReplicaStatus, _Mapping]]] = ..., roots: _Optional[_Iterable[_Union[RootStatistics, _Mapping]]] = ..., watched_directories: _Optional[int] = ..., unwatched_directories: _Optional[int] = ..., captured_operations: _Optional[int] = ..., captured_bytes: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., problem_count: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class EventRecord(_message.Message):
    __slots__ = ("sequence", "code", "severity", "at", "host", "scenario_id", "scenario_name", "params")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_NAME_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    code: str
    severity: str
    at: Time
    host: str
    scenario_id: int
    scenario_name: str
    params: _containers.ScalarMap[str, str]
    def __init__(self, sequence: _Optional[int] = ..., code: _Optional[str] = ..., severity: _Optional[str] = ..., at: _Optional[_Union[Time, _Mapping]] = ..., host: _Optional[str] = ..., scenario_id: _Optional[int] = ..., scenario_name: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RewindPoint(_message.Message):
    __slots__ = ("id", "kind", "at", "change", "replica", "text", "path", "operation", "new_path")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    NEW_PATH_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    at: Time
    change: int
    replica: str
    text: str
    path: bytes
    operation: str
    new_path: bytes
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., at: _Optional[_Union[Time, _Mapping]] = ..., change: _Optional[int] = ..., replica: _Optional[str] = ..., text: _Optional[str] = ..., path: _Optional[bytes] = ..., operation: _Optional[str] = ..., new_path: _Optional[bytes] = ...) -> None: ...

class RewindItem(_message.Message):
    __slots__ = ("path", "action", "size_bytes", "from_path")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FROM_PATH_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    action: str
    size_bytes: int
    from_path: bytes
    def __init__(self, path: _Optional[bytes] = ..., action: _Optional[str] = ..., size_bytes: _Optional[int] = ..., from_path: _Optional[bytes] = ...) -> None: ...

class RewindPlan(_message.Message):
    __slots__ = ("point", "counts", "items", "truncated", "size_bytes", "master")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    POINT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    point: RewindPoint
    counts: _containers.ScalarMap[str, int]
    items: _containers.RepeatedCompositeFieldContainer[RewindItem]
    truncated: bool
    size_bytes: int
    master: ReplicatedBack
    def __init__(self, point: _Optional[_Union[RewindPoint, _Mapping]] = ..., counts: _Optional[_Mapping[str, int]] = ..., items: _Optional[_Iterable[_Union[RewindItem, _Mapping]]] = ..., truncated: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., master: _Optional[_Union[ReplicatedBack, _Mapping]] = ...) -> None: ...

class RewindResult(_message.Message):
    __slots__ = ("point", "counts", "undo_point", "master")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    POINT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    UNDO_POINT_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    point: RewindPoint
    counts: _containers.ScalarMap[str, int]
    undo_point: RewindPoint
    master: ReplicatedBack
    def __init__(self, point: _Optional[_Union[RewindPoint, _Mapping]] = ..., counts: _Optional[_Mapping[str, int]] = ..., undo_point: _Optional[_Union[RewindPoint, _Mapping]] = ..., master: _Optional[_Union[ReplicatedBack, _Mapping]] = ...) -> None: ...

class ReplicatedBack(_message.Message):
    __slots__ = ("counts", "items", "truncated", "size_bytes", "problems", "kept_in", "kept_until")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    KEPT_IN_FIELD_NUMBER: _ClassVar[int]
    KEPT_UNTIL_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.ScalarMap[str, int]
    items: _containers.RepeatedCompositeFieldContainer[RewindItem]
    truncated: bool
    size_bytes: int
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    kept_in: _containers.RepeatedScalarFieldContainer[bytes]
    kept_until: Time
    def __init__(self, counts: _Optional[_Mapping[str, int]] = ..., items: _Optional[_Iterable[_Union[RewindItem, _Mapping]]] = ..., truncated: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., kept_in: _Optional[_Iterable[bytes]] = ..., kept_until: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class EntityPoint(_message.Message):
    __slots__ = ("entity", "roots")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    entity: str
    roots: _containers.RepeatedCompositeFieldContainer[BytesPair]
    def __init__(self, entity: _Optional[str] = ..., roots: _Optional[_Iterable[_Union[BytesPair, _Mapping]]] = ...) -> None: ...

class BackupPoint(_message.Message):
    __slots__ = ("id", "scenario", "replica", "taken_at", "consistency", "provider", "incarnation", "change", "entities")
    ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    scenario: Scenario
    replica: str
    taken_at: Time
    consistency: str
    provider: str
    incarnation: str
    change: int
    entities: _containers.RepeatedCompositeFieldContainer[EntityPoint]
    def __init__(self, id: _Optional[str] = ..., scenario: _Optional[_Union[Scenario, _Mapping]] = ..., replica: _Optional[str] = ..., taken_at: _Optional[_Union[Time, _Mapping]] = ..., consistency: _Optional[str] = ..., provider: _Optional[str] = ..., incarnation: _Optional[str] = ..., change: _Optional[int] = ..., entities: _Optional[_Iterable[_Union[EntityPoint, _Mapping]]] = ...) -> None: ...

class ArchiveOrder(_message.Message):
    __slots__ = ("point_id", "entity", "media_path", "job_id", "fence", "base_session", "base_incarnation", "base_change", "data_key", "key_id", "verify", "server", "base_media", "owners", "include", "exclude")
    POINT_ID_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    MEDIA_PATH_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    BASE_SESSION_FIELD_NUMBER: _ClassVar[int]
    BASE_INCARNATION_FIELD_NUMBER: _ClassVar[int]
    BASE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    DATA_KEY_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    VERIFY_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    BASE_MEDIA_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    point_id: str
    entity: str
    media_path: str
    job_id: int
    fence: int
    base_session: int
    base_incarnation: str
    base_change: int
    data_key: bytes
    key_id: str
    verify: str
    server: str
    base_media: str
    owners: HostOwners
    include: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, point_id: _Optional[str] = ..., entity: _Optional[str] = ..., media_path: _Optional[str] = ..., job_id: _Optional[int] = ..., fence: _Optional[int] = ..., base_session: _Optional[int] = ..., base_incarnation: _Optional[str] = ..., base_change: _Optional[int] = ..., data_key: _Optional[bytes] = ..., key_id: _Optional[str] = ..., verify: _Optional[str] = ..., server: _Optional[str] = ..., base_media: _Optional[str] = ..., owners: _Optional[_Union[HostOwners, _Mapping]] = ..., include: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[str]] = ...) -> None: ...

class Owner(_message.Message):
    __slots__ = ("number", "name")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    number: int
    name: str
    def __init__(self, number: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class HostOwners(_message.Message):
    __slots__ = ("users", "groups")
    USERS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[Owner]
    groups: _containers.RepeatedCompositeFieldContainer[Owner]
    def __init__(self, users: _Optional[_Iterable[_Union[Owner, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[Owner, _Mapping]]] = ...) -> None: ...

class OwnerChange(_message.Message):
    __slots__ = ("source", "becomes", "group")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BECOMES_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    source: str
    becomes: str
    group: bool
    def __init__(self, source: _Optional[str] = ..., becomes: _Optional[str] = ..., group: _Optional[bool] = ...) -> None: ...

class OwnerCount(_message.Message):
    __slots__ = ("number", "name", "becomes", "becomes_name", "entries", "group")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BECOMES_FIELD_NUMBER: _ClassVar[int]
    BECOMES_NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    number: int
    name: str
    becomes: int
    becomes_name: str
    entries: int
    group: bool
    def __init__(self, number: _Optional[int] = ..., name: _Optional[str] = ..., becomes: _Optional[int] = ..., becomes_name: _Optional[str] = ..., entries: _Optional[int] = ..., group: _Optional[bool] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("phase", "path", "files", "directories", "read_bytes", "changed_bytes", "stored_bytes", "files_total", "bytes_total")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    READ_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BYTES_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    phase: str
    path: bytes
    files: int
    directories: int
    read_bytes: int
    changed_bytes: int
    stored_bytes: int
    files_total: int
    bytes_total: int
    def __init__(self, phase: _Optional[str] = ..., path: _Optional[bytes] = ..., files: _Optional[int] = ..., directories: _Optional[int] = ..., read_bytes: _Optional[int] = ..., changed_bytes: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., files_total: _Optional[int] = ..., bytes_total: _Optional[int] = ...) -> None: ...

class CatalogRow(_message.Message):
    __slots__ = ("path", "kind", "size_bytes", "modified_ns", "content_id", "removed")
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_NS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_ID_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    kind: str
    size_bytes: int
    modified_ns: int
    content_id: str
    removed: bool
    def __init__(self, path: _Optional[bytes] = ..., kind: _Optional[str] = ..., size_bytes: _Optional[int] = ..., modified_ns: _Optional[int] = ..., content_id: _Optional[str] = ..., removed: _Optional[bool] = ...) -> None: ...

class CatalogRows(_message.Message):
    __slots__ = ("rows", "incremental")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[CatalogRow]
    incremental: bool
    def __init__(self, rows: _Optional[_Iterable[_Union[CatalogRow, _Mapping]]] = ..., incremental: _Optional[bool] = ...) -> None: ...

class PackedRows(_message.Message):
    __slots__ = ("data", "incremental")
    DATA_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    incremental: bool
    def __init__(self, data: _Optional[bytes] = ..., incremental: _Optional[bool] = ...) -> None: ...

class ArchiveResult(_message.Message):
    __slots__ = ("session", "files", "directories", "size_bytes", "new_bytes", "stored_bytes", "problems", "incremental", "verified")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    NEW_BYTES_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    session: int
    files: int
    directories: int
    size_bytes: int
    new_bytes: int
    stored_bytes: int
    problems: int
    incremental: bool
    verified: bool
    def __init__(self, session: _Optional[int] = ..., files: _Optional[int] = ..., directories: _Optional[int] = ..., size_bytes: _Optional[int] = ..., new_bytes: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., problems: _Optional[int] = ..., incremental: _Optional[bool] = ..., verified: _Optional[bool] = ...) -> None: ...

class CompareOrder(_message.Message):
    __slots__ = ("job_id", "media_path", "session", "paths", "targets", "data_key", "metadata")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MEDIA_PATH_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DATA_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    media_path: str
    session: int
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    targets: _containers.RepeatedCompositeFieldContainer[BytesPair]
    data_key: bytes
    metadata: bool
    def __init__(self, job_id: _Optional[int] = ..., media_path: _Optional[str] = ..., session: _Optional[int] = ..., paths: _Optional[_Iterable[bytes]] = ..., targets: _Optional[_Iterable[_Union[BytesPair, _Mapping]]] = ..., data_key: _Optional[bytes] = ..., metadata: _Optional[bool] = ...) -> None: ...

class CompareResult(_message.Message):
    __slots__ = ("files", "directories", "read_bytes", "differences")
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    READ_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    files: int
    directories: int
    read_bytes: int
    differences: int
    def __init__(self, files: _Optional[int] = ..., directories: _Optional[int] = ..., read_bytes: _Optional[int] = ..., differences: _Optional[int] = ...) -> None: ...

class CompareEvent(_message.Message):
    __slots__ = ("progress", "problem", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    problem: Problem
    result: CompareResult
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., result: _Optional[_Union[CompareResult, _Mapping]] = ...) -> None: ...

class RestoreOrder(_message.Message):
    __slots__ = ("job_id", "fence", "media_path", "session", "paths", "targets", "conflict", "structure", "scenario_id", "data_key", "plan_only", "more", "exact", "undo_days", "undo_max_bytes", "protected", "leave_open", "items_max", "left_out", "owners_by_name", "owner_changes", "tell_items")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_PATH_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    STRUCTURE_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_KEY_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    UNDO_DAYS_FIELD_NUMBER: _ClassVar[int]
    UNDO_MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROTECTED_FIELD_NUMBER: _ClassVar[int]
    LEAVE_OPEN_FIELD_NUMBER: _ClassVar[int]
    ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    OWNERS_BY_NAME_FIELD_NUMBER: _ClassVar[int]
    OWNER_CHANGES_FIELD_NUMBER: _ClassVar[int]
    TELL_ITEMS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    fence: int
    media_path: str
    session: int
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    targets: _containers.RepeatedCompositeFieldContainer[BytesPair]
    conflict: str
    structure: str
    scenario_id: int
    data_key: bytes
    plan_only: bool
    more: _containers.RepeatedCompositeFieldContainer[RestorePart]
    exact: bool
    undo_days: int
    undo_max_bytes: int
    protected: _containers.RepeatedScalarFieldContainer[bytes]
    leave_open: bool
    items_max: int
    left_out: _containers.RepeatedScalarFieldContainer[bytes]
    owners_by_name: bool
    owner_changes: _containers.RepeatedCompositeFieldContainer[OwnerChange]
    tell_items: bool
    def __init__(self, job_id: _Optional[int] = ..., fence: _Optional[int] = ..., media_path: _Optional[str] = ..., session: _Optional[int] = ..., paths: _Optional[_Iterable[bytes]] = ..., targets: _Optional[_Iterable[_Union[BytesPair, _Mapping]]] = ..., conflict: _Optional[str] = ..., structure: _Optional[str] = ..., scenario_id: _Optional[int] = ..., data_key: _Optional[bytes] = ..., plan_only: _Optional[bool] = ..., more: _Optional[_Iterable[_Union[RestorePart, _Mapping]]] = ..., exact: _Optional[bool] = ..., undo_days: _Optional[int] = ..., undo_max_bytes: _Optional[int] = ..., protected: _Optional[_Iterable[bytes]] = ..., leave_open: _Optional[bool] = ..., items_max: _Optional[int] = ..., left_out: _Optional[_Iterable[bytes]] = ..., owners_by_name: _Optional[bool] = ..., owner_changes: _Optional[_Iterable[_Union[OwnerChange, _Mapping]]] = ..., tell_items: _Optional[bool] = ...) -> None: ...

class RestorePart(_message.Message):
    __slots__ = ("media_path", "session", "paths", "targets", "data_key")
    MEDIA_PATH_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DATA_KEY_FIELD_NUMBER: _ClassVar[int]
    media_path: str
    session: int
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    targets: _containers.RepeatedCompositeFieldContainer[BytesPair]
    data_key: bytes
    def __init__(self, media_path: _Optional[str] = ..., session: _Optional[int] = ..., paths: _Optional[_Iterable[bytes]] = ..., targets: _Optional[_Iterable[_Union[BytesPair, _Mapping]]] = ..., data_key: _Optional[bytes] = ...) -> None: ...

class RestoreItem(_message.Message):
    __slots__ = ("source", "target", "action", "size_bytes", "reason")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    source: bytes
    target: bytes
    action: str
    size_bytes: int
    reason: str
    def __init__(self, source: _Optional[bytes] = ..., target: _Optional[bytes] = ..., action: _Optional[str] = ..., size_bytes: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RestoreItems(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[RestoreItem]
    def __init__(self, items: _Optional[_Iterable[_Union[RestoreItem, _Mapping]]] = ...) -> None: ...

class RestorePlan(_message.Message):
    __slots__ = ("counts", "size_bytes", "items", "host", "free_bytes", "stops_scenario", "truncated", "kept_bytes", "undo_days", "undo_max_bytes", "owners", "out_of_reach", "unlisted", "into_replica")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STOPS_SCENARIO_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    KEPT_BYTES_FIELD_NUMBER: _ClassVar[int]
    UNDO_DAYS_FIELD_NUMBER: _ClassVar[int]
    UNDO_MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_REACH_FIELD_NUMBER: _ClassVar[int]
    UNLISTED_FIELD_NUMBER: _ClassVar[int]
    INTO_REPLICA_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.ScalarMap[str, int]
    size_bytes: int
    items: _containers.RepeatedCompositeFieldContainer[RestoreItem]
    host: str
    free_bytes: int
    stops_scenario: str
    truncated: bool
    kept_bytes: int
    undo_days: int
    undo_max_bytes: int
    owners: _containers.RepeatedCompositeFieldContainer[OwnerCount]
    out_of_reach: _containers.RepeatedScalarFieldContainer[str]
    unlisted: _containers.RepeatedCompositeFieldContainer[Unlisted]
    into_replica: str
    def __init__(self, counts: _Optional[_Mapping[str, int]] = ..., size_bytes: _Optional[int] = ..., items: _Optional[_Iterable[_Union[RestoreItem, _Mapping]]] = ..., host: _Optional[str] = ..., free_bytes: _Optional[int] = ..., stops_scenario: _Optional[str] = ..., truncated: _Optional[bool] = ..., kept_bytes: _Optional[int] = ..., undo_days: _Optional[int] = ..., undo_max_bytes: _Optional[int] = ..., owners: _Optional[_Iterable[_Union[OwnerCount, _Mapping]]] = ..., out_of_reach: _Optional[_Iterable[str]] = ..., unlisted: _Optional[_Iterable[_Union[Unlisted, _Mapping]]] = ..., into_replica: _Optional[str] = ...) -> None: ...

class Unlisted(_message.Message):
    __slots__ = ("path", "reason", "part", "files", "size_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    reason: str
    part: int
    files: int
    size_bytes: int
    def __init__(self, path: _Optional[bytes] = ..., reason: _Optional[str] = ..., part: _Optional[int] = ..., files: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class UndoOrder(_message.Message):
    __slots__ = ("job_id", "fence", "force", "plan_only", "undone_job")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    UNDONE_JOB_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    fence: int
    force: bool
    plan_only: bool
    undone_job: int
    def __init__(self, job_id: _Optional[int] = ..., fence: _Optional[int] = ..., force: _Optional[bool] = ..., plan_only: _Optional[bool] = ..., undone_job: _Optional[int] = ...) -> None: ...

class UndoItem(_message.Message):
    __slots__ = ("target", "action", "size_bytes", "reason")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    target: bytes
    action: str
    size_bytes: int
    reason: str
    def __init__(self, target: _Optional[bytes] = ..., action: _Optional[str] = ..., size_bytes: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class UndoItems(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[UndoItem]
    def __init__(self, items: _Optional[_Iterable[_Union[UndoItem, _Mapping]]] = ...) -> None: ...

class UndoResult(_message.Message):
    __slots__ = ("removed", "brought_back", "changed", "problems", "bytes")
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    BROUGHT_BACK_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    removed: int
    brought_back: int
    changed: int
    problems: int
    bytes: int
    def __init__(self, removed: _Optional[int] = ..., brought_back: _Optional[int] = ..., changed: _Optional[int] = ..., problems: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class KeptRestore(_message.Message):
    __slots__ = ("job_id", "until_ns", "kept_bytes", "pending")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    KEPT_BYTES_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    until_ns: int
    kept_bytes: int
    pending: int
    def __init__(self, job_id: _Optional[int] = ..., until_ns: _Optional[int] = ..., kept_bytes: _Optional[int] = ..., pending: _Optional[int] = ...) -> None: ...

class PendingReplacement(_message.Message):
    __slots__ = ("job_id", "target", "waiting", "since_ns", "reason")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    target: bytes
    waiting: bytes
    since_ns: int
    reason: str
    def __init__(self, job_id: _Optional[int] = ..., target: _Optional[bytes] = ..., waiting: _Optional[bytes] = ..., since_ns: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RestoreResult(_message.Message):
    __slots__ = ("files", "directories", "written_bytes", "skipped", "renamed", "verified_files", "mismatches", "problems", "deleted", "kept_bytes", "pending", "resumed")
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_BYTES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    RENAMED_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FILES_FIELD_NUMBER: _ClassVar[int]
    MISMATCHES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    KEPT_BYTES_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    files: int
    directories: int
    written_bytes: int
    skipped: int
    renamed: int
    verified_files: int
    mismatches: int
    problems: int
    deleted: int
    kept_bytes: int
    pending: int
    resumed: int
    def __init__(self, files: _Optional[int] = ..., directories: _Optional[int] = ..., written_bytes: _Optional[int] = ..., skipped: _Optional[int] = ..., renamed: _Optional[int] = ..., verified_files: _Optional[int] = ..., mismatches: _Optional[int] = ..., problems: _Optional[int] = ..., deleted: _Optional[int] = ..., kept_bytes: _Optional[int] = ..., pending: _Optional[int] = ..., resumed: _Optional[int] = ...) -> None: ...
