"""How long it takes to find a name, list a folder and publish a session in a catalog of millions of versions.

    python -m tests.benchmarks.finding [--versions N] [--place DIR] [--new NAMES]

The catalog is made in `place` unless one is there already (10 million versions: some minutes, 3 GB). Of each
question the first answer and the best of three more are told, and how long publishing held others up.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from app.catalog import open_catalog
from app.catalog.store import SqlCatalog
from app.model.search import Query
from tests.support.catalog_rows import ENTITY, MACHINE, ROOT, SET, file, session
from tests.support.large_catalog import LARGE_FOLDER, build, name

_PATTERNS = ("invoice", "00123", "*.txt", "invoice-ledger", "report*", "no such name", "*", "q*z")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--versions", type=int, default=10_000_000)
    parser.add_argument("--place", type=Path, default=None)
    parser.add_argument("--new", type=int, default=20_000, help="names of the session that is published")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place: Path = options.place or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "catalog.sqlite3").exists():
            began = time.monotonic()
            build(place, options.versions)
            print(f"made in {time.monotonic() - began:.0f} s")
        catalog = open_catalog(str(place))
        try:
            _ask(catalog)
            _publish(catalog, options.new)
        finally:
            catalog.close()


def _ask(catalog: SqlCatalog) -> None:
    browsing = catalog.browsing
    for pattern in _PATTERNS:
        _timed(f"names with {pattern}", lambda pattern=pattern: browsing.query(Query(pattern=pattern)))
    small = ROOT + b"/folder000005"
    for label, folder in (("a folder of 200", small), ("a folder of very many", LARGE_FOLDER)):
        inside = Query(pattern="*.txt", directory=folder)
        _timed(f"*.txt in {label}", lambda inside=inside: browsing.query(inside))
        _timed(f"list {label}", lambda folder=folder: browsing.browse_tree(MACHINE, folder))
    _timed("list a folder of many folders", lambda: browsing.browse_tree(MACHINE, ROOT))
    path = browsing.browse_tree(MACHINE, small)[7].path
    _timed("versions of a path", lambda: browsing.versions(MACHINE, path))


def _timed(label: str, ask: Callable[[], Sequence[Any]]) -> None:
    times = []
    found: Sequence[Any] = ()
    for _ in range(4):
        began = time.perf_counter()
        found = ask()
        times.append((time.perf_counter() - began) * 1000)
    print(
        f"{times[0]:9.1f} ms first {min(times[1:]):8.1f} ms then  {len(found):5d} rows  {label}", flush=True
    )


def _publish(catalog: SqlCatalog, count: int) -> None:
    """A session of new names all over the tree; each write transaction is timed from its lock to its end."""
    held: list[tuple[float, float]] = []
    locked: list[tuple[float, float]] = []
    engine = catalog._database.engine

    @event.listens_for(engine, "after_cursor_execute")
    def _locked(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            locked.append((time.perf_counter(), time.thread_time()))

    original = engine.dialect.do_commit

    def commit(raw: Any) -> None:
        original(raw)
        if locked:
            began = locked.pop()
            held.append((time.perf_counter() - began[0], time.thread_time() - began[1]))

    engine.dialect.do_commit = commit  # type: ignore[method-assign]
    chooser = random.Random()
    number = catalog.sessions.list()[0].number + 1
    began = time.perf_counter()
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT], full=False)
    staging.add(
        file(ROOT + b"/folder%06d/new-%d-%s" % (i % 20_000, number, name(i, chooser).encode()), "c")
        for i in range(count)
    )
    staging.publish(session(number))
    print(f"published {count} new names in {time.perf_counter() - began:.1f} s")
    for label, column in (("held the catalog", 0), ("of it computing", 1)):
        times = sorted(one[column] * 1000 for one in held)
        print(
            f"{len(times)} transactions, {label}: median {times[len(times) // 2]:.1f},"
            f" p99 {times[int(len(times) * 0.99)]:.1f}, longest {times[-1]:.1f} ms"
        )


if __name__ == "__main__":
    main()
