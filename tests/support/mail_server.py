"""A mail server that keeps what it is given, and can refuse it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP without encryption on a free port of this machine."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[Message] = []
        self.refuse = False

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def text(self, number: int) -> str:
        """The text of a mail that arrived."""
        for part in self.mails[number].walk():
            if part.get_content_type() == "text/plain":
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                return content.decode()
        return ""


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(220, "ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb.startswith("EHLO"):
                self._say(250, "here")
            elif verb.startswith("RCPT") and self.server.refuse:
                self._say(550, "nobody of that name")
            elif verb == "DATA":
                self._say(354, "go on")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part)
                self.server.mails.append(message_from_bytes(b"".join(lines)))
                self._say(250, "taken")
            elif verb == "QUIT":
                self._say(221, "bye")
                return
            else:
                self._say(250, "fine")

    def _say(self, code: int, text: str) -> None:
        self.wfile.write(f"{code} {text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server that ends with the block."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
