"""The memory of all processes of a home together, while something runs."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

from tests.support.arcxo_command import Arcxo

_EVERY_S = 0.25
_PROCESSES_EVERY = 4


class MemoryPeak:
    """`with MemoryPeak(arcxo) as peak`: afterwards the largest sums seen, in MB.

    `resident_mb` counts what processes share once for each; `proportional_mb` (PSS) counts it once.
    """

    def __init__(self, arcxo: Arcxo) -> None:
        self._arcxo = arcxo
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.resident_mb = 0.0
        self.proportional_mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        turn = 0
        pids: list[int] = []
        while not self._ended.wait(_EVERY_S):
            if turn % _PROCESSES_EVERY == 0:
                pids = [pid for pid in self._arcxo.processes() if pid != os.getpid()]
            turn += 1
            resident = proportional = 0
            for pid in pids:
                try:
                    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                        for line in file:
                            if line.startswith("Rss:"):
                                resident += int(line.split()[1])
                            elif line.startswith("Pss:"):
                                proportional += int(line.split()[1])
                except OSError:
                    continue
            self.resident_mb = max(self.resident_mb, resident / 1024)
            self.proportional_mb = max(self.proportional_mb, proportional / 1024)
