"""Run the benchmarks: synchronisation, latency, backup and restore, each beside its peer.

    python -m tests.benchmarks [--quick] [--only WORK…] [--rounds N] [--place DIR] [--json FILE]

Ratios are what counts: absolute times swing with the machine. `--quick` is a tenth of the data, to see
that all works; its ratios say little, for starting up weighs more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from tests.benchmarks import idle, replication, storing, synchronising
from tests.benchmarks.bench import Bench, Graveyard
from tests.benchmarks.data import copy_files
from tests.benchmarks.table import Table
from tests.support.arcxo_command import running_home

_ALL = ("blocks", "idle", "latency", "lsyncd", "storm", "list", "backups", "big")
_BY_NAME = ("million",)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="6,000 files, 140 MB, a big file of 256 MiB")
    parser.add_argument(
        "--only", choices=_ALL + _BY_NAME, nargs="+", default=_ALL, help="besides synchronisation"
    )
    parser.add_argument("--without", choices=("borg",), nargs="+", default=())
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--megabytes", type=int, default=1_400)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--storm", type=int, default=50_000)
    parser.add_argument("--big-megabytes", type=int, default=2_048)
    parser.add_argument("--many", type=int, default=1_000_000, help="small files of `--only million`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--source", type=Path, default=Path("/usr"))
    parser.add_argument(
        "--place", type=Path, help="where the data goes, some 15 GB; default: the temporary directory"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.files, given.megabytes, given.changes = 6_000, 140, 100
        given.storm, given.big_megabytes, given.rounds = 5_000, 256, 1
    table = Table()
    with tempfile.TemporaryDirectory(prefix="arcxo-bench.", dir=given.place) as name:
        place = Path(name)
        files, size = copy_files(given.source, place / "master", given.files, given.megabytes << 20, 2 << 20)
        print(f"{files:,} files, {size / 1e6:,.0f} MB from {given.source}; {_machine()}", flush=True)
        graveyard = Graveyard(place / "gone")
        with running_home(place, processes=True) as arcxo:
            bench = Bench(
                arcxo,
                place,
                table,
                given.rounds,
                given.changes,
                given.storm,
                given.big_megabytes << 20,
                given.many,
                tuple(given.without),
            )
            replication.synchronisation(bench)
            works = {
                "idle": lambda: idle.idle(bench),
                "blocks": lambda: synchronising.blocks(bench),
                "million": lambda: (synchronising.million(bench), storing.million(bench)),
                "latency": lambda: replication.latency(bench),
                "lsyncd": lambda: replication.latency_of_lsyncd(bench),
                "storm": lambda: replication.storm(bench),
                "list": lambda: replication.listing(bench),
                "backups": lambda: storing.backups(bench, graveyard),
                "big": lambda: storing.one_big_file(bench, graveyard),
            }
            for work in _ALL + _BY_NAME:
                if work in given.only:
                    works[work]()
            arcxo.text("scenario", "stop", "bench")
    if given.json:
        document = {"machine": _machine(), "files": files, "bytes": size, "rows": table.document()}
        given.json.write_text(json.dumps(document, indent=2))


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, load {load:.1f} at the start"


if __name__ == "__main__":
    main()
