"""What a scenario must not be, checked before it is saved and again before it runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from app.model.errors import ArcxoError
from app.model.filters import check_filters
from app.model.host import CheckOutcome, CheckResult
from app.model.paths import check_relative, is_beneath, is_of_the_kernel, shown
from app.model.properties import NOT_OFFERED, check_override, check_properties
from app.model.scenario import NewScenario, Scenario
from app.replication.master.mounts import mounted_beneath, mounts_text
from app.replication.master.run_scripts import check_scripts

LOCAL = frozenset({"localhost", "127.0.0.1", "::1", ""})


def check(
    scenario: NewScenario | Scenario, others: Iterable[Scenario], host: str, reserved: Sequence[bytes]
) -> list[CheckResult]:
    """Every reason against a scenario; one OK line per root when there is none for it."""
    results = [
        CheckResult(scenario.name, CheckOutcome.ERROR, error.code, error.params)
        for error in _refusals(scenario, others, host, reserved)
    ]
    for root in scenario.roots:
        text = shown(root.master_path)
        error = _master_directory(root.master_path)
        if error is not None:
            results.append(CheckResult(text, CheckOutcome.ERROR, error.code, error.params))
        elif not os.access(root.master_path, os.R_OK | os.X_OK):
            results.append(CheckResult(text, CheckOutcome.WARNING, "WR00110", {"path": text}))
        else:
            results.append(CheckResult(text, CheckOutcome.OK, "IR00111", {"path": text}))
        if mounts := mounted_beneath(root.master_path):
            params = {"path": text, "mounts": mounts_text(mounts)}
            results.append(CheckResult(text, CheckOutcome.WARNING, "WR00124", params))
    return results + check_scripts(scenario)


def refuse(
    scenario: NewScenario | Scenario, others: Iterable[Scenario], host: str, reserved: Sequence[bytes]
) -> None:
    """Raise the first reason against a scenario, a missing master directory included."""
    for error in _refusals(scenario, others, host, reserved):
        raise error
    for root in scenario.roots:
        missing = _master_directory(root.master_path)
        if missing is not None:
            raise missing


def _master_directory(path: bytes) -> ArcxoError | None:
    if not os.path.lexists(path):
        return ArcxoError("ER00101", path=shown(path))
    if not os.path.isdir(path):
        return ArcxoError("ER00102", path=shown(path))
    return None


def _refusals(
    scenario: NewScenario | Scenario, others: Iterable[Scenario], host: str, reserved: Sequence[bytes]
) -> Iterator[ArcxoError]:
    yield from _forms(scenario)
    own_id = scenario.id if isinstance(scenario, Scenario) else 0
    rest = [other for other in others if other.id != own_id]
    if any(other.name.casefold() == scenario.name.casefold() for other in rest):
        yield ArcxoError("ER00103", scenario=scenario.name)
    if scenario.master not in LOCAL and scenario.master != host:
        yield ArcxoError("ER00104", master=scenario.master, host=host)
    if sum(_local(replica.host, host) for replica in scenario.replicas) > 1:
        # One agent keeps one replica of a scenario; two names of this machine are one host.
        yield ArcxoError("ER00114", scenario=scenario.name)
    masters = [_real(root.master_path) for root in scenario.roots]
    for number, path in enumerate(masters):
        for other in masters[number + 1 :]:
            if _overlap(path, other):
                yield ArcxoError("ER00105", path=shown(path), other=shown(other))
    for path in masters:
        yield from _against_reserved(path, reserved)
    yield from _spools(scenario, masters, host, rest, reserved)
    for replica in scenario.replicas:
        targets = [_real(path) if _local(replica.host, host) else path for path in replica.paths]
        for number, path in enumerate(targets):
            if any(_overlap(path, other) for other in targets[number + 1 :]):
                yield ArcxoError("ER00108", path=shown(path), replica=replica.host)
            if is_of_the_kernel(path):
                yield ArcxoError("ER00124", path=shown(path))
            if _local(replica.host, host):
                yield from _against_reserved(path, reserved)
                for master in masters:
                    if _overlap(path, master):
                        yield ArcxoError("ER00106", path=shown(path), master=shown(master))
            yield from _against_others(path, replica.host, host, rest)


def _against_others(path: bytes, replica: str, host: str, others: Sequence[Scenario]) -> Iterator[ArcxoError]:
    local = _local(replica, host)
    for other in others:
        for spec in other.replicas:
            if spec.host != replica and not (local and _local(spec.host, host)):
                continue
            for target in spec.paths:
                if _overlap(path, _real(target) if local else target):
                    yield ArcxoError("ER00109", path=shown(path), scenario=other.name)
        if local:
            for root in other.roots:
                # A replica that is another scenario's master in turn is a chain, which is fine; lying
                # beside it inside or around is not.
                master = _real(root.master_path)
                if path != master and _overlap(path, master):
                    yield ArcxoError("ER00106", path=shown(path), master=shown(master))


def _spools(
    scenario: NewScenario | Scenario,
    masters: list[bytes],
    host: str,
    rest: Sequence[Scenario],
    reserved: Sequence[bytes],
) -> Iterator[ArcxoError]:
    """A spool in a replicated directory would be recorded into itself; in a replica's it would be removed."""
    ours = masters + _local_targets(scenario, host)
    for other in rest:
        chosen = other.properties.spool_directory
        for path in ours:
            if chosen and _overlap(path, _real(os.fsencode(chosen))):
                yield ArcxoError("ER00292", directory=chosen, path=shown(path))
    chosen = scenario.properties.spool_directory
    if not chosen:
        return
    directory = _real(os.fsencode(chosen))
    yield from _against_reserved(directory, reserved)
    for other in rest:
        ours += [_real(root.master_path) for root in other.roots] + _local_targets(other, host)
    for path in ours:
        if _overlap(path, directory):
            yield ArcxoError("ER00292", directory=chosen, path=shown(path))
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):
        yield ArcxoError("ER00293", directory=chosen)


def _local_targets(scenario: NewScenario | Scenario, host: str) -> list[bytes]:
    return [_real(path) for spec in scenario.replicas if _local(spec.host, host) for path in spec.paths]


def _against_reserved(path: bytes, reserved: Sequence[bytes]) -> Iterator[ArcxoError]:
    for directory in reserved:
        if _overlap(path, _real(directory)):
            yield ArcxoError("ER00107", path=shown(path), directory=shown(directory))


def _forms(scenario: NewScenario | Scenario) -> Iterator[ArcxoError]:
    name = scenario.name
    if not name.strip() or len(name) > 100 or any(ord(c) < 32 or c == "/" for c in name):
        yield ArcxoError("ER00112", scenario=name[:100])
    if not scenario.roots or not scenario.replicas:
        yield ArcxoError("ER00113", scenario=name)
    if len({replica.host for replica in scenario.replicas}) != len(scenario.replicas):
        yield ArcxoError("ER00114", scenario=name)
    for replica in scenario.replicas:
        if len(replica.paths) != len(scenario.roots):
            yield ArcxoError("ER00113", scenario=name)
    yield from _properties(scenario)
    try:
        check_filters(scenario.filters)
    except ValueError as error:
        yield ArcxoError("ER00122", scenario=name, cause=error)
    paths = [root.master_path for root in scenario.roots]
    paths += [path for replica in scenario.replicas for path in replica.paths]
    for path in paths:
        if not _absolute(path):
            yield ArcxoError("ER00115", path=shown(path))


def _properties(scenario: NewScenario | Scenario) -> Iterator[ArcxoError]:
    if isinstance(scenario, NewScenario) and scenario.properties.assured_recovery:
        cause = f"assured_recovery: {NOT_OFFERED['assured_recovery']}"
        yield ArcxoError("ER00121", scenario=scenario.name, cause=cause)
    try:
        check_properties(scenario.properties)
        for replica in scenario.replicas:
            for own in replica.overrides:
                check_override(own.name, own.value)
    except KeyError as error:
        yield ArcxoError("ER00121", scenario=scenario.name, cause=f"{error.args[0]} cannot differ by replica")
    except ValueError as error:
        yield ArcxoError("ER00121", scenario=scenario.name, cause=error)


def _absolute(path: bytes) -> bool:
    try:
        return path.startswith(b"/") and check_relative(path[1:]) != b""
    except ArcxoError:
        return False


def _local(replica: str, host: str) -> bool:
    return replica in LOCAL or replica == host


def _real(path: bytes) -> bytes:
    """Where a path really leads, for the part of it that exists."""
    return os.path.realpath(path)


def _overlap(path: bytes, other: bytes) -> bool:
    return is_beneath(path, other) or is_beneath(other, path)
