"""What this host finds when it looks at itself before it is used. Changes nothing that stays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from app.distant_mounts import distant
from app.model.errors import ArcxoError
from app.model.host import CheckOutcome, CheckResult
from app.model.paths import shown
from app.replication.capture.limits import more_watches, watch_limit
from app.replication.replica.engine import ReplicaEngine
from app.snapshot.choice import choose

_SPACE_SHARE = 0.05
_SPACE_LEAST_BYTES = 1 << 30
_WATCHES_LEAST = 65_536
_HARD_LINKS = "hard links"


def check_host(home: str, data_address: str) -> Sequence[CheckResult]:
    """Space for the home, rights, limits of watching, and the port masters send to (of `data_address`)."""
    port = data_address.rpartition(":")[2]
    listening = CheckResult("data port", CheckOutcome.OK, "AI1120", {"port": port})
    return [_space(os.fsencode(home), "AI1110", "AW1111"), _rights(), _watches(), listening]


def check_place(engine: ReplicaEngine, path: bytes) -> list[CheckResult]:
    """A directory as a root: whether it may be written, its space, and how it can be frozen."""
    try:
        distant.lstat(path)
    except TimeoutError as error:
        params = {"path": shown(path), "reason": str(error.strerror)}
        return [CheckResult(shown(path), CheckOutcome.ERROR, "AE1042", params)]
    except OSError:
        pass  # said below
    results = list(engine.checks.root(path))
    if any(result.outcome is CheckOutcome.ERROR for result in results) or not os.path.isdir(path):
        return results
    return [*results, _space(path, "AI1112", "AW1113"), *_snapshots(engine, path)]


def _space(path: bytes, good: str, scarce: str) -> CheckResult:
    found = os.statvfs(path)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    little = free < max(_SPACE_LEAST_BYTES, int(size * _SPACE_SHARE))
    outcome = CheckOutcome.WARNING if little else CheckOutcome.OK
    params = {
        "path": shown(path),
        "free": f"{free / (1 << 30):.1f} GiB",
        "size": f"{size / (1 << 30):.1f} GiB",
    }
    return CheckResult(shown(path), outcome, scarce if little else good, params)


def _rights() -> CheckResult:
    if os.geteuid() == 0:
        return CheckResult("rights", CheckOutcome.OK, "AI1114")
    return CheckResult("rights", CheckOutcome.WARNING, "AW1115", {"user": str(os.geteuid())})


def _watches() -> CheckResult:
    limit = watch_limit()
    if limit >= _WATCHES_LEAST:
        return CheckResult("watches", CheckOutcome.OK, "AI1116", {"limit": f"{limit:,}"})
    params = {"limit": f"{limit:,}", "command": more_watches(_WATCHES_LEAST)}
    return CheckResult("watches", CheckOutcome.WARNING, "AW1117", params)


def _snapshots(engine: ReplicaEngine, path: bytes) -> Iterator[CheckResult]:
    subject = shown(path)
    try:
        with engine.checks.probe_area(path) as area:
            provider = choose(path, area).name
    except ArcxoError as error:
        yield CheckResult(subject, CheckOutcome.ERROR, error.code, dict(error.params))
        return
    weak = provider == _HARD_LINKS
    outcome = CheckOutcome.WARNING if weak else CheckOutcome.OK
    yield CheckResult(
        subject, outcome, "AW1119" if weak else "AI1118", {"path": subject, "provider": provider}
    )
