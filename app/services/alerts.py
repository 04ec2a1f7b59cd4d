"""Alerts and protection, on the catalog."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from app.model.alert import AlertMethod, AlertTarget, Delivery, Protection
from app.model.errors import UsageError
from app.services.alerts_api import AlertRequest
from app.services.connections import Connections


class LocalAlerts:
    """`AlertService`; a target's address is sealed with the home's installation key."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def targets(self) -> Sequence[AlertTarget]:
        """By name."""
        return self._connections.catalog.alerts.targets()

    def add(self, request: AlertRequest) -> AlertTarget:
        """Add or replace a target. Raises UsageError E5801, E5802, E5807, E5808."""
        from app.alerts.engine import PURPOSE
        from app.alerts.sending import check
        from app.messages import load

        for code in request.codes:
            if load().get(code) is None:
                raise UsageError("E5808", word=code)
        method, address, shown = _address(request)
        check(method, address)
        target = AlertTarget(request.name, method, shown, request.events, request.codes)
        sealed = self._connections.secrets.seal(address.encode(), PURPOSE)
        alerts = self._connections.catalog.alerts
        if alerts.position() is None:
            alerts.queue([], position=alerts.last_line())
        alerts.put_target(target, sealed)
        return target

    def remove(self, name: str) -> None:
        """Raises NotFoundError E6030."""
        self._connections.catalog.alerts.remove_target(name)

    def test(self, name: str) -> None:
        """Send a test now. Raises NotFoundError E6030, ArcxoError E5803, E5804."""
        from app.alerts.engine import PURPOSE, message_of
        from app.alerts.sending import send
        from app.jobs.hosts import server_name
        from app.model.events import Severity

        alerts = self._connections.catalog.alerts
        address = self._connections.secrets.open(alerts.sealed(name), PURPOSE).decode()
        method = next(one.method for one in alerts.targets() if one.name == name)
        now = datetime.now(UTC)
        test = Delivery(0, name, "test", "N5809", Severity.INFORMATION, at=now)
        send(method, address, message_of(test, server_name()))

    def deliveries(self, *, limit: int = 200) -> Sequence[Delivery]:
        """Newest first."""
        return self._connections.catalog.alerts.deliveries(limit=limit)

    def protections(self) -> Sequence[Protection]:
        """The worst first."""
        from app.alerts.freshness import protections

        return protections(self._connections.catalog, datetime.now(UTC))

    def check(self) -> Sequence[Protection]:
        """Look, tell, and deliver; needs no server."""
        from app.alerts.engine import AlertEngine
        from app.alerts.watchdog import Watchdog
        from app.jobs.hosts import server_name

        catalog = self._connections.catalog
        found = Watchdog(catalog, server_name()).check(datetime.now(UTC))
        engine = AlertEngine(catalog, self._connections.secrets, server_name())
        engine.collect()
        engine.deliver()
        return found


def _address(request: AlertRequest) -> tuple[AlertMethod, str, str]:
    """The method, the address as it is sealed, and what people see of it."""
    from app.alerts.sending import MailServer

    if sum(1 for given in (request.mail, request.command, request.url) if given) != 1:
        raise UsageError("E5807", target=request.name)
    if request.command:
        return AlertMethod.COMMAND, json.dumps(list(request.command)), " ".join(request.command)
    if request.url:
        return AlertMethod.SERVICE, request.url, f"{request.url.partition('://')[0]}://…"
    if request.mail.count("@") != 1 or any(mark in request.mail for mark in " ,\r\n"):
        raise UsageError("E5801")
    server = MailServer(
        request.smtp_host,
        request.smtp_port,
        request.smtp_user,
        request.smtp_password,
        request.sender,
        request.smtp_security,
    )
    return AlertMethod.MAIL, server.url(request.mail), f"{request.mail} by {request.smtp_host}"
