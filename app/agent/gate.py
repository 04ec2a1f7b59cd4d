"""What stands before the calls of the control port: strangers are refused before they have said more.

A call of gRPC takes a thread of its pool until its message has come. So whoever has no token is refused by
what came with the call's first bytes, and what may be asked for without one has a time for its message, and
few places for each address: a caller that says nothing holds up nobody but itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc

from app.agent.calls import Calls, token_in
from app.agent.errors import abort, bug
from app.model.errors import ArcxoError, BusyError, UsageError

OPEN_CALLS = frozenset({"LogIn", "OpenScenarioStream"})
"""What needs no token."""
MESSAGE_WAIT_S = 10.0
_WAITING_OF_ONE_ADDRESS = 8
_REFUSING_THREADS = 4


class Gate(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic for its stubs alone
    """Interceptor of the control port. `wait_s` is how long a call without a token may keep its message."""

    def __init__(self, calls: Calls, wait_s: float = MESSAGE_WAIT_S) -> None:
        self._calls = calls
        self._wait_s = wait_s
        self._refusing = ThreadPoolExecutor(_REFUSING_THREADS, thread_name_prefix="refused-call")
        self._guard = threading.Lock()
        self._waiting: Counter[str] = Counter()

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """The handler of a call, or one that refuses it. In the server's own thread: it must not block."""
        handler = continuation(details)
        name = details.method.rpartition("/")[2]
        if handler is None:
            return None
        if name in OPEN_CALLS:
            return self._in_time(name, handler)
        try:
            self._calls.authorize(name, token_in(details.invocation_metadata))
        except ArcxoError as error:
            return self._refusal(error)
        except Exception as error:  # noqa: BLE001  # told to the caller as a bug
            return self._refusal(bug(error, name))
        return handler

    def close(self) -> None:
        """Let the threads go, once the server has ended."""
        self._refusing.shutdown(wait=False)

    def _refusal(self, error: ArcxoError) -> Any:
        def refuse(_requests: Any, context: grpc.ServicerContext) -> NoReturn:
            abort(context, error)

        refuse.experimental_thread_pool = self._refusing  # type: ignore[attr-defined]  # read by grpc's server
        # As a stream of requests, none of which is read.
        return grpc.stream_unary_rpc_method_handler(refuse)

    def _in_time(self, name: str, handler: Any) -> Any:
        answer = handler.unary_unary

        def take(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            address = context.peer().rpartition(":")[0]
            try:
                with self._place(name, address):
                    hang_up = threading.Timer(self._wait_s, context.cancel)
                    hang_up.start()
                    try:
                        request = next(requests, None)
                    finally:
                        hang_up.cancel()
                if request is None:
                    raise UsageError("AE1007", message=name, reason="it has no message")
            except ArcxoError as error:
                abort(context, error)
            return answer(request, context)

        take.experimental_thread_pool = answer.experimental_thread_pool  # type: ignore[attr-defined]  # as above
        return grpc.stream_unary_rpc_method_handler(
            take, handler.request_deserializer, handler.response_serializer
        )

    @contextmanager
    def _place(self, name: str, address: str) -> Iterator[None]:
        with self._guard:
            if self._waiting[address] >= _WAITING_OF_ONE_ADDRESS:
                raise BusyError("AE1009", call=name, host="", reason="too many calls without a message")
            self._waiting[address] += 1
        try:
            yield
        finally:
            with self._guard:
                self._waiting[address] -= 1
                if not self._waiting[address]:
                    del self._waiting[address]
