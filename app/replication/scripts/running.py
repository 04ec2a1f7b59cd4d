"""Starts scripts through the runner beside it, waits for them, and ends them with the engine."""

from __future__ import annotations

import json
import os
import pwd
import select
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from app.model.scripts import ScriptResult, parse_command
from app.replication.scripts import runner

OUTPUT_MOST_LINES = 20
OUTPUT_MOST_CHARACTERS = 2_000
GRACE_S = 5.0
_TICK_S = 0.25
_ANSWER_MOST_BYTES = 256 * 1024
_VALUE_MOST_CHARACTERS = 2_000
_RUNNER_END_S = 15.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Scripts:
    """The scripts of one engine. Any thread may run one; `close` ends those that still run."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._closed = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._threads: list[threading.Thread] = []

    def run(
        self,
        text: str,
        *,
        timeout_s: float,
        variables: Mapping[str, str],
        arguments: Sequence[str] = (),
        tick: Callable[[], None] | None = None,
    ) -> ScriptResult:
        """Run a command line and wait for its end.

        `variables` are added to a clean environment, `arguments` to its own. `tick` is called several times a
        second while it runs; what it raises ends the script and comes out here.
        """
        command = parse_command(text)
        fault = refusal(command[0])
        if fault:
            return ScriptResult(fault=fault)
        order = {
            "command": [*command, *map(_plain, arguments)],
            "environment": self._environment(variables),
            "timeout_s": timeout_s,
            "grace_s": GRACE_S,
        }
        with self._lock:
            if self._closed:
                return ScriptResult(stopped=True)
            try:
                process = _start()
            except OSError as error:
                # No memory, no process or no descriptor to be had: that may be over the next time.
                return ScriptResult(fault=f"no process could be started for it ({error.strerror})")
            self._running.add(process)
        try:
            return _converse(process, order, tick)
        finally:
            _finish(process)
            with self._lock:
                self._running.discard(process)

    def start(self, work: Callable[[], None]) -> None:
        """Do `work`, which runs a script, in a thread that `close` waits for. After that: nothing."""
        with self._lock:
            if self._closed:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=work, name="script", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End the scripts that run, and let no more begin; blocks until those have ended."""
        with self._lock:
            self._closed = True
            running, threads = list(self._running), list(self._threads)
        for process in running:
            _hang_up(process)
        deadline = time.monotonic() + GRACE_S + _RUNNER_END_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while time.monotonic() < deadline:
            with self._lock:
                if not self._running:
                    return
            time.sleep(0.01)

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        known = {"PATH": _PATH, "LANG": "C.UTF-8", "SHELL": "/bin/sh", "HOME": "/", "ARCXO_HOME": self._home}
        with suppress(KeyError):  # a user without an entry, as in some containers
            user = pwd.getpwuid(os.geteuid())
            known |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
        return known | {name: _plain(value) for name, value in variables.items()}


def refusal(program: str) -> str:
    """Why a program must not or cannot be run; "" when nothing stands against it.

    A script runs with the engine's rights. If anybody else may write to it, or may put another file in its
    place, they could run anything with these rights.
    """
    try:
        found = os.stat(program)
        whole = os.path.realpath(program, strict=True)
    except OSError as error:
        return f"{program} cannot be found ({error.strerror})"
    if not stat.S_ISREG(found.st_mode):
        return f"{program} is not a file"
    if not os.access(program, os.X_OK):
        return f"{program} may not be executed by the engine"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{program} may be written to by others than its owner: whoever can do that could run anything"
    trusted = (0, os.geteuid())
    if found.st_uid not in trusted:
        return f"{program} belongs to another user, who could run anything by it"
    directory = os.path.dirname(whole)
    while True:
        try:
            above = os.stat(directory)
        except OSError as error:
            return f"{directory} cannot be looked at ({error.strerror})"
        if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
            return f"everybody may put another file in the place of {program}: {directory} is writable by all"
        if directory == "/":
            return ""
        directory = os.path.dirname(directory)


def clean_output(text: str) -> str:
    """The end of an output as one bounded line: no control characters, lines divided by ` | `."""
    lines = [
        "".join(char if char.isprintable() else " " for char in line).strip() for line in text.splitlines()
    ]
    joined = " | ".join([line for line in lines if line][-OUTPUT_MOST_LINES:])
    return joined if len(joined) <= OUTPUT_MOST_CHARACTERS else "…" + joined[1 - OUTPUT_MOST_CHARACTERS :]


def _start() -> subprocess.Popen[bytes]:
    # By vfork and exec, with no Python in between: safe beside any thread. Its own session: the terminal's
    # interrupt is not for it.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", runner.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"LANG": "C.UTF-8", "PATH": _PATH},
        start_new_session=True,
        bufsize=0,
    )


def _converse(
    process: subprocess.Popen[bytes], order: Mapping[str, object], tick: Callable[[], None] | None
) -> ScriptResult:
    assert process.stdin is not None
    assert process.stdout is not None
    answer = b""
    with suppress(OSError):  # it has ended already; the empty answer tells
        process.stdin.write(json.dumps(order).encode() + b"\n")
    descriptor = process.stdout.fileno()
    waiting = select.poll()  # unlike select, it takes descriptors over 1,023
    waiting.register(descriptor, select.POLLIN)
    while not answer.endswith(b"\n") and len(answer) < _ANSWER_MOST_BYTES:
        if waiting.poll(_TICK_S * 1000):
            part = os.read(descriptor, 65536)
            if not part:
                break
            answer += part
        elif tick is not None:
            tick()
    return _result(answer)


def _result(answer: bytes) -> ScriptResult:
    if not answer.endswith(b"\n"):
        return ScriptResult(stopped=True)
    said = json.loads(answer)
    if "fault" in said:
        return ScriptResult(fault=clean_output(str(said["fault"])))
    return ScriptResult(
        exit_code=said["exit_code"],
        signal=said["signal"],
        timed_out=said["timed_out"],
        stopped=said["stopped"],
        seconds=said["seconds"],
        output=clean_output(said["output"]),
    )


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError, ValueError):  # it has ended already, or is closed by whom it ran for
        process.stdin.write(b"stop\n")


def _finish(process: subprocess.Popen[bytes]) -> None:
    """Have the runner end, which ends the script, and wait for it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(GRACE_S + _RUNNER_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _plain(value: str) -> str:
    """A value that fits into an environment or an argument."""
    text = "".join(char if char.isprintable() else " " for char in value)
    return text.encode("utf-8", "replace").decode("utf-8")[:_VALUE_MOST_CHARACTERS]
