"""Having another host work with this host's media: its requests are answered through a gate."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from app.agent.api import AnyPoint, ArchiveOrder, RestoreOrder
from app.agent.convert import from_message, to_message, to_text
from app.agent.errors import bug
from app.agent.far_media import MediaAnswer, MediaRequest
from app.agent.generated import agent_pb2 as pb
from app.agent.media_gate import MediaGate
from app.media.api import SessionHeader
from app.media.far import FAR
from app.model.backup_filters import filters_text
from app.model.errors import ArcxoError
from app.model.scenario import Filters

_LANES = 6
_OPEN_MOST = 48


def header_check(order: ArchiveOrder, point: AnyPoint) -> Callable[[SessionHeader], None]:
    """What raises ArcxoError E4158 for the header of another session than was ordered."""
    roots = next((item.roots for item in point.entities if item.entity == order.entity), ())
    ordered: dict[str, object] = {
        "job_id": order.job_id,
        "entity": order.entity,
        "key_id": order.key_id,
        "server": order.server,
        "scenario_id": point.scenario_id,
        "scenario_name": point.scenario_name,
        "machine": point.machine,
        "replica": point.replica,
        "roots": tuple(path for path, _ in roots),
        "filters": filters_text(Filters(order.include, order.exclude)),
    }

    def check(header: SessionHeader) -> None:
        wrong = [name for name, value in ordered.items() if getattr(header, name) != value]
        if header.base_session not in (0, order.base_session):
            wrong.append("base_session")
        if wrong:
            raise ArcxoError("E4158", media=order.media_path, object=f"a session of another {wrong[0]}")

    return check


def _answer_message(answer: MediaAnswer) -> pb.FarOrder:
    error = answer.error
    detail = None
    if error is not None:
        params = {to_text(key): to_text(value)[:500] for key, value in error.params.items()}
        detail = pb.ErrorDetail(code=error.code, exit_code=int(error.exit_code), params=params)
    return pb.FarOrder(
        answer=pb.MediaAnswer(
            number=answer.number,
            value=answer.value,
            data=answer.data,
            names=[pb.MediaName(name=name, size_bytes=size) for name, size in answer.names],
            error=detail,
        )
    )


def far_archive(order: ArchiveOrder, point: AnyPoint) -> tuple[pb.FarOrder, dict[str, MediaGate]]:
    """The message of an order whose media is this host's, and the gate to it."""
    from app.backup.api import usable_base

    if order.base_media:
        # What lies on another media of the set is read again rather than looked up over the wire.
        order = replace(order, base_session=0, base_media="", base_incarnation="")
    elif not usable_base(
        order.media_path, order.base_session, order.base_incarnation, order.base_change, order.data_key
    ):
        order = replace(order, base_incarnation="")
    far = replace(order, media_path=FAR + order.media_path)
    base = [order.base_session] if order.base_session else []
    gate = MediaGate(order.media_path, base, header_check(order, point))
    return pb.FarOrder(archive=to_message(far, pb.ArchiveOrder)), {far.media_path: gate}


def far_restore(order: RestoreOrder) -> tuple[pb.FarOrder, dict[str, MediaGate]]:
    """The same of a restore, with a gate to each media."""
    sessions: dict[str, list[int]] = {}
    for part in order.parts():
        sessions.setdefault(part.media_path, []).append(part.session)
    more = tuple(replace(part, media_path=FAR + part.media_path) for part in order.more)
    far = replace(order, media_path=FAR + order.media_path, more=more)
    gates = {FAR + path: MediaGate(path, numbers, None) for path, numbers in sessions.items()}
    return pb.FarOrder(restore=to_message(far, pb.RestoreOrder)), gates


def far_events(
    call: Callable[[Iterator[pb.FarOrder]], Iterator[Any]], order: pb.FarOrder, gates: dict[str, MediaGate]
) -> Iterator[Any]:
    """The events of the call but those that ask for media, which the gate of that media answers.

    `call(messages)` makes the call. What the other side asks is worked on in a few lanes, each in order, and
    no more of it is taken than is worked on.
    """
    answers: queue.SimpleQueue[pb.FarOrder | None] = queue.SimpleQueue()
    open_ = threading.Semaphore(_OPEN_MOST)
    lanes = [ThreadPoolExecutor(1, thread_name_prefix="media-lane") for _ in range(_LANES)]

    def outgoing() -> Iterator[pb.FarOrder]:
        yield order
        while (message := answers.get()) is not None:
            yield message

    def work(request: MediaRequest) -> None:
        try:
            gate = gates.get(request.media)
            if gate is None:
                error = ArcxoError("E4158", media=request.media[:200], object=request.name[:200])
                answer = MediaAnswer(request.number, error=error)
            else:
                answer = gate.answer(request)
            message = _answer_message(answer)
        except Exception as fault:  # noqa: BLE001  # told to the worker, which would wait for ever
            answer = MediaAnswer(request.number, error=bug(fault, request.operation))
            message = _answer_message(answer)
        finally:
            open_.release()
        answers.put(message)

    try:
        for event in call(outgoing()):
            if event.WhichOneof("content") != "media":
                yield event
                continue
            request = from_message(event.media, MediaRequest)
            open_.acquire()
            # Requests of one upload stay in order; the others may overtake each other.
            lane = request.upload or request.number
            lanes[lane % _LANES].submit(work, request)
    finally:
        answers.put(None)
        for lane_pool in lanes:
            lane_pool.shutdown(cancel_futures=True)
        for gate in gates.values():
            gate.close()
