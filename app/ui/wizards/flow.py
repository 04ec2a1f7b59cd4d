"""The New Scenario flow without a window: pages, answers, validation; Back keeps everything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from app.model.filters import check_filters
from app.model.paths import is_beneath, shown
from app.model.scenario import (
    Filters,
    NewScenario,
    Override,
    ProductType,
    ReplicaSpec,
    Root,
    ScenarioProperties,
    ServerType,
)
from app.model.template import ScenarioTemplate

LOCAL = "localhost"


class Page(IntEnum):
    """The pages in order."""

    WELCOME = 0
    TYPE = 1
    HOSTS = 2
    ENGINES = 3
    ROOTS = 4
    REPLICA = 5
    PROPERTIES = 6
    VERIFICATION = 7
    RUN = 8


TITLES = (
    "Welcome",
    "Server and product",
    "Hosts",
    "Host verification",
    "Root directories",
    "Replica directories",
    "Properties",
    "Verification",
    "Run",
)


def clean_path(text: str) -> bytes | None:
    """A typed path as absolute clean bytes; None when it is not absolute or contains `.` or `..`."""
    raw = text.strip().encode("utf-8", "surrogateescape")
    if not raw.startswith(b"/"):
        return None
    names = [name for name in raw.split(b"/") if name]
    if any(name in (b".", b"..") for name in names):
        return None
    return b"/" + b"/".join(names)


@dataclass(slots=True)
class Further:
    """One more replica: its host, where it keeps each root, and its own values of properties."""

    host: str = LOCAL
    targets: dict[bytes, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()


@dataclass(slots=True)
class Answers:
    """All that was chosen so far; never erased by a later answer."""

    server_type: ServerType = ServerType.FILE_SERVER
    product: ProductType = ProductType.DR
    name: str = ""
    master: str = LOCAL
    replica: str = LOCAL
    roots: list[bytes] = field(default_factory=list)
    targets: dict[bytes, str] = field(default_factory=dict)
    exclude: str = ""
    group: str = "Scenarios"
    include: tuple[str, ...] = ()
    template: str = ""
    properties: ScenarioProperties = field(default_factory=ScenarioProperties)
    overrides: tuple[Override, ...] = ()
    further: list[Further] = field(default_factory=list)


class NewScenarioFlow:
    """Where the wizard is, and what is still wrong."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.page = Page.WELCOME
        self.reached = Page.WELCOME
        self.existing_names: frozenset[str] = frozenset()
        self.verified_as: NewScenario | None = None
        self.verified = False
        self.engines_of: tuple[str, ...] = ()
        """The hosts whose check found no error, as they were chosen then."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Master and Replicas, each host once."""
        return tuple(dict.fromkeys((self.answers.master, *self.replicas)))

    @property
    def replicas(self) -> tuple[str, ...]:
        """The hosts of the replicas, in order."""
        return (self.answers.replica, *(one.host for one in self.answers.further))

    @property
    def touched(self) -> bool:
        """Whether something was typed that Cancel would lose."""
        return bool(self.answers.name or self.answers.roots)

    def fault(self, page: Page | None = None) -> str:
        """What is wrong on a page (default: the present one); "" when nothing is."""
        page = self.page if page is None else page
        answers = self.answers
        if page is Page.HOSTS:
            return self._hosts_fault()
        if page is Page.ENGINES:
            return "" if self.engines_of == self.hosts else "All hosts must answer first"
        if page is Page.ROOTS:
            return "" if answers.roots else "Choose at least one directory to replicate"
        if page is Page.REPLICA:
            places = range(len(self.replicas))
            faults = [self.target_fault(root, place) for place in places for root in answers.roots]
            return next((fault for fault in faults if fault), "")
        if page is Page.PROPERTIES:
            return self.filters_fault()
        if page is Page.VERIFICATION and not (self.verified and self.verified_as == self.scenario()):
            return "The checks that failed must pass first"
        return ""

    def filters(self) -> Filters:
        """The patterns typed to be left out, by comma or line."""
        parts = [part.strip() for line in self.answers.exclude.splitlines() for part in line.split(",")]
        return Filters(self.answers.include, tuple(part for part in parts if part))

    def filters_fault(self) -> str:
        """What is wrong with the patterns; "" when nothing is."""
        try:
            check_filters(self.filters())
        except ValueError as error:
            return f"Correct what is to be left out. {error}"
        return ""

    def _hosts_fault(self) -> str:
        name = self.answers.name.strip()
        if not name:
            return "Give the scenario a name"
        if len(name) > 128 or any(ord(char) < 32 for char in name):
            return "A name has at most 128 characters and no control characters"
        if name.casefold() in {known.casefold() for known in self.existing_names}:
            return f"There is a scenario called {name} already. Choose another name"
        if not self.answers.master or not self.answers.replica:
            return "Choose a Master and a Replica host"
        twice = next((host for host in self.replicas if self.replicas.count(host) > 1), "")
        return f"{twice} is chosen as Replica twice. Choose another host, or remove one" if twice else ""

    def target_of(self, root: bytes, place: int = 0) -> str:
        """The directory typed for a root on a replica; first the same path, if that is on another host."""
        same_host = self.answers.master == self.replicas[place]
        return self._targets(place).get(root, "" if same_host else shown(root))

    def set_target(self, root: bytes, text: str, place: int = 0) -> None:
        """A directory was typed for a root on a replica."""
        self._targets(place)[root] = text

    def _targets(self, place: int) -> dict[bytes, str]:
        return self.answers.further[place - 1].targets if place else self.answers.targets

    def target_fault(self, root: bytes, place: int = 0) -> str:
        """What is wrong with the directory of one root on a replica."""
        answers = self.answers
        typed = self.target_of(root, place)
        target = clean_path(typed)
        if not typed.strip():
            return f"Type where the Replica keeps {shown(root)}, such as /replica{shown(root)}"
        if target is None or target == b"/":
            return f"{typed} is not a full path. Type one such as /replica{shown(root)}"
        if answers.master == self.replicas[place]:
            for other in answers.roots:
                if is_beneath(target, other) or is_beneath(other, target):
                    where = "is the root directory" if target == other else "overlaps the root directory"
                    return f"{typed} {where} {shown(other)} on the same host. Choose another directory"
        for other in answers.roots:
            if other == root:
                continue
            other_target = clean_path(self.target_of(other, place))
            if other_target is not None and (
                is_beneath(target, other_target) or is_beneath(other_target, target)
            ):
                return f"{typed} overlaps the Replica directory of {shown(other)}. Choose another directory"
        return ""

    def add_root(self, path: bytes) -> str:
        """Choose a root. Roots inside it are replaced by it. Returns why not, or ""."""
        roots = self.answers.roots
        if path == b"/":
            return "The whole file system cannot be a root. Choose a directory beneath it"
        above = next((root for root in roots if is_beneath(path, root)), None)
        if above is not None:
            return "" if above == path else f"{shown(path)} is inside {shown(above)}, which is chosen already"
        self.answers.roots = sorted([root for root in roots if not is_beneath(root, path)] + [path])
        return ""

    def remove_root(self, path: bytes) -> None:
        """Do not replicate a root after all; its Replica directory stays remembered."""
        self.answers.roots = [root for root in self.answers.roots if root != path]

    def next(self) -> str:
        """Go on; returns the fault that keeps it here, or ""."""
        fault = self.fault()
        if fault:
            return fault
        if self.page < Page.RUN:
            self.page = Page(self.page + 1)
            self.reached = max(self.reached, self.page)
        return ""

    def back(self) -> None:
        """Go back one page."""
        if self.page > Page.WELCOME:
            self.page = Page(self.page - 1)

    def go(self, page: Page) -> bool:
        """Jump to a page reached before; stops at the first faulty page in between."""
        if page > self.reached:
            return False
        for between in range(self.page, page):
            if self.fault(Page(between)):
                self.page = Page(between)
                return False
        self.page = page
        return True

    def scenario(self) -> NewScenario:
        """What will be created."""
        answers = self.answers
        return NewScenario(
            name=answers.name.strip(),
            master=answers.master,
            replicas=tuple(self._spec(place) for place in range(len(self.replicas))),
            roots=tuple(Root(root) for root in answers.roots),
            server_type=answers.server_type,
            product=answers.product,
            group=answers.group.strip() or "Scenarios",
            filters=self.filters(),
            properties=answers.properties,
        )

    def _spec(self, place: int) -> ReplicaSpec:
        answers = self.answers
        paths = tuple(clean_path(self.target_of(root, place)) or b"" for root in answers.roots)
        overrides = answers.further[place - 1].overrides if place else answers.overrides
        return ReplicaSpec(self.replicas[place], paths, overrides)

    def set_properties(self, **values: object) -> None:
        """Change properties by name."""
        self.answers.properties = replace(self.answers.properties, **values)  # type: ignore[arg-type]

    def begin_with(self, template: ScenarioTemplate | None) -> None:
        """Take what a template has; None: the defaults."""
        begin = template or ScenarioTemplate("")
        answers = self.answers
        answers.template, answers.group, answers.properties = begin.name, begin.group, begin.properties
        answers.include, answers.exclude = begin.filters.include, "\n".join(begin.filters.exclude)

    def answer(self, page: Page) -> str:
        """The chosen answer under a step."""
        answers = self.answers
        if page is Page.WELCOME:
            return answers.template
        if page is Page.TYPE:
            return "File Server · DR"
        if page is Page.HOSTS:
            return f"{answers.master} → {', '.join(self.replicas)}" if answers.name else ""
        if page is Page.ENGINES and self.engines_of == self.hosts:
            return f"{len(self.hosts)} of {len(self.hosts)} reachable"
        if page is Page.ROOTS and answers.roots:
            return f"{len(answers.roots)} chosen"
        if page is Page.REPLICA and answers.roots and not self.fault(Page.REPLICA):
            return self.target_of(answers.roots[0])
        return ""
