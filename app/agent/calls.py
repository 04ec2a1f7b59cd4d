"""How every call of the control port is answered: authorised, timed, its errors told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from app.agent.errors import abort, bug, timed_out, wrong_parameters
from app.agent.sessions import Sessions
from app.agent.verbs import REQUIRED_ROLE
from app.model.errors import ArcxoError, BusyError, CredentialsError

DEADLINE_MAX_S = 24 * 3600.0
_DEADLINE_DEFAULT_S = 180.0
_ANSWER_RESERVE_S = 0.2
STREAMS_MAX = 32
_SLOW_THREADS = 64
_STATE_THREADS = 16
_OPEN_THREADS = 32
_AUTHORIZATION = "authorization"


class Calls:
    """Wraps the work of calls into handlers of the gRPC server.

    Quick calls use the server's own pool; those that may take long, and streams, have pools of their own, so
    that whatever they wait for, the quick ones are answered.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._states = ThreadPoolExecutor(_STATE_THREADS, thread_name_prefix="state-call")
        self._slow = ThreadPoolExecutor(_SLOW_THREADS, thread_name_prefix="slow-call")
        self._opening = ThreadPoolExecutor(_OPEN_THREADS, thread_name_prefix="open-call")
        self._streams = ThreadPoolExecutor(STREAMS_MAX + 4, thread_name_prefix="stream")
        self._places = threading.Semaphore(STREAMS_MAX)

    def quick(self, name: str, work: Callable[[Any, float], Any]) -> Callable[..., Any]:
        """A call that answers from memory. `work(request, seconds left)` returns the reply."""

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self.authorize(name, token_in(context.invocation_metadata()))
                left = seconds_left(context)
                return work(request, left)
            except ArcxoError as error:
                # A role's own time-out names its process; the caller is told of what it asked about.
                told = error
                if error.code == "AE1027":
                    told = timed_out(request, "localhost", name, float(error.params.get("seconds", left)))
                elif error.code == "AE1007":
                    told = wrong_parameters(request, name, error)
            except Exception as error:  # noqa: BLE001  # told to the caller as a bug
                told = bug(error, name)
            return abort(context, told)

        return handle

    def state(self, name: str, work: Callable[[Any, float], Any]) -> Callable[..., Any]:
        """A call that readers repeat, and that waits for a role which may just be starting."""
        handle = self.quick(name, work)
        handle.experimental_thread_pool = self._states  # type: ignore[attr-defined]  # read by grpc's server
        return handle

    def slow(self, name: str, work: Callable[[Any, float], Any]) -> Callable[..., Any]:
        """A call that may wait for engines, disks or other hosts."""
        handle = self.quick(name, work)
        handle.experimental_thread_pool = self._slow  # type: ignore[attr-defined]  # read by grpc's server
        return handle

    def stream(self, name: str, work: Callable[[Any, threading.Event], Iterator[Any]]) -> Callable[..., Any]:
        """A call with many answers; `work(request, gone)` ends when `gone` is set: nobody listens."""

        def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            gone = threading.Event()
            if not context.add_callback(gone.set):
                return
            try:
                self.authorize(name, token_in(context.invocation_metadata()))
                yield from self._in_a_place(name, work(request, gone))
            except ArcxoError as error:
                told = error
            except Exception as error:  # noqa: BLE001  # told to the caller as a bug
                told = bug(error, name)
            else:
                return
            abort(context, told)

        handle.experimental_thread_pool = self._streams  # type: ignore[attr-defined]  # read by grpc's server
        return handle

    def _in_a_place(self, name: str, answers: Iterator[Any]) -> Iterator[Any]:
        """The answers, while one of the places for streams is taken for them."""
        if not self._places.acquire(blocking=False):
            raise BusyError("AE1009", call=name, host="", reason=f"{STREAMS_MAX} streams are open")
        try:
            yield from answers
        finally:
            self._places.release()

    def open(self, name: str, work: Callable[[Any, str], Any]) -> Callable[..., Any]:
        """A call that needs no token. `work(request, the caller's address)`."""

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return work(request, context.peer().rpartition(":")[0])
            except ArcxoError as error:
                told = error
            except Exception as error:  # noqa: BLE001  # told to the caller as a bug
                told = bug(error, name)
            return abort(context, told)

        # A pool of their own: whoever floods these holds nobody up who has logged in.
        handle.experimental_thread_pool = self._opening  # type: ignore[attr-defined]  # read by grpc's server
        return handle

    def close(self) -> None:
        """Let the threads go, once the server has ended."""
        for pool in (self._states, self._slow, self._opening, self._streams):
            pool.shutdown(wait=False)

    def authorize(self, name: str, token: str) -> None:
        """Raise CredentialsError AE1015, AE1018 unless the bearer of `token` may make the call `name`."""
        account = self._sessions.bearer(token)
        required = REQUIRED_ROLE.get(name)
        if required is None or account.role < required:
            needed = required.label if required else "no"
            raise CredentialsError("AE1018", user=account.name, call=name, role=needed)


def token_in(metadata: Any) -> str:
    """The token that came with a call; "" for none."""
    return next((str(value) for key, value in metadata or () if key == _AUTHORIZATION), "")


def seconds_left(context: grpc.ServicerContext) -> float:
    """What is left of the caller's time, so that it hears the answer "not in time" before it hangs up."""
    left: float | None = context.time_remaining()  # None without a deadline
    if left is None:
        return _DEADLINE_DEFAULT_S
    return max(0.0, min(float(left), DEADLINE_MAX_S) - _ANSWER_RESERVE_S)
