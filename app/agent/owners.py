"""The users and groups of this machine, as its system enumerates them."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterable

from app.model.owners import OWNERS_MAX, HostOwners, Owner


def host_owners() -> HostOwners:
    """All that are enumerated, the lowest numbers first. Blocks where a directory service is asked."""
    return HostOwners(
        _first((one.pw_uid, one.pw_name) for one in pwd.getpwall()),
        _first((one.gr_gid, one.gr_name) for one in grp.getgrall()),
    )


def _first(found: Iterable[tuple[int, str]]) -> tuple[Owner, ...]:
    """Of several names of one number the first counts, as it does for the system."""
    names: dict[int, str] = {}
    for number, name in found:
        names.setdefault(number, name)
    return tuple(Owner(number, names[number]) for number in sorted(names)[:OWNERS_MAX])
