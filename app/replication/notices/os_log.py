"""Lines for the log of the operating system: the socket of syslog or journald, never waited for."""

from __future__ import annotations

import errno
import os
import socket
from datetime import datetime

from app.messages import render
from app.model.events import EventRecord, Severity

SOCKET = "/dev/log"
_FACILITY_DAEMON = 3
_LINE_MOST_BYTES = 2_000
_LEVELS = {
    Severity.CRITICAL: 2,
    Severity.ERROR: 3,
    Severity.WARNING: 4,
    Severity.SIGNIFICANT: 5,
    Severity.INFORMATION: 6,
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class OsLog:
    """Sends lines to the socket at `path`. For one thread; each call opens the socket anew."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path

    def write(self, event: EventRecord) -> str:
        """Send an event; returns why it could not be sent, "" when it was. Blocks for nothing."""
        data = line_of(event)
        cause = ""
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_UNIX, kind) as end:
                end.setblocking(False)
                try:
                    end.connect(self._path)
                    end.send(data if kind is socket.SOCK_DGRAM else data + b"\0")
                except OSError as error:
                    # A socket of the other kind says nothing of why a line could not be sent.
                    if not cause or error.errno != errno.EPROTOTYPE:
                        cause = error.strerror or str(error)
                else:
                    return ""
        return cause


def line_of(event: EventRecord) -> bytes:
    """An event as one line of syslog (RFC 3164), with its severity as the level."""
    local: datetime = event.at.astimezone()
    stamp = f"{_MONTHS[local.month - 1]} {local.day:2} {local:%H:%M:%S}"
    text = f"{event.code} {event.scenario_name}: {render(event.code, event.params).text}"
    plain = "".join(char if char.isprintable() else " " for char in text)
    priority = _FACILITY_DAEMON * 8 + _LEVELS[event.severity]
    head = f"<{priority}>{stamp} arcxo[{os.getpid()}]: "
    return (head + plain).encode("utf-8", "replace")[:_LINE_MOST_BYTES]
