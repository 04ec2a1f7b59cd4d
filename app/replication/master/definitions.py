"""The definitions of this host's scenarios: loaded, refused or saved, found by their number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.model.errors import ArcxoError, NotFoundError
from app.model.events import Severity
from app.model.host import CheckResult
from app.model.scenario import NewScenario, Scenario
from app.replication.definition import from_xml
from app.replication.events import EventStore
from app.replication.master import refusals
from app.replication.master.library import Library
from app.replication.master.run_scripts import refuse_unrunnable


class Definitions:
    """See the module. Methods may be called from any thread; they block on disk.

    `lock` is held while one is changed. `reserved` are directories that no root may hold or lie in;
    `named(scenario)` is what this host is called in a scenario.
    """

    def __init__(
        self,
        library: Library,
        lock: threading.RLock,
        reserved: tuple[bytes, ...],
        named: Callable[[NewScenario | Scenario], str],
    ) -> None:
        self._library = library
        self._lock = lock
        self._reserved = reserved
        self._named = named
        self._scenarios: dict[int, Scenario] = {}
        self._unreadable: dict[int, ArcxoError] = {}

    def load(self, events: EventStore) -> list[Scenario]:
        """Read all of them; what cannot be read is told of."""
        found, errors = self._library.load()
        self._unreadable = {
            int(stem): error
            for error in errors
            if (stem := error.params.get("scenario", "").removesuffix(".xml")).isdigit()
        }
        for error in errors:
            events.append(
                "ER00116",
                Severity.ERROR,
                definition=error.params.get("scenario", ""),
                cause=error.params.get("cause", ""),
            )
        with self._lock:
            self._scenarios = {scenario.id: scenario for scenario in found}
        return found

    def all(self) -> list[Scenario]:
        """Those that can be read."""
        with self._lock:
            return list(self._scenarios.values())

    def of(self, scenario_id: int) -> Scenario:
        """One of them.

        Raises:
            NotFoundError: ER00117, there is none of this number.
            ArcxoError: why its definition cannot be read.
        """
        with self._lock:
            scenario = self._scenarios.get(scenario_id)
        if scenario is None:
            unreadable = self._unreadable.get(scenario_id)
            if unreadable is not None:
                raise ArcxoError(unreadable.code, exit_code=None, **unreadable.params)
            raise NotFoundError("ER00117", scenario=scenario_id)
        return scenario

    def is_unreadable(self, scenario_id: int) -> bool:
        """Whether there is a definition of this number, which cannot be read."""
        return scenario_id in self._unreadable

    def check(self, scenario: NewScenario) -> Sequence[CheckResult]:
        """What stands against a scenario on the master's side, and which roots are fine."""
        return refusals.check(scenario, self.all(), self._named(scenario), self._reserved)

    def refuse(self, scenario: NewScenario | Scenario) -> None:
        """Raises ArcxoError, the first reason against a scenario (ER00101 to ER00115)."""
        refusals.refuse(scenario, self.all(), self._named(scenario), self._reserved)

    def create(self, scenario: NewScenario) -> Scenario:
        """Save a new scenario. Raises ArcxoError as `refuse`."""
        with self._lock:
            self.refuse(scenario)
            made = Scenario(
                id=self._new_id(),
                name=scenario.name,
                server_type=scenario.server_type,
                product=scenario.product,
                master=scenario.master,
                roots=scenario.roots,
                replicas=scenario.replicas,
                group=scenario.group,
                filters=scenario.filters,
                properties=scenario.properties,
            )
            return self._save(made)

    def import_xml(self, xml: bytes) -> Scenario:
        """Save a scenario from its definition; it gets a new id when its own is taken.

        Raises:
            ArcxoError: E3370, or the first reason against it.
        """
        scenario = from_xml(xml)
        with self._lock:
            # A damaged definition is mended by importing a saved copy of it: same id, the file is replaced.
            if scenario.id in self._scenarios:
                scenario = replace(scenario, id=self._new_id())
            self.refuse(scenario)
            return self._save(scenario)

    def update(self, known: Scenario, scenario: Scenario) -> Scenario:
        """Save what `known` was changed to; its version grows.

        Raises:
            ArcxoError: ER00119 when what can't change was changed, or the first reason against it.
        """
        with self._lock:
            if (known.server_type, known.product) != (scenario.server_type, scenario.product):
                raise ArcxoError("ER00119", scenario=known.name)
            self.refuse(scenario)
            refuse_unrunnable(known, scenario, refusals.LOCAL)
            return self._save(replace(scenario, version=known.version + 1))

    def delete(self, scenario_id: int) -> None:
        """Remove a definition, with all that is kept beside it."""
        with self._lock:
            self._library.delete(scenario_id)
            self._scenarios.pop(scenario_id, None)
            self._unreadable.pop(scenario_id, None)

    def _save(self, scenario: Scenario) -> Scenario:
        self._library.save(scenario)
        self._scenarios[scenario.id] = scenario
        self._unreadable.pop(scenario.id, None)
        return scenario

    def _new_id(self) -> int:
        return self._library.new_id({*self._scenarios, *self._unreadable})
