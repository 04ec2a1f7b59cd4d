"""The manifest of a snapshot, looked up by path."""

from __future__ import annotations

import os
from pathlib import Path

from app.model.entry import Identity, Metadata
from app.model.manifest import read
from app.model.paths import shown


class SnapshotManifest:
    """All entries of a manifest file in memory. Raises ArcxoError E4190 when it is damaged."""

    def __init__(self, path: bytes) -> None:
        content = Path(os.fsdecode(path)).read_bytes()
        self._entries = {
            entry: (metadata, identity) for entry, metadata, identity in read(content, shown(path))
        }

    def get(self, path: bytes) -> tuple[Metadata, Identity] | None:
        """What the manifest says of a path relative to the root."""
        return self._entries.get(path)
