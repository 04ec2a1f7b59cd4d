"""Words and symbols of alerts and of protection. Qt-free."""

from __future__ import annotations

from app.model.alert import AlertEvent, AlertMethod, DeliveryState, Freshness
from app.ui.widgets.status import Status

EVENTS = {
    AlertEvent.FINISHED: "A job finished",
    AlertEvent.INCOMPLETE: "A job was incomplete",
    AlertEvent.CANCELED: "A job was canceled",
    AlertEvent.FAILED: "A job failed",
    AlertEvent.CRASHED: "A job crashed",
    AlertEvent.MISSED: "A run was missed",
    AlertEvent.STALE: "Something is no longer protected in time",
    AlertEvent.BRAKE: "The safety brake stopped a scenario",
    AlertEvent.MEDIA: "Media are full, damaged or missing",
}
METHODS = {
    AlertMethod.MAIL: Status("Mail", "mail", "text2"),
    AlertMethod.COMMAND: Status("Command", "terminal", "text2"),
    AlertMethod.SERVICE: Status("Service", "network", "text2"),
}
DELIVERIES = {
    DeliveryState.WAITING: Status("Waiting", "clock", "info"),
    DeliveryState.SENT: Status("Sent", "circle-check", "ok"),
    DeliveryState.FAILED: Status("Failed", "circle-x", "error"),
}
FRESHNESS = {
    Freshness.FRESH: Status("Protected", "circle-check", "ok"),
    Freshness.LATE: Status("Late", "triangle-alert", "warning"),
    Freshness.STALE: Status("Not protected in time", "octagon-alert", "error"),
    Freshness.NEVER: Status("Never backed up", "circle-x", "error"),
    Freshness.UNSCHEDULED: Status("Not scheduled", "circle-slash", "muted"),
}
