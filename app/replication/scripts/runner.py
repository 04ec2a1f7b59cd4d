"""The process beside the engine that runs one script and outlives neither it nor the engine.

Run by its path with Python alone; it imports nothing of the product. It reads one line of JSON from its
standard input (`command`, `environment`, `timeout_s`, `grace_s`), and writes a line of JSON when the script
runs and one when it has ended. When the input ends or a further line comes, the script is ended: that is how
the engine stops it, and what happens when the engine dies.

The script has a session of its own, no input, no descriptor but its output, and default signal handling.
To end it, its process group gets SIGTERM; after the grace SIGKILL, and so does whatever else came from it,
which the kernel gives to this process as the subreaper. What a script that ended by itself leaves running in
the background goes on; while it has the script's output open, a process stays here that reads and drops what
it writes: without a reader a daemon that a script started would end at its next line.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress

BEGUN = b'{"begun": true}\n'
"""Said once the script runs. Before that nothing is heard here: a dead mount can hold every call."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KEPT_BYTES = 16 * 1024
_DRAIN_S = 0.2
_REAP_S = 5.0
_DESCRIPTORS_MOST = 64
"""This process opens less than ten."""


def main() -> None:
    """Run the one script."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The engine ignores some signals; what is ignored stays ignored over exec.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    order = json.loads(_line())
    if fault := refusal(order["command"][0]):
        _tell({"fault": fault})
        return
    wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    began = time.monotonic()

    me = os.getpid()

    def child() -> None:
        # This process has one thread only, so that running Python between fork and exec is safe.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != me:
            os._exit(1)
        os.umask(0o022)

    try:
        process = subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=order["environment"],
            start_new_session=True,
            preexec_fn=child,  # noqa: PLW1509  # one thread, see above
        )
    except (OSError, subprocess.SubprocessError) as error:
        _tell({"fault": getattr(error, "strerror", None) or str(error)})
        return
    os.write(1, BEGUN)
    assert process.stdout is not None
    output = _Tail(process.stdout.fileno())
    ended = _watch(process, output, wake_read, began + order["timeout_s"])
    if ended != "itself":
        _end(process, output, order["grace_s"])
    output.drain(_DRAIN_S)
    if ended == "itself":
        output.leave_reader()
    code = process.returncode
    _tell(
        {
            "exit_code": code if code is not None and code >= 0 else None,
            "signal": -code if code is not None and code < 0 else 0,
            "timed_out": ended == "time",
            "stopped": ended == "stop",
            "seconds": round(time.monotonic() - began, 3),
            "output": output.text(),
        }
    )


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


def _watch(process: subprocess.Popen[bytes], output: _Tail, wake: int, deadline: float) -> str:
    """Wait until the script ends "itself", its "time" is over, or a "stop" is asked for."""
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return "time"
        ready, _, _ = select.select([0, wake, *output.descriptors()], [], [], left)
        if 0 in ready:
            return "stop"
        if wake in ready:
            with suppress(BlockingIOError):
                os.read(wake, 4096)
        if output.fd in ready:
            output.read()
    return "itself"


def _end(process: subprocess.Popen[bytes], output: _Tail, grace_s: float) -> None:
    """SIGTERM to the group, after the grace SIGKILL to it and to all else that came from the script."""
    _kill_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while process.poll() is None and time.monotonic() < deadline:
        output.drain(0.05)
    _kill_group(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + _REAP_S
    while time.monotonic() < deadline:
        for pid in _children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


def _kill_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


class _Tail:
    """The end of what the script writes; the rest is read and dropped, so that it never waits for us."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._open = True
        self._kept = b""
        os.set_blocking(fd, False)

    def descriptors(self) -> list[int]:
        return [self.fd] if self._open else []

    def read(self) -> bool:
        """Take what there is; False when there is nothing more now."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return False
        self._open = bool(data)
        self._kept = (self._kept + data)[-_KEPT_BYTES:]
        return self._open

    def drain(self, seconds: float) -> None:
        """Take what is there, or comes until the end of the time."""
        deadline = time.monotonic() + seconds
        while self._open and (left := deadline - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.read()

    def leave_reader(self) -> None:
        """Have a process of its own read what still comes, until nobody can write any more."""
        if not self._open:
            return
        # One thread only, see above. Without memory for a process the writers are on their own.
        with suppress(OSError):
            if os.fork():
                return
            try:
                os.setsid()
                # It must not hold the engine's pipes, or the engine would wait for it.
                os.dup2(self.fd, 0)
                signal.set_wakeup_fd(-1)
                os.closerange(1, _DESCRIPTORS_MOST)
                os.set_blocking(0, True)
                while os.read(0, 65536):
                    pass
            finally:
                os._exit(0)

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _line() -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            sys.exit(1)
        data += part
    return data


def _tell(result: dict[str, object]) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(result).encode() + b"\n")


if __name__ == "__main__":
    main()
