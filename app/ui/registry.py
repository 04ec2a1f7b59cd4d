"""The managers of the console, in the order of the navigation rail.

A manager appears when its module exists: `app/ui/<folder>/manager.py` with the class named here.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.ui.manager import Manager


@dataclass(frozen=True, slots=True)
class ManagerEntry:
    """One entry of the rail; the class is imported when it is opened first."""

    name: str
    title: str
    icon: str
    group: str
    module: str
    class_name: str

    def load(self) -> type[Manager]:
        """Import the manager's class."""
        found: type[Manager] = getattr(importlib.import_module(self.module), self.class_name)
        return found


_ALL = (
    ManagerEntry("home", "Home", "house", "", "app.ui.home.manager", "HomeManager"),
    ManagerEntry(
        "backup",
        "Backup",
        "hard-drive-upload",
        "Protection and recovery",
        "app.ui.backup.manager",
        "BackupManager",
    ),
    ManagerEntry(
        "restore", "Restore", "history", "Protection and recovery", "app.ui.restore.manager", "RestoreManager"
    ),
    ManagerEntry(
        "xosoft",
        "XOsoft Manager",
        "arrow-left-right",
        "Replication",
        "app.ui.xosoft.manager",
        "XOsoftManager",
    ),
    ManagerEntry(
        "job_status",
        "Job Status",
        "list-checks",
        "Monitor and reports",
        "app.ui.job_status.manager",
        "JobStatusManager",
    ),
    ManagerEntry("alerts", "Alerts", "bell", "Monitor and reports", "app.ui.alerts.manager", "AlertsManager"),
    ManagerEntry(
        "media", "Devices and media", "hard-drive", "Administration", "app.ui.media.manager", "MediaManager"
    ),
    ManagerEntry(
        "pools", "Media pools", "layers", "Administration", "app.ui.media.pools_manager", "PoolsManager"
    ),
    ManagerEntry("hosts", "Hosts", "server", "Administration", "app.ui.hosts.manager", "HostsManager"),
)


def entries() -> tuple[ManagerEntry, ...]:
    """The managers that exist."""
    return tuple(entry for entry in _ALL if importlib.util.find_spec(entry.module) is not None)
