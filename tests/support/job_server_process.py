"""A server that only runs a queue. Its arguments: HOME URL NAME DONE_FILE LEASE_S.

Its jobs note their beginning and their end, each in one appended line, and take a little while.
"""

from __future__ import annotations

import os
import sys
import time

from app.catalog.store import open_catalog
from app.jobs import queue, retrying, runner
from app.jobs.control import JobControl
from app.jobs.runner import Outcome
from app.model.job import JobKind, JobResult

LEASE_S = 3.0


class Noting:
    """Each run is `began JOB SERVER` and `ended JOB SERVER` in the file."""

    def __init__(self, path: str, name: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._name = name

    def run(self, control: JobControl) -> Outcome:
        """Take a while, and look for a stop meanwhile."""
        self._note("began", control)
        for _ in range(5):
            time.sleep(0.03)
            control.check_cancelled()
        self._note("ended", control)
        return Outcome(JobResult.FINISHED)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """Nothing to say."""

    def _note(self, word: str, control: JobControl) -> None:
        os.write(self._file, f"{word} {control.job.id} {self._name}\n".encode())


def main(home: str, url: str, name: str, path: str, lease_s: str) -> None:
    """Serve until killed."""
    queue.LEASE_S = runner.LEASE_S = float(lease_s)
    queue._EXPIRED_EVERY_S, runner._RENEW_EVERY_S = 0.2, float(lease_s) / 6
    queue.MOST_AT_ONCE = 4
    retrying._AFTER_CRASH *= 0
    catalog = open_catalog(home, url=url)
    jobs = queue.JobQueue(catalog, name, name, {JobKind.BACKUP: Noting(path, name)})
    jobs.mark_crashed(name)
    print("ready", flush=True)
    while True:
        jobs.poll()
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
