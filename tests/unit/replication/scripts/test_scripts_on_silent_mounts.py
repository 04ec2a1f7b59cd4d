"""Scripts and trigger files on a file system that stops answering: nothing waits for it for ever."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import distant_mounts
from app.model.scripts import ScriptResult
from app.replication.scripts import running, trigger
from app.replication.scripts.running import Scripts, refusal
from app.replication.scripts.trigger import TriggerWatch
from tests.support.capabilities import missing
from tests.support.hanging_mount import HangingMount, hanging_mount
from tests.support.replication_pair import until

pytestmark = [pytest.mark.needs_root]


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingMount]:
    monkeypatch.setattr(distant_mounts, "PATIENCE_S", 0.2)
    monkeypatch.setattr(running, "BEGIN_MOST_S", 1.0)
    monkeypatch.setattr(running, "_RUNNER_END_S", 0.5)
    monkeypatch.setattr(running, "GRACE_S", 0.5)
    place = tmp_path / "far"
    place.mkdir()
    try:
        with hanging_mount(place, program=b"#!/bin/sh\necho ran\n") as made:
            yield made
            made.go_on()
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    made = Scripts("/the/home")
    yield made
    made.close()


def _run(scripts: Scripts, command: str, timeout_s: float = 60.0) -> ScriptResult:
    return scripts.run(command, timeout_s=timeout_s, variables={})


def test_a_script_there_is_given_up_on_and_runs_again_later(mount: HangingMount, scripts: Scripts) -> None:
    program = str(mount.place / "far")
    assert _run(scripts, program).output == "ran"
    mount.stop()
    assert "does not answer" in _run(scripts, program).fault
    assert "does not answer" in refusal(program)
    mount.go_on()
    until(lambda: _run(scripts, program).output == "ran")


def test_a_script_whose_interpreter_is_there_is_given_up_on(
    mount: HangingMount, scripts: Scripts, tmp_path: Path
) -> None:
    program = tmp_path / "near"
    program.write_text(f"#!{mount.place}/far\n")
    program.chmod(0o755)
    mount.stop()
    assert "does not answer" in _run(scripts, str(program)).fault


def test_the_end_of_the_engine_does_not_wait_for_it(
    mount: HangingMount, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BEGIN_MOST_S", 600.0)
    mount.stop()
    results: list[ScriptResult] = []
    thread = threading.Thread(target=lambda: results.append(_run(scripts, str(mount.place / "far"))))
    thread.start()
    until(lambda: scripts._running)
    scripts.close()
    thread.join(10)
    assert results[0].stopped


def test_a_trigger_file_there_is_neither_gone_nor_new_while_nobody_can_tell(
    mount: HangingMount, scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger, "LOOK_EVERY_S", 0.02)
    looked: list[object] = []
    look = trigger._look

    def watched(path: bytes) -> list[int] | None:
        looked.append(look(path))
        return looked[-1]  # type: ignore[return-value]

    monkeypatch.setattr(trigger, "_look", watched)
    told: list[str] = []
    file = str(mount.place / "far")
    watch = TriggerWatch(
        scripts, str(tmp_path), file, (), "/bin/true", 5.0, {}, lambda code, *_, **__: told.append(code)
    )
    watch.start()
    until(lambda: any(looked))
    mount.stop()
    until(lambda: looked[-1] is None)
    mount.go_on()
    until(lambda: looked[-1])
    seen = len(looked)
    until(lambda: len(looked) > seen + 2)
    assert told == []
    mount.stop()
    until(lambda: looked[-1] is None)
    watch.close()
    assert not watch._thread.is_alive()


def test_a_trigger_whose_script_was_killed_is_told_and_watched_on(
    scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger, "LOOK_EVERY_S", 0.02)
    program = tmp_path / "script"
    program.write_text(f"#!/bin/sh\necho $PPID > {tmp_path}/runner\nexec sleep 600\n")
    program.chmod(0o755)
    told: list[str] = []
    file, runner = tmp_path / "now", tmp_path / "runner"
    watch = TriggerWatch(
        scripts, str(tmp_path), str(file), (), str(program), 60, {}, lambda code, *_, **__: told.append(code)
    )
    watch.start()
    try:
        until((tmp_path / "trigger.json").exists)
        for text in ("one", "another"):
            told.clear()
            file.write_text(text)
            until(lambda: runner.exists() and runner.read_text().endswith("\n"))
            pid = int(runner.read_text())
            runner.unlink()
            os.kill(pid, signal.SIGKILL)
            until(lambda: told == ["ER00503"])
    finally:
        watch.close()
