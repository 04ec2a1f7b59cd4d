"""Job scripts as files: all of a job comes back, and nothing of a file is trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.model.commands import JobCommands, OnExit
from app.model.errors import UsageError
from app.model.job import BackupScript, MediaMethod, Schedule, VerifyMode
from app.model.job_log import JobLogLevel
from app.model.job_script import MOST_BYTES, SavedBackup, for_file, from_file, to_file
from app.model.rotation import Rotation, RotationScheme
from app.model.source import DirectSource

FULL = SavedBackup(
    BackupScript(
        scenario_ids=(7, 8),
        scenario_names=("Papers", "Straße"),
        replica="dr",
        device_group="GROUP1",
        media_name="WEEK",
        encrypt=True,
        verify=VerifyMode.AUDIT,
        pool="P",
        method=MediaMethod.OVERWRITE_ANY,
        span_method=MediaMethod.OVERWRITE_ANY,
        media_wait_minutes=5,
        span_wait_minutes=None,
        protect_days=30,
        sources=(DirectSource("localhost", b"/srv/caf\xe9", True), DirectSource("fs", b"/", False)),
        retries=3,
        retry_minutes=20,
        retry_at="05:30",
        job_log=JobLogLevel.ALL,
        streams=8,
        commands=JobCommands(("/bin/true", "a b"), 0, OnExit.SKIP_AFTER, 3, ("/bin/false",), ("failed",)),
        node_commands=(("Papers", JobCommands(("/bin/echo",))),),
    ),
    Schedule(
        datetime(2026, 11, 23, 22, 0, tzinfo=UTC),
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "Europe/Berlin",
        ("SA", "2026-12-25"),
        False,
        Rotation(RotationScheme.GFS, "OFFICE", True),
    ),
    "Nightly",
)


def test_all_of_a_job_comes_back():
    assert from_file(to_file(FULL)) == FULL


def test_a_plain_job_comes_back():
    plain = SavedBackup(BackupScript((1,), ("A",)))
    assert from_file(to_file(plain)) == plain


def test_what_belongs_to_one_run_is_not_kept():
    assert for_file(replace(FULL.script, run="x", makeup_of=4)) == FULL.script


def changed(**changes: Any) -> bytes:
    document = json.loads(to_file(FULL))
    for path, value in changes.items():
        place = document
        *above, last = path.split("__")
        for key in above:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E5751"),
        (b"\xff\xfe", "E5751"),
        (b"[" * 200_000, "E5751"),
        (b"[]", "E5751"),
        (b'{"form": "something"}', "E5751"),
        (changed(version=2), "E5751"),
        (b" " * (MOST_BYTES + 1), "E5751"),
        (changed(retries="1"), "E5752"),
        (changed(retries=True), "E5752"),
        (changed(encrypt=1), "E5752"),
        (changed(surprise=1), "E5752"),
        (changed(destination__pool=...), "E5752"),
        (changed(destination__method="burn"), "E5752"),
        (changed(scenarios=[{"id": 1}]), "E5752"),
        (changed(scenarios={}), "E5752"),
        (changed(directories=[{"host": "h", "path": "../x", "cross_file_systems": False}]), "E5752"),
        (
            changed(directories=[{"host": "h", "path": "/x", "path_b64": "?", "cross_file_systems": False}]),
            "E5752",
        ),
        (changed(schedule__run_at="tomorrow"), "E5752"),
        (changed(schedule__run_at="2026-11-23T22:00:00"), "E5752"),
        (changed(schedule__rotation={"scheme": "gfs", "prefix": "A-B", "append": False}), "E5752"),
        (changed(commands__before=[1]), "E5752"),
        (changed(name="x" * 5000), "E5752"),
        (changed(name="a\0b"), "E5752"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(content: bytes, code: str):
    with pytest.raises(UsageError) as caught:
        from_file(content)
    assert caught.value.code == code
