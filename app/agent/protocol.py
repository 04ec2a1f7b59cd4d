"""Which versions of the protocol this program speaks, and whether another one can be talked to."""

from __future__ import annotations

from app.model.errors import ArcxoError

PROTOCOL = 2
"""The newest version spoken here."""
PROTOCOL_OLDEST = 2
"""The oldest version still understood."""
_BEFORE_VERSIONS = 1
"""What those speak that say nothing of a version."""


def check_protocol(host: str, oldest: int, newest: int, version: str) -> None:
    """Raise ArcxoError AE1031 unless the ranges have a version in common.

    `oldest` and `newest` are the other side's, 0 where it says nothing; `version` is its program's.
    """
    newest = newest or _BEFORE_VERSIONS
    oldest = oldest or _BEFORE_VERSIONS
    if oldest <= PROTOCOL and newest >= PROTOCOL_OLDEST:
        return
    raise ArcxoError(
        "AE1031",
        host=host,
        version=version or "unknown",
        theirs=_range(oldest, newest),
        ours=_range(PROTOCOL_OLDEST, PROTOCOL),
    )


def _range(oldest: int, newest: int) -> str:
    return str(newest) if oldest == newest else f"{oldest} to {newest}"
