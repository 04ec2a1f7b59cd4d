"""Processes whose clock is wrong: a library, preloaded, adds to what they are told of the time of day.

What the kernel stamps on files keeps its own time. Needs a C compiler.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.capabilities import missing

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static int (*told)(clockid_t, struct timespec *);
int clock_gettime(clockid_t id, struct timespec *at) {
    const char *skew = getenv("ARCXO_TEST_SKEW");
    if (!told) told = dlsym(RTLD_NEXT, "clock_gettime");
    int result = told(id, at);
    if (!result && skew && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += atol(skew);
    return result;
}
int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


def skewed(directory: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is `seconds` ahead. Ends the test where no compiler is."""
    compiler = shutil.which("cc") or ""
    if not compiler:
        missing("a C compiler, for a clock that is wrong")
    library = directory / "clock_skew.so"
    if not library.exists():
        source = directory / "clock_skew.c"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "ARCXO_TEST_SKEW": str(seconds)}
