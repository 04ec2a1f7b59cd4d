"""So many backups read from one host at a time: others wait visibly for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.lanes import Lanes
from app.model.settings import HOST_STREAMS


@contextmanager
def place_on_host(catalog: Catalog, lanes: Lanes, control: JobControl, host: str) -> Iterator[None]:
    """One of the places on a host, by the setting `host_streams`. Raises CanceledError E5131."""
    most = int(catalog.settings.get(HOST_STREAMS.name, str(HOST_STREAMS.default)))
    with lanes.slot(control, ("host", host), most, f"host {host}: {most} backup(s) read from it"):
        yield
