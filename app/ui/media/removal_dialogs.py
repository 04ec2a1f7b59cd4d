"""Purge (sessions for good) and prune (only their names in the catalog), with what each frees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QWidget

from app.model.media import MediaInfo, PurgePlan, SessionInfo
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.loss import LossPane, purge_loss
from app.ui.media.state import Storage
from app.ui.theme import theme
from app.ui.widgets.form import Field


class PurgeDialog(ActDialog):
    """Remove sessions for good, or only what no session uses; the exact bytes first."""

    def __init__(
        self,
        context: Context,
        storage: Storage,
        media: MediaInfo,
        sessions: Sequence[SessionInfo] = (),
        parent: QWidget | None = None,
    ) -> None:
        count = formats.counted(len(sessions), "session")
        title = (
            f"Purge {count} of {media.name}?" if sessions else f"Free what no session of {media.name} uses"
        )
        text = (
            "The sessions are removed for good, and all that no other session uses is freed."
            if sessions
            else "Left by removed sessions and by backups that did not finish. No session is touched."
        )
        action = f"Purge {count}" if sessions else "Free it"
        super().__init__(
            context,
            title,
            text,
            action,
            parent,
            width=560,
            gate=media.name if sessions else "",
        )
        self.media, self.sessions = media, tuple(sessions)
        self.plan: PurgePlan | None = None
        self._known = storage.sessions
        self.loss = LossPane()
        self.form.addWidget(self.loss, 1)
        self.loss.show_loss("Counting exactly what that frees…", (), self.sessions)
        self.refresh()
        numbers = [session.number for session in self.sessions]
        context.tasks.run(
            self,
            partial(context.services.media.plan_purge, media.serial, numbers),
            self._on_plan,
            self._on_plan_failed,
            key="plan",
        )

    def _on_plan(self, plan: PurgePlan) -> None:
        self.plan = plan
        head, lines = purge_loss(plan, self.sessions, self._known)
        self.loss.show_loss(head, lines, self.sessions)
        frees = formats.size(plan.frees_bytes)
        count = formats.counted(len(self.sessions), "session")
        self.action.setText(f"Purge {count}, free {frees}" if self.sessions else f"Free {frees}")
        self.refresh()

    def _on_plan_failed(self, error: Exception) -> None:
        self.loss.show_loss("", (), self.sessions)
        self._on_refused(error)

    def fault(self) -> str:
        """The person sees first what it frees."""
        if self.plan is None:
            return "What it frees is not counted yet"
        return "" if self.sessions or self.plan.frees_bytes else "There is nothing to free"

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(
            self.context.services.media.purge,
            self.media.serial,
            [session.number for session in self.sessions],
        )


class PruneDialog(ActDialog):
    """Drop the names of old sessions from the catalog; the sessions stay."""

    def __init__(self, context: Context, media: MediaInfo | None, parent: QWidget | None = None) -> None:
        where = f"of {media.name}" if media is not None else "of all media"
        super().__init__(
            context,
            f"Prune old sessions {where} in the catalog",
            "Their names leave the catalog, which becomes smaller. The sessions stay on their media and can "
            "be browsed and restored from there; search does not find them any more. Merge brings the "
            "names back.",
            "Prune",
            parent,
            width=560,
        )
        self._serial = media.serial if media is not None else ""
        self._found: Sequence[SessionInfo] | None = None
        self.days = _number(1, 36_500, 90)
        self.keep = _number(1, 1_000, 1)
        self._delay = Delay(250, self)
        self._delay.passed.connect(self._ask)
        for editor in (self.days, self.keep):
            editor.valueChanged.connect(self._on_changed)
        fields = QHBoxLayout()
        fields.setSpacing(16)
        fields.addWidget(Field("Older than", self.days, unit="days"))
        fields.addWidget(Field("Newest of each volume that stay", self.keep, unit="sessions"))
        fields.addStretch(1)
        self.form.addLayout(fields)
        self.loss = LossPane()
        self.form.addWidget(self.loss, 1)
        self._ask(None)

    @property
    def before(self) -> datetime:
        """What finished before this is old."""
        return datetime.now(UTC) - timedelta(days=self.days.value())

    def _on_changed(self) -> None:
        self._found = None
        self.refresh()
        self._delay.put(None)

    def _ask(self, _value: object) -> None:
        self._found = None
        self.loss.show_loss("Looking for old sessions…", (), ())
        self.refresh()
        call = partial(
            self.context.services.utilities.plan_prune,
            self._serial,
            before=self.before,
            keep=self.keep.value(),
        )
        self.context.tasks.run(self, call, self._on_plan, self._on_plan_failed, key="plan")

    def _on_plan(self, found: Sequence[SessionInfo]) -> None:
        self._found = found
        files = sum(session.files for session in found)
        head = "No session with names in the catalog is that old."
        if found:
            head = (
                f"The names in {formats.counted(len(found), 'session')}, {files:,} files, leave the catalog."
            )
        self.loss.show_loss(head, ("No session is removed.",) if found else (), found)
        self.refresh()

    def _on_plan_failed(self, error: Exception) -> None:
        self.loss.show_loss("", (), ())
        self._on_refused(error)

    def fault(self) -> str:
        """There must be something to prune."""
        if self._found is None:
            return "The old sessions are not counted yet"
        return "" if self._found else "No session is that old"

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(
            self.context.services.utilities.prune, self._serial, before=self.before, keep=self.keep.value()
        )


def _number(least: int, most: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(value)
    made.setGroupSeparatorShown(True)
    made.setFixedWidth(theme().px(110))
    return made
