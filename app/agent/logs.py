"""The agent's log: one rotating file, no secrets."""

from __future__ import annotations

import logging
import logging.handlers
import sys

_SIZE_BYTES = 2 * 1024 * 1024
_KEPT = 3
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def log_to_file(path: str) -> None:
    """Log to a rotating file. For the control process: its children's output reaches it as text."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_SIZE_BYTES, backupCount=_KEPT)
    handler.setFormatter(logging.Formatter(_FORMAT))
    _install(handler)


def log_to_output() -> None:
    """Log to standard error, which the control process reads. For the children."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    _install(handler)


def _install(handler: logging.Handler) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
