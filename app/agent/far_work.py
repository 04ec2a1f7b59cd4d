"""Work on this host with media of the caller: the worker's requests go out as events, answers come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from app.agent.api import ArchiveOrder, RestoreOrder
from app.agent.convert import from_message, to_message
from app.agent.errors import error_of
from app.agent.far_media import MediaAnswer, MediaRequest
from app.agent.generated import agent_pb2 as pb
from app.agent.host import HostEngines
from app.agent.workers import AnswerLine
from app.media.far import FAR
from app.model.errors import UsageError

Order = TypeVar("Order")


def archive_far(
    host: HostEngines, orders: Iterator[Any], gone: threading.Event, told: Callable[[Any], pb.ArchiveEvent]
) -> Iterator[pb.FarEvent]:
    """Archive what the first message orders, with the caller's media. Raises UsageError AE1007.

    `told` makes the message of an event of the archive.
    """
    order = _order_of(orders, "archive", ArchiveOrder)
    _check_far((order.media_path, *filter(None, (order.base_media,))))
    for event in host.archive(order, gone, _line_of(orders, gone)):
        if isinstance(event, MediaRequest):
            yield pb.FarEvent(media=to_message(event, pb.MediaRequest))
        else:
            yield pb.FarEvent(archive=told(event))


def restore_far(
    host: HostEngines, orders: Iterator[Any], gone: threading.Event, told: Callable[[Any], pb.RestoreEvent]
) -> Iterator[pb.FarEvent]:
    """Restore or plan what the first message orders; the rest as in `archive_far`."""
    order = _order_of(orders, "restore", RestoreOrder)
    _check_far([part.media_path for part in order.parts()])
    for event in host.restore(order, gone, _line_of(orders, gone)):
        if isinstance(event, MediaRequest):
            yield pb.FarEvent(media=to_message(event, pb.MediaRequest))
        else:
            yield pb.FarEvent(restore=told(event))


def _order_of(orders: Iterator[Any], name: str, kind: type[Order]) -> Order:
    first = next(orders, None)
    if first is None or first.WhichOneof("content") != name:
        raise UsageError("AE1007", message="FarOrder", reason="it does not begin with an order")
    return from_message(getattr(first, name), kind)


def _check_far(media: Sequence[str]) -> None:
    """A path of this host would be used with the agent's rights, past the caller's gate."""
    if not all(path.startswith(FAR) for path in media):
        raise UsageError("AE1007", message="FarOrder", reason="the media is not the caller's")


def _line_of(orders: Iterator[Any], gone: threading.Event) -> AnswerLine:
    line = AnswerLine()
    threading.Thread(target=_take_answers, args=(orders, line, gone), name="answers", daemon=True).start()
    return line


def _take_answers(orders: Iterator[Any], line: AnswerLine, gone: threading.Event) -> None:
    try:
        for message in orders:
            if message.WhichOneof("content") == "answer":
                line.answer(_answer_of(message.answer))
    except Exception:  # noqa: BLE001  # a server's request iterator raises bare ones when the caller is lost
        gone.set()


def _answer_of(message: Any) -> MediaAnswer:
    error = None
    if message.HasField("error"):
        detail = message.error
        error = error_of(detail.code, detail.exit_code, dict(detail.params))
    return MediaAnswer(
        message.number,
        message.value if message.HasField("value") else None,
        message.data,
        tuple((item.name, item.size_bytes) for item in message.names),
        error,
    )
