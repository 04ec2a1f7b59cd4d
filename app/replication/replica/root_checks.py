"""What stands against a directory as a replica root here."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence

from app.model.errors import ArcxoError
from app.model.host import CheckOutcome, CheckResult
from app.model.paths import is_beneath, is_of_the_kernel, shown
from app.model.scenario import Scenario
from app.replication.replica.claims import Claims
from app.replication.replica.replica import Replica
from app.replication.replica.side_store import open_side_store


class RootChecks:
    """See the module. Any thread; blocks on disk.

    `directory` is the home's `engine` directory, `side` where side stores are that their roots cannot hold;
    `known()` gives the replicas here by their scenarios' numbers, `claims` those of other homes.
    """

    def __init__(
        self,
        directory: bytes,
        side: bytes,
        home_id: Callable[[], str],
        known: Callable[[], Sequence[tuple[int, Replica]]],
        claims: Claims,
    ) -> None:
        self._directory = directory
        self._side = side
        self._home_id = home_id
        self._known = known
        self._claims = claims

    def overlap(self, scenario: Scenario, paths: Sequence[bytes]) -> None:
        """No two scenarios write one directory, of whatever home, and none writes ours.

        Raises ArcxoError ER00415, ER00426, ER00107.
        """
        self._overlap(scenario.id, paths)
        for path in paths:
            self._claims.refuse(path)

    def _overlap(self, scenario_id: int, paths: Sequence[bytes]) -> None:
        own = os.path.realpath(self._directory)
        for path in paths:
            real = os.path.realpath(path)
            if is_of_the_kernel(real):
                raise ArcxoError("ER00124", path=shown(path))
            if is_beneath(real, own) or is_beneath(own, real):
                raise ArcxoError("ER00107", path=shown(path), directory=shown(own))
        others = [r for i, r in self._known() if i != scenario_id and r.scenario is not None]
        for other in others:
            for path in paths:
                real = os.path.realpath(path)
                for taken in other.paths:
                    there = os.path.realpath(taken)
                    if is_beneath(real, there) or is_beneath(there, real):
                        name = other.scenario.name if other.scenario else ""
                        raise ArcxoError("ER00415", path=shown(path), other=shown(taken), scenario=name)

    def root(self, path: bytes, scenario: Scenario | None = None) -> list[CheckResult]:
        """What there is to say of `path` as a replica root of this scenario here. Changes nothing."""
        subject = shown(path)
        results = []
        try:
            self.overlap(scenario, [path]) if scenario is not None else None
        except ArcxoError as error:
            results.append(CheckResult(subject, CheckOutcome.ERROR, error.code, error.params))
        if scenario is None:
            try:
                self._claims.refuse(path)
            except ArcxoError as error:
                results.append(CheckResult(subject, CheckOutcome.ERROR, error.code, error.params))
        if not os.path.isdir(path):
            if os.path.lexists(path):
                return [*results, CheckResult(subject, CheckOutcome.ERROR, "ER00402", {"path": subject})]
            above = path
            while above not in (b"/", b"") and not os.path.isdir(above):
                above = os.path.dirname(above)
            if not os.access(above or b"/", os.W_OK | os.X_OK):
                params = {"path": subject, "cause": f"{shown(above)} is not writable"}
                return [*results, CheckResult(subject, CheckOutcome.ERROR, "ER00413", params)]
            params = {"path": subject}
            outcome = CheckOutcome.WARNING
            return [*results, CheckResult(subject, outcome, "WR00412", params, fix="create_directory")]
        if not os.access(path, os.W_OK | os.X_OK):
            params = {"path": subject, "cause": "no permission to write"}
            return [*results, CheckResult(subject, CheckOutcome.ERROR, "ER00413", params)]
        key = b"check-" + secrets.token_hex(4).encode()
        try:
            store = open_side_store(
                path,
                self._side,
                self._home_id(),
                key,
                [path for _, replica in self._known() for path in replica.paths],
            )
        except ArcxoError as error:
            return [*results, CheckResult(subject, CheckOutcome.ERROR, error.code, error.params)]
        shutil.rmtree(store.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            if not is_beneath(store.path, self._side):
                os.rmdir(os.path.dirname(store.path))
        space = os.statvfs(path)
        params = {
            "path": subject,
            "place": store.place.value,
            "side": shown(os.path.dirname(store.path)),
            "free_bytes": str(space.f_bavail * space.f_frsize),
        }
        return [*results, CheckResult(subject, CheckOutcome.OK, "IR00411", params)]

    def _taken(self) -> list[bytes]:
        return [path for _, replica in self._known() for path in replica.paths]

    def root_of(self, path: bytes, scenario_id: int) -> list[CheckResult]:
        """The same for a scenario of which only the number is known (0 = none yet)."""
        try:
            self._overlap(scenario_id, [path])
        except ArcxoError as error:
            refusal = CheckResult(shown(path), CheckOutcome.ERROR, error.code, error.params)
            return [refusal, *self.root(path)]
        return self.root(path)

    @contextlib.contextmanager
    def probe_area(self, path: bytes) -> Iterator[bytes]:
        """An empty directory where the side store of the root `path` would be; gone afterwards."""
        key = b"check-" + secrets.token_hex(4).encode()
        store = open_side_store(
            path,
            self._side,
            self._home_id(),
            key,
            [path for _, replica in self._known() for path in replica.paths],
        )
        try:
            yield store.path
        finally:
            shutil.rmtree(store.path, ignore_errors=True)
            with contextlib.suppress(OSError):
                if not is_beneath(store.path, self._side):
                    os.rmdir(os.path.dirname(store.path))
