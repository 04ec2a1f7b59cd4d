"""Which paths of a root take part, by the scenario's filters; see `app.model.path_filter`."""

from __future__ import annotations

from app.model.path_filter import NOT_INCLUDED, RESERVED_PREFIX, PathFilter

__all__ = ["NOT_INCLUDED", "RESERVED_PREFIX", "PathFilter"]
