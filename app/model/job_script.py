"""Job scripts as files: what a backup job does and when, without any secret, to be opened again anywhere.

One JSON document of a version that is named in it. A file from elsewhere is not trusted: every field is
checked, what is not known is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.model.backup_filters import NO_FILTERS, BackupFilters
from app.model.commands import JobCommands, OnExit
from app.model.errors import ArcxoError, UsageError
from app.model.filters import check_filters
from app.model.job import BackupScript, MediaMethod, Schedule, VerifyMode
from app.model.job_log import JobLogLevel
from app.model.paths import shown
from app.model.rotation import Rotation, RotationScheme
from app.model.scenario import Filters
from app.model.source import DirectSource, check_source_path

FORM = "arcxo backup job"
VERSION = 1
MOST_BYTES = 1 << 20
SUFFIX = ".arcxojob"
_TEXT_MOST = 4096
_LIST_MOST = 10_000


@dataclass(frozen=True, slots=True)
class SavedBackup:
    """What a file keeps. `encrypt` in the script: a session password belongs to it, and is asked for."""

    script: BackupScript
    schedule: Schedule = Schedule()
    name: str = ""


def to_file(saved: SavedBackup) -> bytes:
    """The file's content."""
    script, schedule = saved.script, saved.schedule
    document: dict[str, Any] = {
        "form": FORM,
        "version": VERSION,
        "name": saved.name,
        "scenarios": [
            {"id": number, "name": name}
            for number, name in zip(script.scenario_ids, script.scenario_names, strict=True)
        ],
        "directories": [_source_to(one) for one in script.sources],
        "replica": script.replica,
        "destination": {
            "device_group": script.device_group,
            "media_name": script.media_name,
            "pool": script.pool,
            "method": script.method.value,
            "span_method": script.span_method.value,
            "media_wait_minutes": script.media_wait_minutes,
            "span_wait_minutes": script.span_wait_minutes,
            "protect_days": script.protect_days,
            "streams": script.streams,
        },
        "encrypt": script.encrypt,
        "verify": script.verify.value,
        "retries": script.retries,
        "retry_minutes": script.retry_minutes,
        "retry_at": script.retry_at,
        "job_log": script.job_log.value,
        "commands": _commands_to(script.commands),
        "node_commands": {node: _commands_to(one) for node, one in script.node_commands},
        "filters": _filters_to(script.filters.every),
        "node_filters": {node: _filters_to(one) for node, one in script.filters.nodes},
        "schedule": _schedule_to(schedule),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def from_file(content: bytes) -> SavedBackup:
    """What a file keeps.

    Raises:
        UsageError: E5751 no job script, or not one this version can read; E5752 a field that is wrong.
    """
    if len(content) > MOST_BYTES:
        raise UsageError("E5751", details=f"it is larger than {MOST_BYTES:,} bytes")
    try:
        document = json.loads(content.decode())
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise UsageError("E5751", details="it is no JSON document") from None
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise UsageError("E5751", details="it does not say that it is a backup job")
    if document.get("version") != VERSION:
        raise UsageError("E5751", details=f"it has version {str(document.get('version'))[:40]}")
    fields = _Fields("", document, ("form", "version"))
    script = _script(fields)
    saved = SavedBackup(script, fields.part("schedule", _schedule), fields.text("name"))
    fields.end()
    return saved


def for_file(script: BackupScript) -> BackupScript:
    """A job's script without what belongs to one run of it."""
    return replace(script, run="", makeup_of=0)


def _source_to(source: DirectSource) -> dict[str, Any]:
    made: dict[str, Any] = {"host": source.host, "path": shown(source.path)}
    if shown(source.path).encode() != source.path:
        made["path_b64"] = base64.b64encode(source.path).decode()
    return {**made, "cross_file_systems": source.cross_file_systems}


def _commands_to(commands: JobCommands) -> dict[str, Any]:
    return {
        "before": list(commands.before),
        "exit_code": commands.exit_code,
        "on_exit": commands.on_exit.value,
        "delay_minutes": commands.delay_minutes,
        "after": list(commands.after),
        "after_unless": list(commands.after_unless),
    }


def _filters_to(filters: Filters) -> dict[str, Any]:
    return {"include": list(filters.include), "exclude": list(filters.exclude)}


def _schedule_to(schedule: Schedule) -> dict[str, Any]:
    rotation = schedule.rotation
    return {
        "run_at": schedule.run_at.isoformat() if schedule.run_at is not None else None,
        "repeat": schedule.repeat,
        "time_zone": schedule.time_zone,
        "excluded": list(schedule.excluded),
        "catch_up": schedule.catch_up,
        "rotation": None
        if rotation is None
        else {"scheme": rotation.scheme.value, "prefix": rotation.prefix, "append": rotation.append},
    }


class _Fields:
    """The fields of one object, each read once; what is left over at the end is not known."""

    def __init__(self, where: str, document: object, ignored: tuple[str, ...] = ()) -> None:
        self._where = where
        if not isinstance(document, dict):
            raise self._wrong("")
        self._left = {key: value for key, value in document.items() if key not in ignored}

    def _wrong(self, name: str) -> UsageError:
        return UsageError("E5752", field=f"{self._where}{name}"[:200] or "the document")

    def _take(self, name: str, *kinds: type) -> Any:
        value = self._left.pop(name, _MISSING)
        if type(value) not in kinds:
            raise self._wrong(name)
        return value

    def end(self) -> None:
        if self._left:
            raise self._wrong(str(next(iter(self._left))))

    def text(self, name: str) -> str:
        value: str = self._take(name, str)
        if len(value) > _TEXT_MOST or "\0" in value:
            raise self._wrong(name)
        return value

    def flag(self, name: str) -> bool:
        return bool(self._take(name, bool))

    def number(self, name: str) -> int:
        return int(self._take(name, int))

    def number_or_none(self, name: str) -> int | None:
        value: int | None = self._take(name, int, type(None))
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._take(name, list)
        if len(values) > _LIST_MOST or not all(type(one) is str and len(one) <= _TEXT_MOST for one in values):
            raise self._wrong(name)
        return tuple(values)

    def word(self, name: str, kind: Callable[[str], Any]) -> Any:
        try:
            return kind(self.text(name))
        except ValueError:
            raise self._wrong(name) from None

    def part(self, name: str, read: Callable[[_Fields], Any]) -> Any:
        return self._read(name, self._take(name, dict), read)

    def parts(self, name: str, read: Callable[[_Fields], Any]) -> tuple[Any, ...]:
        values = self._take(name, list)
        if len(values) > _LIST_MOST:
            raise self._wrong(name)
        return tuple(self._read(f"{name}[{at}]", value, read) for at, value in enumerate(values))

    def named_parts(self, name: str, read: Callable[[_Fields], Any]) -> tuple[tuple[str, Any], ...]:
        values = self._take(name, dict)
        return tuple((key, self._read(f"{name}[{key}]", value, read)) for key, value in values.items())

    def part_or_none(self, name: str, read: Callable[[_Fields], Any]) -> Any:
        if self._left.get(name, _MISSING) is None:
            del self._left[name]
            return None
        return self.part(name, read)

    def time_or_none(self, name: str) -> datetime | None:
        text = self._take(name, str, type(None))
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise self._wrong(name) from None
        if at.tzinfo is None:
            raise self._wrong(name)
        return at

    def _read(self, name: str, value: object, read: Callable[[_Fields], Any]) -> Any:
        fields = _Fields(f"{self._where}{name}.", value)
        try:
            found = read(fields)
        except ValueError:
            raise self._wrong(name) from None
        fields.end()
        return found

    def has(self, name: str) -> bool:
        return name in self._left


_MISSING = object()


def _script(fields: _Fields) -> BackupScript:
    scenarios = fields.parts("scenarios", lambda one: (one.number("id"), one.text("name")))
    target: dict[str, Any] = fields.part("destination", _destination)
    return BackupScript(
        scenario_ids=tuple(number for number, _ in scenarios),
        scenario_names=tuple(name for _, name in scenarios),
        sources=fields.parts("directories", _source),
        replica=fields.text("replica"),
        encrypt=fields.flag("encrypt"),
        verify=fields.word("verify", VerifyMode),
        retries=fields.number("retries"),
        retry_minutes=fields.number("retry_minutes"),
        retry_at=fields.text("retry_at"),
        # Files of earlier versions do not say it.
        job_log=fields.word("job_log", JobLogLevel) if fields.has("job_log") else JobLogLevel.SUMMARY,
        commands=fields.part("commands", _commands),
        node_commands=fields.named_parts("node_commands", _commands),
        filters=BackupFilters(
            fields.part("filters", _filters) if fields.has("filters") else NO_FILTERS,
            fields.named_parts("node_filters", _filters) if fields.has("node_filters") else (),
        ),
        **target,
    )


def _destination(fields: _Fields) -> dict[str, Any]:
    return {
        "device_group": fields.text("device_group"),
        "media_name": fields.text("media_name"),
        "pool": fields.text("pool"),
        "method": fields.word("method", MediaMethod),
        "span_method": fields.word("span_method", MediaMethod),
        "media_wait_minutes": fields.number_or_none("media_wait_minutes"),
        "span_wait_minutes": fields.number_or_none("span_wait_minutes"),
        "protect_days": fields.number("protect_days"),
        "streams": fields.number("streams"),
    }


def _source(fields: _Fields) -> DirectSource:
    text = fields.text("path")
    path = text.encode("utf-8", "surrogateescape")
    if fields.has("path_b64"):
        try:
            path = base64.b64decode(fields.text("path_b64"), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("path_b64") from None
    try:
        clean = check_source_path(path)
    except ArcxoError:
        raise ValueError("path") from None
    return DirectSource(fields.text("host"), clean, fields.flag("cross_file_systems"))


def _commands(fields: _Fields) -> JobCommands:
    return JobCommands(
        before=fields.texts("before"),
        exit_code=fields.number_or_none("exit_code"),
        on_exit=fields.word("on_exit", OnExit),
        delay_minutes=fields.number("delay_minutes"),
        after=fields.texts("after"),
        after_unless=fields.texts("after_unless"),
    )


def _filters(fields: _Fields) -> Filters:
    made = Filters(fields.texts("include"), fields.texts("exclude"))
    check_filters(made)
    return made


def _schedule(fields: _Fields) -> Schedule:
    return Schedule(
        run_at=fields.time_or_none("run_at"),
        repeat=fields.text("repeat"),
        time_zone=fields.text("time_zone"),
        excluded=fields.texts("excluded"),
        catch_up=fields.flag("catch_up"),
        rotation=fields.part_or_none("rotation", _rotation),
    )


def _rotation(fields: _Fields) -> Rotation:
    scheme = fields.word("scheme", RotationScheme)
    return Rotation(scheme, fields.text("prefix"), fields.flag("append"))
