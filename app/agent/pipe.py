"""Requests and answers over a pipe between the agent's control process and one of its children.

Values are model objects, pickled: both ends are this program, of one start. Errors of the ArcxoError family
arrive as themselves.
"""

from __future__ import annotations

import itertools
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from multiprocessing.connection import Connection
from typing import Any

from app.model.errors import ArcxoError, BusyError

_log = logging.getLogger("arcxo.agent.pipe")


def make_pipe() -> tuple[Connection, socket.socket]:
    """(our end, the child's end to be inherited). Closing ours tells the child to end."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), theirs


class PipeCaller:
    """The asking end. Any thread may call; a reader thread hands out the answers."""

    def __init__(self, connection: Connection, name: str, on_end: Callable[[], None]) -> None:
        self._connection = connection
        self._name = name
        self._on_end = on_end
        self._numbers = itertools.count()
        self._guard = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._ended = False
        self.ready: Future[Any] = Future()
        threading.Thread(target=self._read, name=f"{name}-answers", daemon=True).start()

    def call(self, method: str, *args: Any, timeout_s: float, **kwargs: Any) -> Any:
        """What `method` of the child returns or raises.

        Raises:
            BusyError: AE1027 after `timeout_s`; the child goes on with it.
            ArcxoError: AE1016 when the child ends meanwhile.
        """
        number = next(self._numbers)
        future: Future[Any] = Future()
        with self._guard:
            if self._ended:
                raise ArcxoError("AE1016", role=self._name)
            self._waiting[number] = future
            try:
                self._connection.send((number, method, args, kwargs))
            except OSError as error:
                del self._waiting[number]
                raise ArcxoError("AE1016", role=self._name) from error
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            raise BusyError("AE1027", host=self._name, call=method, seconds=f"{timeout_s:.3g}") from None
        finally:
            with self._guard:
                self._waiting.pop(number, None)

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
            waiting = list(self._waiting.values())
            self._connection.close()
        for future in [*waiting, self.ready]:
            if not future.done():
                future.set_exception(ArcxoError("AE1016", role=self._name))
        self._on_end()


def serve_pipe(connection: Connection, target: object, ready: object, *, threads: int = 64) -> None:
    """Answer requests with the public methods of `target` until the other end closes."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
    guard = threading.Lock()

    def answer(number: int | None, good: bool, value: object) -> None:
        with guard:
            connection.send((number, good, value))

    def work(number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        good, value = _outcome(target, method, args, kwargs)
        try:
            answer(number, good, value)
        except OSError:
            _log.debug("nobody waits for the answer of %s", method)

    answer(None, True, ready)
    try:
        while True:
            number, method, args, kwargs = connection.recv()
            pool.submit(work, number, method, args, kwargs)
    except (EOFError, OSError):
        pool.shutdown(wait=False, cancel_futures=True)


def tell_failed_start(connection: Connection, error: Exception) -> None:
    """Say, instead of `ready`, why there is nobody to ask."""
    told = error if isinstance(error, ArcxoError) else _bug("start", error)
    try:
        connection.send((None, False, told))
    except OSError:
        _log.debug("nobody waits for the start")


def _bug(where: str, error: Exception) -> ArcxoError:
    return ArcxoError("AE1099", where=where, error=f"{type(error).__name__}: {error}")


def _outcome(
    target: object, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, object]:
    """(whether it returned, what it returned or the error)."""
    try:
        return True, getattr(target, method)(*args, **kwargs)
    except ArcxoError as error:
        return False, error
    except Exception as error:  # noqa: BLE001  # the caller is told of the bug and shows it
        _log.error("bug in %s", method, exc_info=error)
        return False, _bug(method, error)
