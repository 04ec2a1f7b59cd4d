"""The agent's log: one rotating file, no secrets."""

from __future__ import annotations

import logging
import logging.handlers

_SIZE_BYTES = 2 * 1024 * 1024
_KEPT = 3
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def log_and_rotate(path: str) -> None:
    """Log to the file and rotate it. For the control process."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_SIZE_BYTES, backupCount=_KEPT)
    _install(handler)


def log_beside(path: str) -> None:
    """Log to the file that the control process rotates. For its children."""
    _install(logging.handlers.WatchedFileHandler(path))


def _install(handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
