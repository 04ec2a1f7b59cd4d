"""Processes that write, remove and collect on one media at once, killed at any moment for real."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.media.api import collect, sessions, verify
from app.media.store import DirectoryMediaStore
from app.media.usage import Usage
from tests.support.media_samples import new_media, restore_to
from tests.support.trees import assert_identical

WRITER = """
import json, os, random, shutil, sys
from app.model.errors import ArcxoError
from app.media.api import sessions
from tests.support.media_samples import back_up, repack_everything
repack_everything()
media, directory, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
chooser = random.Random(seed)
source = directory + "/source"
os.makedirs(source, exist_ok=True)
number = 0
while True:
    for _ in range(4):
        with open(f"{source}/f{chooser.randrange(12)}", "wb") as file:
            file.write(bytes([chooser.randrange(6)]) * chooser.choice((5_000, 90_000)))
    number += 1
    state = f"{directory}/state-{seed}-{number}"
    shutil.copytree(source, state)
    present = [one.number for one in sessions(media)]
    base = chooser.choice([0, *present])
    try:
        result, _ = back_up(media, source, base=base)
    except ArcxoError as error:
        if error.code not in ("E4145", "E4146"):
            raise
        continue
    print(json.dumps([result.session, state]), flush=True)
"""

COLLECTOR = """
import random, sys
from app.media.api import collect, remove_sessions, sessions
from tests.support.media_samples import repack_everything
repack_everything()
media, chooser = sys.argv[1], random.Random(int(sys.argv[3]))
while True:
    present = [one.number for one in sessions(media)]
    if len(present) > 6:
        gone = chooser.choice(present[:-2])
        print(gone, flush=True)
        remove_sessions(media, [gone])
    collect(media)
    print("collected", flush=True)
"""


RESTORER = """
import os, random, shutil, sys
from app.model.errors import ArcxoError
from app.media.api import sessions, verify
from tests.support.media_samples import restore_to
media, directory, chooser = sys.argv[1], sys.argv[2], random.Random(int(sys.argv[3]))
from pathlib import Path
number = 0
while True:
    present = [one.number for one in sessions(media)]
    if not present:
        continue
    number += 1
    wanted, out = chooser.choice(present), Path(f"{directory}/out{number}")
    try:
        result, events = restore_to(media, out, wanted)
    except ArcxoError as error:
        # Removed since it was chosen: what it held may be gone at any point.
        assert error.code in ("E4121", "E4123", "E4124", "E4125", "E4142"), error
        assert wanted not in [one.number for one in sessions(media)], error
        continue
    still = wanted in [one.number for one in sessions(media)]
    assert not still or (result.mismatches, events.problems) == (0, []), events.problems
    if still and number % 3 == 0:
        damage = verify(media, full=False).damage
        left = {one.number for one in sessions(media)}
        assert not [one for one in damage if left & set(one.sessions)], damage
    if still:
        print(f"restored {wanted} {out}", flush=True)
    else:
        shutil.rmtree(out)
"""


class Actor:
    """A process and what it has said so far, each line written whole."""

    def __init__(self, code: str, media: str, directory: Path, seed: int) -> None:
        self.output = directory / f"said-{seed}"
        directory.mkdir(exist_ok=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, media, str(directory), str(seed)],
                stdout=output,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )

    def kill(self) -> None:
        """SIGKILL; an actor that had ended before ended because of a fault."""
        ended = self.process.poll()
        self.process.send_signal(signal.SIGKILL)
        assert self.process.stderr is not None
        told = self.process.stderr.read()
        self.process.wait()
        self.process.stderr.close()
        assert ended is None, told.decode()

    def said(self) -> list[str]:
        return [line for line in self.output.read_text().split("\n")[:-1] if line]


def run(directory: Path, seconds: float, seed: int) -> int:
    """Returns how many sessions were committed."""
    chooser = random.Random(seed)
    media = new_media(directory)
    held: dict[int, str] = {}
    restored: list[tuple[int, str]] = []
    removed: set[int] = set()
    number = seed * 1000
    actors: list[Actor] = []

    def start(code: str) -> None:
        nonlocal number
        number += 1
        actors.append(Actor(code, media, directory / f"actor{number}", number))

    def end(actor: Actor) -> None:
        actor.kill()
        for line in actor.said():
            if line.startswith("["):
                session, state = json.loads(line)
                held[session] = state
            elif line.isdigit():
                removed.add(int(line))
            elif line.startswith("restored "):
                _, session, out = line.split(" ")
                restored.append((int(session), out))

    codes = (WRITER, WRITER, COLLECTOR, COLLECTOR, RESTORER)
    for code in codes:
        start(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(chooser.uniform(0.2, 1.0))
        victim = chooser.randrange(len(codes))
        actor = actors.pop(victim)
        end(actor)
        actors.insert(victim, actor)
        start(codes[victim])
        actors[victim] = actors.pop()
    for actor in actors:
        end(actor)
    for session, out in restored:
        if session in held:
            assert_identical(Path(held[session]), Path(out))
    collect(media)
    collect(media)
    present = {one.number for one in sessions(media)}
    # Nothing that was acknowledged is gone, but what someone removed.
    assert held.keys() - removed <= present
    assert verify(media, full=True).damage == ()
    for session in present:
        out = directory / "out"
        restore_to(media, out, session)
        if session in held:
            assert_identical(Path(held[session]), out)
        shutil.rmtree(out, ignore_errors=True)
    usage = Usage(DirectoryMediaStore(media))
    usage.refresh()
    assert set(os.listdir(f"{media}/packs")) == usage.packs()
    assert os.listdir(f"{media}/fossils") == []
    assert os.listdir(f"{media}/intents") == []
    assert os.listdir(f"{media}/tmp") == []
    return len(held)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    assert run(tmp_path, 4, 1) > 0


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_nothing_acknowledged_is_lost_in_many_kills(tmp_path: Path) -> None:
    seconds = float(os.environ.get("ARCXO_SECONDS") or 1200)
    assert run(tmp_path, seconds, random.randrange(1000)) > 0
