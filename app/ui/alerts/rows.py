"""Targets, deliveries and protections as rows."""

from __future__ import annotations

from collections.abc import Hashable

from app.messages import render
from app.model.alert import AlertTarget, Delivery, Protection
from app.ui import formats
from app.ui.alerts.words import DELIVERIES, EVENTS, FRESHNESS, METHODS
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.widgets.status import status_cell

_NONE = Cell(formats.NONE, role="muted")


class TargetModel(RowModel[AlertTarget]):
    """Who is told."""

    columns = (
        Column("Name", 160),
        Column("By", 110),
        Column("Address", 260),
        Column("Told of", 300, stretch=True),
    )

    def key_of(self, item: AlertTarget) -> Hashable:
        """The name."""
        return item.name

    def cell(self, item: AlertTarget, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(formats.visible(item.name), medium=True)
        if column == 1:
            return status_cell(METHODS[item.method])
        if column == 2:
            return Cell(formats.visible(item.address), middle=True, tooltip=item.address)
        words = [*(EVENTS[event] for event in item.events), *item.codes]
        text = ", ".join(words)
        return Cell(text, role="text2", tooltip="\n".join(words))


class DeliveryModel(RowModel[Delivery]):
    """What became of each message."""

    columns = (
        Column("Time", 170),
        Column("To", 130),
        Column("State", 110),
        Column("Message", 340, stretch=True),
        Column("Tries", 60, right=True),
        Column("What was refused", 260),
    )

    def key_of(self, item: Delivery) -> Hashable:
        """The number."""
        return item.id

    def cell(self, item: Delivery, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            at = item.at
            return Cell(
                formats.timestamp(at), tooltip=formats.full_time(at), sort=at.timestamp() if at else 0.0
            )
        if column == 1:
            return Cell(formats.visible(item.target))
        if column == 2:
            then = f"Tried again {formats.moment(item.next_at)}" if item.next_at else ""
            return status_cell(DELIVERIES[item.state], tooltip=then)
        if column == 3:
            text = render(item.code, item.params).line
            return Cell(text, tooltip=text)
        if column == 4:
            return Cell(formats.count(item.attempts), right=True, sort=item.attempts)
        return Cell(item.error, role="error", tooltip=item.error) if item.error else _NONE


class FreshnessModel(RowModel[Protection]):
    """What is protected until when, as the watchdog counts it."""

    columns = (
        Column("Source", 220, stretch=True),
        Column("Machine", 150),
        Column("State", 190),
        Column("Protected until", 150),
        Column("Verified until", 150),
        Column("Next backup expected", 160),
        Column("Jobs", 110),
    )

    def key_of(self, item: Protection) -> Hashable:
        """Number and name: directories have the number 0."""
        return item.scenario_id, item.scenario

    def cell(self, item: Protection, column: int) -> Cell:
        """Paintable content."""
        look = FRESHNESS[item.state]
        if column == 0:
            icon = "arrow-left-right" if item.scenario_id else "folder"
            return Cell(formats.visible(item.scenario), icon=icon, medium=True, middle=True)
        if column == 1:
            return Cell(item.machine, role="text2")
        if column == 2:
            return status_cell(look)
        if column == 6:
            return Cell(", ".join(map(str, item.jobs)) or "No job repeats", role="text2")
        at = (item.protected_until, item.verified_until, item.expected_at)[column - 3]
        role = look.role if column == 3 and look.role in ("warning", "error") else "text"
        never = "Never" if column < 5 else formats.NONE
        if at is None:
            return Cell(never, role="error" if column == 3 else "muted", sort=0.0)
        return Cell(formats.moment(at), role=role, tooltip=formats.full_time(at), sort=at.timestamp())
