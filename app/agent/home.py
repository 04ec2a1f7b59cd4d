"""The part of a home that belongs to the agent: its directories, its lock and how it is found."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from app.model.errors import ArcxoError, BusyError

_LOCK_PATIENCE_S = 0.5
LISTEN_DEFAULT = "127.0.0.1:0"
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  # what was bound, not what is bound

ENGINE_DIRECTORIES = (
    "scenarios",
    "master",
    "replica",
    "side",
    "cookies",
    "tls",
    "points",
    "sources",
    "work",
    "grants",
    "peers",
)


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """How a running agent is reached. `address` and `data_address` are HOST:PORT; times are ISO 8601 UTC."""

    pid: int
    address: str
    data_address: str
    fingerprint: str
    started_at: str


class AgentHome:
    """The agent's files of the home at `path`. Makes what is missing, all of it for the owner alone.

    `engine/agent.lock` is held by the one agent of the home for as long as it lives. `engine/agent.json`
    says how to reach it, and its writer holds a lock on that very file: what a killed agent left is told
    from what a living one says without a look at pids.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.engine = os.path.join(self.path, "engine")
        self.logs = os.path.join(self.path, "logs")
        self._lock_fd: int | None = None
        self._published_fd: int | None = None
        try:
            for directory in (self.path, self.engine, self.logs):
                _make_private(directory)
            for name in ENGINE_DIRECTORIES:
                _make_private(self.directory(name))
        except OSError as error:
            raise ArcxoError("AE1003", path=error.filename or self.path, reason=error.strerror) from error

    def directory(self, name: str) -> str:
        """The directory `name` of `engine/`."""
        return os.path.join(self.engine, name)

    @property
    def log_path(self) -> str:
        """The agent's log file."""
        return os.path.join(self.logs, "agent.log")

    @property
    def id(self) -> str:
        """The identity of this home; made once."""
        return self._lasting_text("home.id", uuid.uuid4().hex)

    @property
    def owner_token(self) -> str:
        """The secret by which the home's owner logs in to its own agent; made once, mode 0600."""
        return self._lasting_text("owner.token", secrets.token_urlsafe(32))

    @property
    def listen(self) -> str:
        """Where the server lets the agent of this home listen: HOST:PORT; any free port of the loopback."""
        try:
            return Path(self.directory("listen")).read_text(encoding="ascii").strip() or LISTEN_DEFAULT
        except (FileNotFoundError, UnicodeDecodeError):
            return LISTEN_DEFAULT

    def set_listen(self, address: str) -> None:
        """Let it listen there from its next start on."""
        replace_durably(self.directory("listen"), address.encode("ascii", "replace"))

    def _lasting_text(self, name: str, initial: str) -> str:
        """The content of `engine/<name>`; made of `initial` if absent, the same for all who ask at once."""
        path = self.directory(name)
        try:
            return Path(path).read_text(encoding="ascii")
        except FileNotFoundError:
            pass
        temporary = f"{path}.{uuid.uuid4().hex}"
        write_durably(temporary, initial.encode("ascii"))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
        _sync_directory(self.engine)
        return Path(path).read_text(encoding="ascii")

    def acquire(self) -> int:
        """Become the agent of this home until `release`; returns the lock's descriptor.

        A process that inherits the descriptor holds the home as well.

        Raises:
            BusyError: AE1002 while another agent holds the home.
        """
        fd = os.open(self.directory("agent.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # One who asks whether the home is held holds the lock himself for a moment: try more than once.
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while not _locked(fd, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(fd)
                raise BusyError("AE1002", home=self.path)
            time.sleep(_LOCK_PATIENCE_S / 20)
        self._lock_fd = fd
        self.withdraw()
        return fd

    def release(self) -> None:
        """Let another agent have the home."""
        if self._lock_fd is not None:
            self.withdraw()
            os.close(self._lock_fd)
            self._lock_fd = None

    def publish(self, info: AgentInfo) -> None:
        """Say how the agent is reached. For the holder of the lock, when it is ready."""
        path = self.directory("agent.json")
        temporary = f"{path}.new"
        write_durably(temporary, json.dumps(asdict(info)).encode("utf-8"))
        fd = os.open(temporary, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.replace(temporary, path)
        _sync_directory(self.engine)
        if self._published_fd is not None:
            os.close(self._published_fd)
        self._published_fd = fd

    def withdraw(self) -> None:
        """Take back what `publish` said, and what an agent that was killed left."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.directory("agent.json"))
        if self._published_fd is not None:
            os.close(self._published_fd)
            self._published_fd = None

    def held(self) -> bool:
        """Whether an agent holds this home now (it may not be ready yet)."""
        return _is_locked_by_another(self.directory("agent.lock"))

    def running(self) -> AgentInfo | None:
        """How to reach the agent that is ready in this home, or None."""
        path = self.directory("agent.json")
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _locked(fd, fcntl.LOCK_SH):
                return None
            found = json.loads(os.read(fd, 65_536))
            return AgentInfo(**found)
        except (ValueError, TypeError):
            return None
        finally:
            os.close(fd)


def dialable(address: str) -> str:
    """Where on this machine a port is reached that listens at `address`."""
    host, _, port = address.rpartition(":")
    return f"{_ANY_HOST.get(host, host)}:{port}"


def next_port(address: str) -> str:
    """The port after a fixed one, for the data port: a firewall has two ports to open, not any."""
    host, _, port = address.rpartition(":")
    following = int(port) + 1 if int(port) else 0
    return f"{host}:{following if following < 65_536 else 0}"


def _locked(fd: int, kind: int) -> bool:
    """Whether `fd` got the lock."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked_by_another(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def write_durably(path: str, content: bytes) -> None:
    """Write a new file, mode 0600, and make it durable. Replaces what is there."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_durably(path: str, content: bytes) -> None:
    """Make `content` what is at `path`, wholly or not at all, durable on return."""
    temporary = f"{path}.{uuid.uuid4().hex}.new"
    write_durably(temporary, content)
    os.replace(temporary, path)
    _sync_directory(os.path.dirname(path))


def _make_private(directory: str) -> None:
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make_private(os.path.dirname(directory))
        os.mkdir(directory, 0o700)


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
