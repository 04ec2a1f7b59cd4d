"""Capture: what tells the master that something beneath a root may have changed. Hints, never facts."""

from __future__ import annotations

import platform

from app.replication.capture.port import CaptureListener, ChangeSource, Unwatched

__all__ = ["CaptureListener", "ChangeSource", "Unwatched", "open_source"]


def open_source(root: bytes, cookies: bytes, listener: CaptureListener) -> ChangeSource:
    """The change source of this system for one root; it watches nothing until `start`.

    `cookies` is a directory outside the root; names made in it pass through the same queue as the root's
    changes and are told by `listener.cookie`.
    """
    if platform.system() == "Linux":
        from app.replication.capture.linux import InotifySource

        return InotifySource(root, cookies, listener)
    from app.replication.capture.observer import ObserverSource

    return ObserverSource(root, cookies, listener)
