"""Values that a row holds as JSON: scripts, schedules, progress. The forms carry a version."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import datetime
from typing import Any

from app.model.backup_filters import BackupFilters
from app.model.commands import JobCommands, OnExit
from app.model.errors import ArcxoError
from app.model.job import (
    UNDO_MAX_MB,
    BackupScript,
    Conflict,
    Destination,
    JobPhase,
    JobProgress,
    MediaMethod,
    RestoreScript,
    RestoreSelection,
    Schedule,
    Structure,
    VerifyMode,
)
from app.model.job_log import JobLogLevel
from app.model.owners import OwnerChange, OwnerRule
from app.model.rotation import Rotation, RotationScheme
from app.model.scenario import Filters
from app.model.source import DirectSource

_SCRIPT_VERSION = 1


def encode_bytes(value: bytes) -> str:
    """Bytes as they stand in JSON."""
    return base64.b64encode(value).decode("ascii")


def decode_bytes(value: str) -> bytes:
    """The other way."""
    return base64.b64decode(value)


def script_to_json(script: BackupScript | RestoreScript | dict[str, str]) -> str:
    """A job's script as JSON text."""
    if isinstance(script, BackupScript):
        document: dict[str, Any] = {
            "type": "backup",
            "version": script.version,
            "scenario_ids": list(script.scenario_ids),
            "scenario_names": list(script.scenario_names),
            "replica": script.replica,
            "device_group": script.device_group,
            "media_name": script.media_name,
            "encrypt": script.encrypt,
            "verify": script.verify.value,
            "pool": script.pool,
            "method": script.method.value,
            "span_method": script.span_method.value,
            "media_wait_minutes": script.media_wait_minutes,
            "span_wait_minutes": script.span_wait_minutes,
            "protect_days": script.protect_days,
            "run": script.run,
            "sources": [
                {"host": one.host, "path_b64": encode_bytes(one.path), "cross": one.cross_file_systems}
                for one in script.sources
            ],
            "retries": script.retries,
            "retry_minutes": script.retry_minutes,
            "retry_at": script.retry_at,
            "makeup_of": script.makeup_of,
            "streams": script.streams,
            "job_log": script.job_log.value,
            "commands": _commands_to(script.commands),
            "node_commands": [[node, _commands_to(one)] for node, one in script.node_commands],
            "filters": _filters_to(script.filters),
        }
    elif isinstance(script, RestoreScript):
        document = {
            "type": "restore",
            "version": script.version,
            "selections": [
                {
                    "media_serial": selection.media_serial,
                    "session": selection.session,
                    "paths_b64": [encode_bytes(path) for path in selection.paths],
                }
                for selection in script.selections
            ],
            "destination": script.destination.value,
            "host": script.host,
            "directory_b64": encode_bytes(script.directory),
            "conflict": script.conflict.value,
            "structure": script.structure.value,
            "continue_if_not_stopped": script.continue_if_not_stopped,
            "exact": script.exact,
            "undo_days": script.undo_days,
            "undo_max_mb": script.undo_max_mb,
            "left_out_b64": [encode_bytes(path) for path in script.left_out],
            "owners": script.owners.value,
            "owner_changes": [dataclasses.asdict(one) for one in script.owner_changes],
            "commands": _commands_to(script.commands),
            "job_log": script.job_log.value,
        }
    else:
        document = {"type": "plain", "version": _SCRIPT_VERSION, "values": dict(script)}
    return json.dumps(document)


def script_from_json(text: str, job_id: int) -> BackupScript | RestoreScript | dict[str, str]:
    """A job's script from its row.

    Raises:
        ArcxoError: E6015 a form this version does not know.
    """
    document = json.loads(text)
    version = document.get("version")
    if version != _SCRIPT_VERSION or document.get("type") not in ("backup", "restore", "plain"):
        raise ArcxoError("E6015", job=job_id, version=version)
    if document["type"] == "plain":
        return {str(key): str(value) for key, value in document["values"].items()}
    if document["type"] == "backup":
        return BackupScript(
            scenario_ids=tuple(document["scenario_ids"]),
            scenario_names=tuple(document["scenario_names"]),
            replica=document["replica"],
            device_group=document["device_group"],
            media_name=document["media_name"],
            encrypt=document["encrypt"],
            verify=VerifyMode(document["verify"]),
            version=version,
            # Jobs that were queued before these were known append.
            pool=document.get("pool", ""),
            method=MediaMethod(document.get("method", MediaMethod.APPEND)),
            span_method=MediaMethod(document.get("span_method", MediaMethod.OVERWRITE_SAME)),
            media_wait_minutes=document.get("media_wait_minutes"),
            span_wait_minutes=document.get("span_wait_minutes"),
            protect_days=document.get("protect_days", 0),
            run=document.get("run", ""),
            sources=tuple(
                DirectSource(one["host"], decode_bytes(one["path_b64"]), one["cross"])
                for one in document.get("sources", ())
            ),
            retries=document.get("retries", 0),
            retry_minutes=document.get("retry_minutes", 10),
            retry_at=document.get("retry_at", ""),
            makeup_of=document.get("makeup_of", 0),
            streams=document.get("streams", 4),
            job_log=JobLogLevel(document.get("job_log", JobLogLevel.SUMMARY)),
            commands=_commands_from(document.get("commands", {})),
            node_commands=tuple(
                (node, _commands_from(one)) for node, one in document.get("node_commands", ())
            ),
            filters=_filters_from(document.get("filters", {})),
        )
    return RestoreScript(
        selections=tuple(
            RestoreSelection(
                selection["media_serial"],
                selection["session"],
                tuple(decode_bytes(path) for path in selection["paths_b64"]),
            )
            for selection in document["selections"]
        ),
        destination=Destination(document["destination"]),
        host=document["host"],
        directory=decode_bytes(document["directory_b64"]),
        conflict=Conflict(document["conflict"]),
        structure=Structure(document["structure"]),
        continue_if_not_stopped=document["continue_if_not_stopped"],
        version=version,
        exact=document.get("exact", False),
        # Restores that were queued before there was a way back have none.
        undo_days=document.get("undo_days", 0),
        undo_max_mb=document.get("undo_max_mb", UNDO_MAX_MB),
        left_out=tuple(decode_bytes(path) for path in document.get("left_out_b64", ())),
        owners=OwnerRule(document.get("owners", OwnerRule.NUMBER)),
        owner_changes=tuple(OwnerChange(**one) for one in document.get("owner_changes", ())),
        commands=_commands_from(document.get("commands", {})),
        job_log=JobLogLevel(document.get("job_log", JobLogLevel.SUMMARY)),
    )


def _filters_to(filters: BackupFilters) -> dict[str, Any]:
    return {
        "every": dataclasses.asdict(filters.every),
        "nodes": [[node, dataclasses.asdict(one)] for node, one in filters.nodes],
    }


def _filters_from(document: dict[str, Any]) -> BackupFilters:
    def read(part: dict[str, Any]) -> Filters:
        return Filters(tuple(part.get("include", ())), tuple(part.get("exclude", ())))

    nodes = tuple((str(node), read(part)) for node, part in document.get("nodes", ()))
    return BackupFilters(read(document.get("every", {})), nodes)


def _commands_to(commands: JobCommands) -> dict[str, Any]:
    return dataclasses.asdict(commands)


def _commands_from(document: dict[str, Any]) -> JobCommands:
    if not document:
        return JobCommands()
    lists = {name: tuple(document[name]) for name in ("before", "after", "after_unless")}
    return JobCommands(**(document | lists | {"on_exit": OnExit(document["on_exit"])}))


def schedule_to_json(schedule: Schedule) -> str:
    """A schedule as JSON text."""
    rotation = schedule.rotation
    return json.dumps(
        {
            "run_at": _time(schedule.run_at),
            "repeat": schedule.repeat,
            "time_zone": schedule.time_zone,
            "excluded": list(schedule.excluded),
            "catch_up": schedule.catch_up,
            "rotation": rotation and [rotation.scheme.value, rotation.prefix, rotation.append],
        }
    )


def schedule_from_json(text: str) -> Schedule:
    """The other way."""
    document = json.loads(text)
    rotation = document.get("rotation")
    return Schedule(
        _at(document["run_at"]),
        document["repeat"],
        document["time_zone"],
        excluded=tuple(document.get("excluded", ())),
        catch_up=document.get("catch_up", True),
        rotation=Rotation(RotationScheme(rotation[0]), rotation[1], rotation[2]) if rotation else None,
    )


def progress_to_json(progress: JobProgress) -> str:
    """Progress as JSON text."""
    return json.dumps(
        {
            "phase": progress.phase.value,
            "phase_started_at": _time(progress.phase_started_at),
            "phases": [[phase.value, seconds] for phase, seconds in progress.phases],
            "waits_for": progress.waits_for,
            "current_path_b64": encode_bytes(progress.current_path),
            "files": progress.files,
            "files_total": progress.files_total,
            "read_bytes": progress.read_bytes,
            "bytes_total": progress.bytes_total,
            "changed_bytes": progress.changed_bytes,
            "stored_bytes": progress.stored_bytes,
            "errors": progress.errors,
            "warnings": progress.warnings,
            "session": progress.session,
            "media": progress.media,
            "updated_at": _time(progress.updated_at),
        }
    )


def progress_from_json(text: str) -> JobProgress:
    """The other way."""
    document = json.loads(text)
    current_path = decode_bytes(document.pop("current_path_b64"))
    document["phase"] = JobPhase(document["phase"])
    document["phases"] = tuple((JobPhase(phase), seconds) for phase, seconds in document["phases"])
    document["phase_started_at"] = _at(document["phase_started_at"])
    document["updated_at"] = _at(document["updated_at"])
    return JobProgress(current_path=current_path, **document)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _at(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
