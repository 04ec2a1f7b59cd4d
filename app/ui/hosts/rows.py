"""The rows of the Hosts manager and what may be done to each. Qt-free but for the cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime

from app.messages import render
from app.model.host import HostState
from app.ui import formats
from app.ui.hosts.trust import LOCAL
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.widgets.status import Status, status_cell

CONNECTED = Status("Connected", "circle-check", "ok")
_ANOTHER = Status("Another certificate", "triangle-alert", "error")
_REFUSED = Status("Not authorized", "key-round", "error")
_TIME = Status("Certificate not valid", "triangle-alert", "error")
_VERSION = Status("Another version", "triangle-alert", "error")
_SILENT = Status("No answer", "unplug", "error")
REFUSED_CODES = ("AE1018", "AE1026")
"""The agent answered, but not to this account."""
_BY_CODE = {"AE1006": _ANOTHER, "AE1075": _TIME, "AE1031": _VERSION, **dict.fromkeys(REFUSED_CODES, _REFUSED)}


def state_of(state: HostState) -> Status:
    """The word, icon and colour of a host's state."""
    return CONNECTED if state.info is not None else _BY_CODE.get(state.error_code, _SILENT)


def cause_of(state: HostState) -> str:
    """Why a host does not answer, and what to do; "" when it does."""
    if state.info is not None:
        return ""
    said = render(state.error_code, state.error_params)
    return f"{said.text}. {said.action}".strip()


class HostModel(RowModel[HostState]):
    """One row per known host."""

    columns = (
        Column("Host", 140),
        Column("State", 135),
        Column("Address", 170),
        Column("Version", 64),
        Column("System", 110),
        Column("Scenarios", 130, stretch=True),
    )

    def key_of(self, item: HostState) -> Hashable:
        """The host's name."""
        return item.host.name

    def cell(self, item: HostState, column: int) -> Cell:
        """Paintable content."""
        info = item.info
        if column == 0:
            beside = "this computer" if item.host.name == LOCAL else ""
            return Cell(item.host.name, icon="server", icon_role="text2", medium=True, beside=beside)
        if column == 1:
            return status_cell(state_of(item), tooltip=cause_of(item))
        if column == 2:
            return Cell(item.host.address or "—", role="text2", middle=True)
        if column in (3, 4):
            text = "—" if info is None else info.version if column == 3 else info.system
            return Cell(text, role="text2" if info else "muted")
        using = item.scenarios
        names = ", ".join(using)
        return Cell(names or "None", role="text2" if using else "muted", tooltip=names)


def why_not_change(state: HostState | None) -> str:
    """Why the log-in of a host cannot be changed here; "" when it can."""
    if state is None:
        return "Select a host first"
    return "This computer needs no log-in" if state.host.name == LOCAL else ""


def why_not_remove(state: HostState | None) -> str:
    """Why a host cannot be forgotten; "" when it can."""
    if state is None:
        return "Select a host first"
    if state.host.name == LOCAL:
        return "This computer is always known"
    if state.scenarios:
        return f"Used by {', '.join(state.scenarios)}. Delete those scenarios first"
    return ""


def facts_of(state: HostState, now: datetime) -> Sequence[tuple[str, str]]:
    """What is known of a host, as captions and values."""
    info = state.info
    rows = [
        ("Address", state.host.address or "—"),
        ("Log-in", state.host.user or ("Owner of this home" if state.host.name == LOCAL else "—")),
    ]
    if info is not None:
        rows += [
            ("Machine", f"{info.host_name}, {info.system}"),
            ("Version", info.version),
            ("Agent started", formats.ago(info.started_at, now)),
            ("Engines", ", ".join(info.roles_running) or "starting"),
        ]
    return [*rows, ("Scenarios", ", ".join(state.scenarios) or "None")]
