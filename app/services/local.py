"""The local adapter of the services: the home's owner on its own machine, without any log-in."""

from __future__ import annotations

import os

from app.services.accounts import LocalAccounts
from app.services.alerts import LocalAlerts
from app.services.backups import LocalBackups
from app.services.connections import Connections
from app.services.hosts import LocalHosts
from app.services.jobs import LocalJobs
from app.services.keys import LocalKeys
from app.services.log import LocalActivityLog
from app.services.media import LocalMedia
from app.services.restores import LocalRestores
from app.services.scenarios import LocalScenarios
from app.services.server import LocalServer
from app.services.staging import LocalStaging
from app.services.storage import LocalStorage
from app.services.utilities import LocalUtilities


class LocalServices:
    """All services of `home`. Nothing is opened before it is asked for; usable from any thread."""

    def __init__(self, home: str) -> None:
        self.home = os.path.abspath(home)
        self._connections = Connections(self.home)
        self.scenarios = LocalScenarios(self._connections)
        self.hosts = LocalHosts(self._connections)
        self.backups = LocalBackups(self._connections)
        self.restores = LocalRestores(self._connections)
        self.jobs = LocalJobs(self._connections)
        self.alerts = LocalAlerts(self._connections)
        self.log = LocalActivityLog(self._connections)
        self.media = LocalMedia(self._connections)
        self.utilities = LocalUtilities(self._connections)
        self.storage = LocalStorage(self._connections)
        self.staging = LocalStaging(self._connections)
        self.keys = LocalKeys(self._connections)
        self.server = LocalServer(self._connections)
        self.accounts = LocalAccounts(self.home)

    def close(self) -> None:
        """Close catalog and connections. Calls under way in other threads fail."""
        self._connections.close()


def open_local(home: str) -> LocalServices:
    """The services of the home's owner. Close them when done."""
    return LocalServices(home)
