"""A media, and a tree to be backed up, for all who want just these."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media_samples import new_media
from tests.support.trees import fill


@pytest.fixture
def media(tmp_path: Path) -> str:
    return new_media(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    fill(root)
    return root
