"""The frames of a link that only looks: for difference reports and audits, beside the stream or without one.

Master: `Inquiry`. Replica: `Welcome` or `Refused`. Then requests, answered in order; hashes are asked for
as a synchronisation does (`HashRequest`). Nothing is changed, and applying is not held up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.replication.codec import refuse, take, take_int, take_path, take_root, take_text
from app.replication.sync_frames import ListedEntry, Listing, pack_listing, unpack_listing

INSPECTED_MOST = 5_000
_U63 = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Master's first frame on such a link. `replica` is the host's name in the scenario."""

    protocol: int
    scenario_id: int
    replica: str


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """The entries of a root that follow `after` (with `first`: from the root itself on), up to `most`.

    With `paths`: those of them that are there.
    """

    root: int
    first: bool
    after: bytes
    most: int
    paths: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspected:
    """The answer, in the order of `order_key`; `more` may follow the last entry.

    `drifted`: of the paths that were asked for, those that somebody else is known to have changed there.
    """

    root: int
    entries: tuple[ListedEntry, ...]
    more: bool
    drifted: tuple[bytes, ...] = ()


def pack_inspect(frame: Inquiry | InspectRequest | Inspected) -> list[Any]:
    """The fields for msgpack."""
    if isinstance(frame, Inquiry):
        return [frame.protocol, frame.scenario_id, frame.replica]
    if isinstance(frame, InspectRequest):
        return [frame.root, frame.first, frame.after, frame.most, frame.paths]
    return [*pack_listing(Listing(frame.root, frame.entries)), frame.more, frame.drifted]


def unpack_inquiry(fields: list[Any]) -> Inquiry:
    """Raises ArcxoError ER00301."""
    protocol, scenario_id, replica = take(fields, 3)
    return Inquiry(take_int(protocol, 1, 1 << 16), take_int(scenario_id, 0, _U63), take_text(replica))


def unpack_inspect_request(fields: list[Any]) -> InspectRequest:
    """Raises ArcxoError ER00301, E1010."""
    root, first, after, most, paths = take(fields, 5)
    if not isinstance(first, bool) or not isinstance(paths, list) or len(paths) > INSPECTED_MOST:
        refuse("a bad request to look")
    return InspectRequest(
        take_root(root),
        first,
        take_path(after),
        take_int(most, 1, INSPECTED_MOST),
        tuple(take_path(path) for path in paths),
    )


def unpack_inspected(fields: list[Any]) -> Inspected:
    """Raises ArcxoError ER00301, E1010."""
    root, listed, more, drifted = take(fields, 4)
    if not isinstance(more, bool):
        refuse("a field that is not a truth value")
    if not isinstance(drifted, list) or len(drifted) > INSPECTED_MOST:
        refuse("a bad answer to a request to look")
    listing = unpack_listing([root, listed])
    if len(listing.entries) > INSPECTED_MOST:
        refuse("more entries than were asked for")
    return Inspected(listing.root, listing.entries, more, tuple(take_path(path) for path in drifted))
