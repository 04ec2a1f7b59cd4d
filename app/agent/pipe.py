"""Requests and answers over a pipe between the agent's control process and one of its children.

Values are model objects, pickled: both ends are this program, of one start. Errors of the ArcxoError family
arrive as themselves.
"""

from __future__ import annotations

import itertools
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from app.agent.refused import refused
from app.model.errors import ArcxoError, BusyError

PULSE_S = 5.0
STALLED_S = 60.0
_PING = -1
_log = logging.getLogger("arcxo.agent.pipe")


def make_pipe() -> tuple[Connection, socket.socket]:
    """(our end, the child's end to be inherited). Closing ours tells the child to end."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), theirs


class PipeCaller:
    """The asking end. Any thread may call; a thread sends the requests, another hands out the answers.

    A child that says nothing for `PULSE_S` while it is waited for is asked for a sign of life; one that gives
    none for `STALLED_S` stands still, and nobody waits for it however much time he has.
    """

    def __init__(self, connection: Connection, name: str, on_end: Callable[[], None]) -> None:
        self._connection = connection
        self._name = name
        self._on_end = on_end
        self._numbers = itertools.count()
        self._guard = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._ended = False
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._heard_at = time.monotonic()
        self._pinged_at: float | None = None
        self.ready: Future[Any] = Future()
        threading.Thread(target=self._write, name=f"{name}-requests", daemon=True).start()
        threading.Thread(target=self._read, name=f"{name}-answers", daemon=True).start()

    def call(self, method: str, *args: Any, timeout_s: float, **kwargs: Any) -> Any:
        """What `method` of the child returns or raises.

        Raises:
            BusyError: AE1027 after `timeout_s`, or when the child stands still; it goes on with it.
            ArcxoError: AE1016 when the child ends meanwhile.
        """
        number = next(self._numbers)
        request = bytes(ForkingPickler.dumps((number, method, args, kwargs)))
        future: Future[Any] = Future()
        with self._guard:
            if self._ended:
                raise ArcxoError("AE1016", role=self._name)
            stands_still = self._stands_still()
            if not stands_still:
                self._waiting[number] = future
            silent_s = time.monotonic() - self._heard_at
        if stands_still:
            raise self._late(method, silent_s)
        # Sent by a thread of its own: a child that reads nothing would hold everybody here.
        self._requests.put(request)
        began = time.monotonic()
        try:
            while True:
                left = began + timeout_s - time.monotonic()
                try:
                    return future.result(max(0.0, min(left, PULSE_S)))
                except FutureTimeoutError:
                    if left <= PULSE_S:
                        raise self._late(method, timeout_s) from None
                    if self._feel_pulse():
                        raise self._late(method, time.monotonic() - began) from None
        finally:
            with self._guard:
                self._waiting.pop(number, None)

    def _late(self, method: str, seconds: float) -> BusyError:
        return BusyError("AE1027", host=self._name, call=method, seconds=f"{seconds:.3g}")

    def _feel_pulse(self) -> bool:
        """Ask for a sign of life where there was none for a while; whether the child stands still."""
        with self._guard:
            now = time.monotonic()
            if self._pinged_at is None and now - self._heard_at >= PULSE_S:
                self._pinged_at = now
                self._requests.put(bytes(ForkingPickler.dumps((_PING, "", (), {}))))
            return self._stands_still()

    def _stands_still(self) -> bool:
        return self._pinged_at is not None and time.monotonic() - self._pinged_at > STALLED_S

    def _write(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                with self._sending:
                    self._connection.send_bytes(request)
            except OSError:
                _log.debug("%s takes no more requests", self._name)
                return

    def close(self) -> None:
        """Tell the child to end."""
        with self._guard:
            if not self._connection.closed:
                # Wakes the reader as well, which a mere close would leave in its read.
                with socket.socket(fileno=self._connection.fileno()) as end:
                    end.shutdown(socket.SHUT_RDWR)
                    end.detach()

    def _read(self) -> None:
        try:
            while True:
                number, good, value = self._connection.recv()
                with self._guard:
                    self._heard_at, self._pinged_at = time.monotonic(), None
                if number is None:
                    if good:
                        self.ready.set_result(value)
                    else:
                        self.ready.set_exception(value)
                    continue
                with self._guard:
                    future = self._waiting.get(number)
                if future is not None and not future.done():
                    if good:
                        future.set_result(value)
                    else:
                        future.set_exception(value)
        except (EOFError, OSError):
            _log.debug("the pipe of %s has ended", self._name)
        with self._guard:
            self._ended = True
            self._requests.put(None)
            waiting = list(self._waiting.values())
        # A sender that is blocked was woken by what ended the pipe.
        with self._sending, self._guard:
            self._connection.close()
        for future in [*waiting, self.ready]:
            if not future.done():
                future.set_exception(ArcxoError("AE1016", role=self._name))
        self._on_end()


def serve_pipe(
    connection: Connection, target: object, ready: object, *, threads: int = 64, home: str = "the home"
) -> None:
    """Answer requests with the public methods of `target` until the other end closes.

    `home` is named where a disk refuses something without saying what.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
    guard = threading.Lock()

    def answer(number: int | None, good: bool, value: object) -> None:
        with guard:
            connection.send((number, good, value))

    def work(number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        good, value = _outcome(target, method, args, kwargs, home)
        try:
            answer(number, good, value)
        except OSError:
            _log.debug("nobody waits for the answer of %s", method)

    answer(None, True, ready)
    try:
        while True:
            number, method, args, kwargs = connection.recv()
            if number == _PING:
                answer(_PING, True, None)
                continue
            pool.submit(work, number, method, args, kwargs)
    except (EOFError, OSError):
        pool.shutdown(wait=False, cancel_futures=True)


def tell_failed_start(connection: Connection, error: Exception, home: str = "the home") -> None:
    """Say, instead of `ready`, why there is nobody to ask."""
    told = error if isinstance(error, ArcxoError) else refused(error, home) or _bug("start", error)
    try:
        connection.send((None, False, told))
    except OSError:
        _log.debug("nobody waits for the start")


def _bug(where: str, error: Exception) -> ArcxoError:
    return ArcxoError("AE1099", where=where, error=f"{type(error).__name__}: {error}")


def _outcome(
    target: object, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], home: str
) -> tuple[bool, object]:
    """(whether it returned, what it returned or the error)."""
    try:
        return True, getattr(target, method)(*args, **kwargs)
    except ArcxoError as error:
        return False, error
    except Exception as error:  # noqa: BLE001  # the caller is told of the bug and shows it
        if (refusal := refused(error, home)) is not None:
            return False, refusal
        _log.error("bug in %s", method, exc_info=error)
        return False, _bug(method, error)
