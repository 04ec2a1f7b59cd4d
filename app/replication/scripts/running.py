"""Starts scripts through the runner beside it, waits for them, and ends them with the engine."""

from __future__ import annotations

import json
import os
import pwd
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from app.distant_mounts import distant
from app.model.scripts import ScriptResult, parse_command
from app.replication.scripts import runner

OUTPUT_MOST_LINES = 20
OUTPUT_MOST_CHARACTERS = 2_000
GRACE_S = 5.0
BEGIN_MOST_S = 30.0
"""Looking at the program and starting it may take so long; a dead network mount takes for ever."""
_TICK_S = 0.25
_ANSWER_MOST_BYTES = 256 * 1024
_VALUE_MOST_CHARACTERS = 2_000
_RUNNER_END_S = 15.0
_KILLED = "what ran it was killed, by somebody else or for want of memory"
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
            return self._converse(process, order, min(timeout_s, BEGIN_MOST_S), tick)
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

    def _converse(
        self,
        process: subprocess.Popen[bytes],
        order: Mapping[str, object],
        begin_most_s: float,
        tick: Callable[[], None] | None,
    ) -> ScriptResult:
        """Give the order; the result. What cannot even begin is given up on: nothing there would listen."""
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # it has ended already; the empty answer tells
            process.stdin.write(json.dumps(order).encode() + b"\n")
        lines = _Lines(process.stdout.fileno())
        deadline = time.monotonic() + begin_most_s
        begun = False
        try:
            while True:
                line = lines.next()
                if line == runner.BEGUN:
                    begun = True
                elif line is not None:
                    return self._result(line)
                elif tick is not None:
                    tick()
                if not begun and (self._closed or time.monotonic() > deadline):
                    process.kill()
                    return self._result(b"") if self._closed else ScriptResult(fault=_not_begun(begin_most_s))
        except BaseException:
            if not begun:
                process.kill()
            raise

    def _result(self, line: bytes) -> ScriptResult:
        if not line.endswith(b"\n"):
            return ScriptResult(stopped=True) if self._closed else ScriptResult(fault=_KILLED)
        said = json.loads(line)
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

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        known = {"PATH": _PATH, "LANG": "C.UTF-8", "SHELL": "/bin/sh", "HOME": "/", "ARCXO_HOME": self._home}
        with suppress(KeyError):  # a user without an entry, as in some containers
            user = pwd.getpwuid(os.geteuid())
            known |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
        return known | {name: _plain(value) for name, value in variables.items()}


def refusal(program: str) -> str:
    """As `runner.refusal`, for the engine itself: a mount that does not answer is waited for some seconds."""
    try:
        return distant.ask(os.fsencode(program), lambda: runner.refusal(program))
    except TimeoutError as error:
        return f"{program} cannot be looked at ({error.strerror})"


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


class _Lines:
    """What a runner says, line by line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = b""
        self._waiting = select.poll()  # unlike select, it takes descriptors over 1,023
        self._waiting.register(descriptor, select.POLLIN)

    def next(self) -> bytes | None:
        """The next line; None when there is none soon, a line without its end when none will come."""
        if b"\n" not in self._read:
            if not self._waiting.poll(_TICK_S * 1000):
                return None
            part = os.read(self._descriptor, 65536)
            self._read += part
            if not part or len(self._read) > _ANSWER_MOST_BYTES:
                return self._read.replace(b"\n", b"")
        line, end, rest = self._read.partition(b"\n")
        if not end:
            return None
        self._read = rest
        return line + end


def _not_begun(seconds: float) -> str:
    return f"it could not be begun within {seconds:g} s: the file system that it is on does not answer"


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
        with suppress(subprocess.TimeoutExpired):  # in a call of the kernel that nothing ends
            process.wait(GRACE_S)
    process.stdout.close()


def _plain(value: str) -> str:
    """A value that fits into an environment or an argument."""
    text = "".join(char if char.isprintable() else " " for char in value)
    return text.encode("utf-8", "replace").decode("utf-8")[:_VALUE_MOST_CHARACTERS]
