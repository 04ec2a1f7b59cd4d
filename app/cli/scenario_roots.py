"""Which directory goes where: the `--root` options of `scenario create` and `scenario check`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from app.cli.arguments import absolute_bytes
from app.model.errors import UsageError
from app.model.paths import shown
from app.model.scenario import ReplicaSpec, Root

_ABSOLUTE = re.compile(r"(?:[^/=:]+:)?/")


def roots_and_replicas(
    options: Sequence[str], hosts: Sequence[str]
) -> tuple[tuple[Root, ...], tuple[ReplicaSpec, ...]]:
    """The roots in the order they were first named, and every host with its directory for each of them.

    `MASTER_DIR=REPLICA_DIR` holds for every host that no `MASTER_DIR=HOST:REPLICA_DIR` names.

    Raises:
        UsageError: E1107 not two directories, E1149 a host that is no replica, E1194 a host is told two
            directories for a root, or none.
    """
    targets: dict[bytes, dict[str, bytes]] = {}
    for option in options:
        source, host, target = _split(option, hosts)
        if host and host not in hosts:
            raise UsageError("E1149", host=host, known=", ".join(hosts))
        known = targets.setdefault(source, {})
        if host in known:
            raise UsageError("E1194", root=shown(source), host=host or "all replicas", count=2)
        known[host] = target
    specs = []
    for host in hosts:
        paths = [found.get(host, found.get("")) for found in targets.values()]
        for source, path in zip(targets, paths, strict=True):
            if path is None:
                raise UsageError("E1194", root=shown(source), host=host, count=0)
        specs.append(ReplicaSpec(host, tuple(path for path in paths if path is not None)))
    return tuple(Root(source) for source in targets), tuple(specs)


def _split(text: str, hosts: Sequence[str]) -> tuple[bytes, str, bytes]:
    """Master's directory, host ("" = all), replica's directory.

    Where names hold `=` themselves, the one before an absolute path divides.
    """
    places = [match.start() for match in re.finditer("=", text)]
    if len(places) > 1:
        places = [at for at in places if _ABSOLUTE.match(text, at + 1)]
    at = places[0] if len(places) == 1 else -1
    source, target = text[:at], text[at + 1 :]
    host, colon, rest = target.partition(":")
    if not (colon and "/" not in host and (rest.startswith("/") or host in hosts)):
        host, rest = "", target
    elif not host or not rest.startswith("/"):
        at = -1
    if at < 0 or not source or not rest:
        raise UsageError("E1107", root=os.fsencode(text).decode("utf-8", "replace"))
    return absolute_bytes(source), host, absolute_bytes(rest)
