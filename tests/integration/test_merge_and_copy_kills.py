"""Merging and copying, killed at any moment for real: what was committed stays, and the next run ends it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.media import api as media
from app.model.job import JobKind, JobResult
from app.model.media import Device
from tests.support.media_samples import restore_to
from tests.support.media_site import MediaSite
from tests.support.trees import assert_identical

pytestmark = pytest.mark.xdist_group("merge-and-copy-kills")

_WORK = """
import sys
from pathlib import Path
from app.jobs import session_reading
from app.model.job import JobKind
from tests.support.media_site import MediaSite
session_reading._AT_ONCE = 20
place, work, target = sys.argv[1:]
site = MediaSite(Path(place), new=False)
print("begun", flush=True)
if work == "merge":
    job = site.merge(target)
else:
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": target})
print(job.last_result.value, "|", *site.lines(job), flush=True)
site.close()
"""


def killed_until_done(place: Path, work: str, target: str, chooser: random.Random, kills: int) -> int:
    """Run a job in processes of its own, the first ones killed; how many were at work when they were."""
    struck = 0
    for attempt in range(kills + 1):
        process = subprocess.Popen(
            [sys.executable, "-c", _WORK, str(place), work, target],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n", process.communicate()
        if attempt < kills:
            time.sleep(chooser.random() * 0.4)
            process.send_signal(signal.SIGKILL)
        told, problems = process.communicate(timeout=120)
        struck += process.returncode == -signal.SIGKILL and not told
        if process.returncode == 0:
            assert told.startswith("finished"), told
    assert process.returncode == 0, problems
    return struck


def story(place: Path, seed: int, kills: int) -> None:
    """A history is copied to another media and merged from it into a catalog, by jobs that are killed."""
    chooser = random.Random(seed)
    site = MediaSite(place)
    kept: dict[int, Path] = {}
    for number in range(1, 6):
        files: dict[str, bytes | str] = {}
        files |= {f"d{n % 7}/f{n}": chooser.randbytes(chooser.choice((10, 3_000, 60_000))) for n in range(60)}
        files |= {f"same/{n}": "as ever" for n in range(200)}
        site.write(files)
        site.back_up(base=number - 1)
        kept[number] = place / f"kept{number}"
        shutil.copytree(site.source, kept[number])
    site.merge()
    other = media.format_media(str(site.device("other")), "copies")
    label = other.label
    assert label is not None
    site.close()
    struck = killed_until_done(place, "copy", other.path, chooser, kills)
    assert media.verify(other.path, full=True).damage == ()
    for copy in media.sessions(other.path):
        restore_to(other.path, place / "out", copy.number)
        assert_identical(kept[copy.origin_number], place / "out")
        shutil.rmtree(place / "out")
    assert len(media.sessions(other.path)) == 5
    assert media.verify(site.path, full=True).damage == ()
    media.collect(other.path)
    assert os.listdir(f"{other.path}/intents") == os.listdir(f"{other.path}/tmp") == []

    # A new server, which knows nothing: it is told of the device and merges.
    fresh = MediaSite(place / "fresh")
    fresh.catalog.media.put_device(Device("other", os.path.dirname(other.path), "GROUP0"))
    fresh.close()
    struck += killed_until_done(place / "fresh", "merge", label.serial, chooser, kills)
    assert struck or kills < 10
    site = MediaSite(place / "fresh", new=False)
    try:
        assert {one.number for one in site.catalog.sessions.list(label.serial)} == set(range(1, 6))
        for number in range(1, 6):
            assert site.in_catalog(number, label.serial) == site.on_media(number, other.path)
        again = site.run(JobKind.MEDIA_MERGE, {"media": label.serial})
        assert (again.last_result, again.files) == (JobResult.FINISHED, 0)
    finally:
        site.close()


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_copies_and_merges_that_are_killed_many_times_end_whole(tmp_path: Path) -> None:
    rounds = int(os.environ.get("ARCXO_ROUNDS") or 10)
    for number in range(rounds):
        place = tmp_path / str(number)
        (place / "fresh").mkdir(parents=True)
        story(place, random.randrange(1 << 30), 20)
        shutil.rmtree(place)
