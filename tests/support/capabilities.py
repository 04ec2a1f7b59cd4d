"""What this machine cannot do is reported by name; with ARCXO_REQUIRE_ALL=1 it is a failure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from app.native import native
from tests.support.volumes import MissingCapabilityError, loop_volume


def missing(capability: str) -> NoReturn:
    """End the test because `capability` is not there."""
    if os.environ.get("ARCXO_REQUIRE_ALL") == "1":
        pytest.fail(f"this machine lacks {capability}, and ARCXO_REQUIRE_ALL=1 demands it", pytrace=False)
    pytest.skip(f"missing capability: {capability}")


@contextlib.contextmanager
def volume_or_report(directory: Path, kind: str, size_mb: int = 0) -> Iterator[Path]:
    """A loop volume, or the test ends naming what is missing."""
    with contextlib.ExitStack() as stack:
        try:
            volume = stack.enter_context(loop_volume(directory, kind, size_mb))
        except MissingCapabilityError as error:
            missing(str(error))
            raise
        yield volume


def native_or_report(name: str) -> Any:
    """A module of `app.native`, or the test ends naming what is missing."""
    module = native(name)
    if module is None:
        missing(f"the built module app.native.{name} (packaging/native)")
    return module
