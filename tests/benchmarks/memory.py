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

    `proportional_mb` (PSS) is what all of them take together: a page that several share, such as the code of
    a library, counts once. `resident_mb` (RSS) counts it once for each of them.
    """

    def __init__(self, arcxo: Arcxo) -> None:
        self._arcxo = arcxo
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.resident_mb = 0.0
        self.proportional_mb = 0.0

    @property
    def note(self) -> str:
        """What the row of a table says beside `proportional_mb`."""
        return f"PSS summed; RSS summed {self.resident_mb:.0f} MB"

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
