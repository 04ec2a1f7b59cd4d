"""The timeline of a scenario's rewind points: what the services know, drawn, and the buttons above it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.model.media import SessionInfo
from app.model.rewind import PointKind, RewindDensity, RewindPoint
from app.ui import formats, icons
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button, icon_button
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import explain
from app.ui.widgets.timeline import Changes, Lane, Mark, Timeline

_RANGES: tuple[tuple[str, float | None], ...] = (
    ("1 h", 3600.0),
    ("6 h", 6 * 3600.0),
    ("12 h", 12 * 3600.0),
    ("3 days", 3 * 86_400.0),
    ("All", None),
)
_MARKS_MOST = 5_000
_SETTLED_MS = 80
_PARTS_LEAST, _PARTS_MOST = 50, 2_000
_LANES: tuple[tuple[str, str, str, str, tuple[PointKind, ...]], ...] = (
    ("Bookmarks", "bookmark", "flag", "accent", (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)),
    ("Synchronizations", "refresh-cw", "diamond", "muted", (PointKind.SYNCHRONIZATION, PointKind.REWIND)),
    ("Snapshots", "camera", "diamond", "text2", (PointKind.SNAPSHOT,)),
)
_SESSIONS = "Sessions"


class RewindTimeline(QWidget):
    """`chosen(datetime, id)`: a moment, with the id of the point that was meant or ""."""

    chosen = Signal(object, str)

    def __init__(
        self, context: Context, scenario: str, parent: QWidget | None = None, *, replica: str = ""
    ) -> None:
        super().__init__(parent)
        self._context, self._scenario, self._replica = context, scenario, replica
        self._path = b""
        self._points: Sequence[RewindPoint] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._oldest: datetime | None = None
        self._known = False
        self.timeline = Timeline(f"Timeline of {scenario}")
        self.timeline.chosen.connect(self._on_chosen)
        self.timeline.span_changed.connect(self._on_span_changed)
        self.ranges = Segmented([text for text, _ in _RANGES])
        self.ranges.chosen.connect(self._on_range_chosen)
        self.wider, self.closer = (
            icon_button("minus", "Show more time"),
            icon_button("plus", "Show less time"),
        )
        self.wider.clicked.connect(self._on_wider)
        self.closer.clicked.connect(self._on_closer)
        self.typed = QLineEdit()
        self.typed.setAccessibleName("Go to")
        self.typed.setPlaceholderText("2026-01-31 12:00:00.000")
        self.typed.setFixedWidth(theme().px(196))
        self.typed.returnPressed.connect(self._on_typed)
        self.fault = Label("", "small", "error")
        self.earlier = button("Previous bookmark", "link")
        icons.bind(self.earlier, "arrow-left", "accent")
        self.earlier.clicked.connect(self._on_earlier)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self._ask_density)
        self._lay_out()
        self._load()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.ranges)
        row.addWidget(self.wider)
        row.addWidget(self.closer)
        label = Label("Go to", "body", "muted")
        label.setBuddy(self.typed)
        row.addSpacing(8)
        row.addWidget(label)
        row.addWidget(self.typed)
        row.addWidget(self.fault)
        row.addStretch(1)
        row.addWidget(self.earlier)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.timeline)

    def set_path(self, path: bytes) -> None:
        """Count changes at or beneath this path of the master only; b"" for all."""
        if path != self._path:
            self._path = path
            self._settled.start()

    def set_moment(self, at: datetime | None) -> None:
        """Show which moment is chosen."""
        self.timeline.set_playhead(None if at is None else at.timestamp())
        self.typed.setText("" if at is None else formats.timestamp(at, fraction=True))
        self.fault.setText("")

    # what the services know

    def _load(self) -> None:
        services, name, replica = self._context.services, self._scenario, self._replica
        marks = [kind for kind in PointKind if kind is not PointKind.OPERATION]

        def ask() -> tuple[Sequence[RewindPoint], Sequence[SessionInfo], RewindDensity]:
            now = datetime.now(UTC)
            points = services.scenarios.rewind_points(name, kinds=marks, replica=replica, limit=_MARKS_MOST)
            sessions = [one for one in services.media.sessions() if one.scenario_name == name]
            reach = services.scenarios.rewind_density(
                name, since=now - timedelta(seconds=1), until=now, parts=1, replica=replica
            )
            return points, sessions, reach

        self._context.tasks.run(self, ask, self._on_loaded, self._on_error, key="marks")

    def _on_loaded(self, found: tuple[Sequence[RewindPoint], Sequence[SessionInfo], RewindDensity]) -> None:
        points, sessions, reach = found
        self._points, self._sessions, self._oldest = points, sessions, reach.oldest
        times = [*(point.at for point in points), *(session.started_at for session in sessions)]
        if reach.oldest is not None:
            times.append(reach.oldest)
        now = reach.until.timestamp()
        first = min((at.timestamp() for at in times), default=now - 3600.0)
        margin = max(30.0, (now - first) * 0.02)
        self.timeline.set_bounds(first - margin, now)
        self._show_marks()
        if not self._known:
            self._known = True
            whole = now - first + margin
            fitting = (n for n, (_, seconds) in enumerate(_RANGES) if seconds is None or seconds >= whole)
            # All there is, when that is little; else the last twelve hours.
            position = 4 if next(fitting) <= 2 else 2
            self.ranges.choose(position)
            self._on_range_chosen(position)

    def _show_marks(self) -> None:
        lanes = []
        for title, icon, shape, role, kinds in _LANES:
            marks = [
                Mark(
                    p.at.timestamp(),
                    p.id,
                    p.text,
                    f"{p.text or title}\n{formats.timestamp(p.at, fraction=True)}",
                )
                for p in reversed(self._points)
                if p.kind in kinds
            ]
            if marks or shape != "diamond":
                lanes.append(Lane(title, icon, shape, role, tuple(marks)))
        if self._sessions:
            ordered = sorted(self._sessions, key=lambda one: one.started_at)
            marks = [
                Mark(
                    one.started_at.timestamp(),
                    "",
                    f"{one.number}",
                    f"Session {one.number} of {one.media_name}\n{formats.timestamp(one.started_at)}",
                )
                for one in ordered
            ]
            lanes.append(Lane(_SESSIONS, "archive", "pill", "ok", tuple(marks)))
        covered = None if self._oldest is None else self._oldest.timestamp()
        self.timeline.set_lanes(lanes, covered)
        self.earlier.setEnabled(bool(lanes and lanes[0].marks))

    def _ask_density(self) -> None:
        span, scenarios, name, path = (
            self.timeline.span,
            self._context.services.scenarios,
            self._scenario,
            self._path,
        )
        replica = self._replica
        since, until = (datetime.fromtimestamp(at, UTC) for at in (span.since, span.until))
        parts = max(_PARTS_LEAST, min(_PARTS_MOST, int(span.width / 4)))

        def ask() -> RewindDensity:
            return scenarios.rewind_density(
                name, since=since, until=until, parts=parts, path=path, replica=replica
            )

        self._context.tasks.run(self, ask, self._on_density, self._on_error, key="density")

    def _on_density(self, found: RewindDensity) -> None:
        self._oldest = found.oldest
        self.timeline.set_changes(Changes(found.since.timestamp(), found.until.timestamp(), found.counts))

    def _on_error(self, error: Exception) -> None:
        self.fault.setText(explain(error)[0])

    # what people do

    def _on_wider(self) -> None:
        self.timeline.zoom(2.0)

    def _on_closer(self) -> None:
        self.timeline.zoom(0.5)

    def _on_range_chosen(self, position: int) -> None:
        self.timeline.show_last(_RANGES[position][1])
        self._settled.start()

    def _on_span_changed(self) -> None:
        if self._known:
            self._settled.start()

    def _on_chosen(self, at: float, key: str) -> None:
        self.chosen.emit(datetime.fromtimestamp(at, UTC), key)

    def _on_earlier(self) -> None:
        self.timeline.step(-1, self.timeline.lanes[:1])

    def _on_typed(self) -> None:
        at = _moment(self.typed.text())
        if at is None:
            self.fault.setText("Type a local time such as 2026-01-31 12:00")
            return
        self.fault.setText("")
        self.chosen.emit(at, "")


def _moment(text: str) -> datetime | None:
    """A local time, or one with its zone; a time of day is today's."""
    words = text.strip()
    if words and ":" in words and "-" not in words:
        words = f"{datetime.now().astimezone():%Y-%m-%d} {words}"
    try:
        return datetime.fromisoformat(words).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
