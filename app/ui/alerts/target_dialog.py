"""Somebody to be told: how, and of what. Secrets that were typed before are asked for again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from app.model.alert import TROUBLE, AlertEvent, AlertMethod, AlertTarget
from app.services.alerts_api import AlertRequest
from app.ui.alerts.words import EVENTS, METHODS
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import column_of
from app.ui.widgets.form import Field, PasswordField

_SECURITY = (("STARTTLS", "starttls"), ("TLS", "tls"), ("None", "none"))


class TargetDialog(ActDialog):
    """`submitted(target)`. With `target` that one is replaced."""

    def __init__(
        self,
        context: Context,
        known: Collection[str],
        target: AlertTarget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"Change who {target.name} is" if target is not None else "Tell somebody",
            "Each message is sent once, tried again when it is refused, and listed under Deliveries.",
            "Keep changes" if target is not None else "Tell them",
            parent,
            width=560,
        )
        self._known = set() if target is not None else set(known)
        self.name = QLineEdit(target.name if target is not None else "")
        self.name.setMaxLength(64)
        self.name.setReadOnly(target is not None)
        self.name_field = Field("Name", self.name)
        self.method = QComboBox()
        for method, look in METHODS.items():
            self.method.addItem(look.text, method)
        self._make_fields(target)
        self._pages = (self._mail_page(), self._command_page(), self._service_page())
        self.events = {event: QCheckBox(text) for event, text in EVENTS.items()}
        chosen = target.events if target is not None else TROUBLE
        for event, box in self.events.items():
            box.setChecked(event in chosen)
            box.toggled.connect(self.refresh)
        self.codes = QLineEdit(", ".join(target.codes) if target is not None else "")
        self.codes.setPlaceholderText("AE0465, E3370")
        self.form.addWidget(self.name_field)
        self.form.addWidget(Field("By", self.method))
        for page in self._pages:
            self.form.addWidget(page)
        self.form.addWidget(Label("Told of", "strong"))
        for box in self.events.values():
            self.form.addWidget(box)
        self.form.addWidget(Field("Further message codes, optional", self.codes))
        self.method.currentIndexChanged.connect(self._on_method)
        for line in (self.name, self.mail, self.smtp, self.command, self.url, self.codes):
            line.textChanged.connect(self.refresh)
        if target is not None:
            self.method.setCurrentIndex(self.method.findData(target.method))
        self._on_method()

    def _make_fields(self, target: AlertTarget | None) -> None:
        by_mail = target is not None and target.method is AlertMethod.MAIL
        by_command = target is not None and target.method is AlertMethod.COMMAND
        address = target.address if target is not None else ""
        self.mail = QLineEdit(address.split(" ")[0] if by_mail else "")
        self.smtp = QLineEdit("localhost")
        self.port = QSpinBox()
        self.port.setRange(0, 65_535)
        self.port.setSpecialValueText("As usual")
        self.security = QComboBox()
        for text, value in _SECURITY:
            self.security.addItem(text, value)
        self.smtp_user = QLineEdit()
        self.smtp_password = PasswordField("Password at the mail server")
        self.from_ = QLineEdit()
        self.command = QLineEdit(address if by_command else "")
        self.command.setPlaceholderText("/usr/local/bin/tell-us")
        self.url = PasswordField("Address of the service", 1000)

    def _mail_page(self) -> QWidget:
        return column_of(
            Field("Mail address", self.mail),
            Field("Mail server", self.smtp),
            Field("Port", self.port),
            Field("Security", self.security),
            Field("User at the mail server, optional", self.smtp_user),
            Field("Password at the mail server", self.smtp_password),
            Field("Sender, optional", self.from_, "Else the address itself"),
        )

    def _command_page(self) -> QWidget:
        return column_of(
            Field(
                "Command", self.command, "An absolute path with arguments; the message is JSON on its input."
            )
        )

    def _service_page(self) -> QWidget:
        return column_of(
            Field(
                "Address of the service",
                self.url,
                "As the library Apprise names it, such as slack://… or https://…; it is kept sealed.",
            )
        )

    def _on_method(self) -> None:
        for position, page in enumerate(self._pages):
            page.setVisible(position == self.method.currentIndex())
        self.refresh()

    def fault(self) -> str:
        """What is missing, or ""."""
        name = self.name.text().strip()
        if not name:
            return "A name is missing"
        if name in self._known:
            return f"{name} is told already: choose another name"
        method = AlertMethod(self.method.currentData())
        if method is AlertMethod.MAIL and "@" not in self.mail.text():
            return "A mail address is missing"
        if method is AlertMethod.MAIL and not self.smtp.text().strip():
            return "A mail server is missing"
        if method is AlertMethod.COMMAND:
            try:
                words = shlex.split(self.command.text())
            except ValueError:
                return "The command has a quotation mark that is not closed"
            if not words or not words[0].startswith("/"):
                return "A command begins with the absolute path of a program"
        if method is AlertMethod.SERVICE and "://" not in self.url.text():
            return "An address such as slack://… is missing"
        if not self._events() and not self._codes():
            return "Choose at least one thing to tell of"
        return ""

    def _events(self) -> tuple[AlertEvent, ...]:
        return tuple(event for event, box in self.events.items() if box.isChecked())

    def _codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.codes.text().replace(",", " ").upper().split()))

    def request(self) -> AlertRequest:
        """What is typed."""
        method = AlertMethod(self.method.currentData())
        by_mail = method is AlertMethod.MAIL
        return AlertRequest(
            name=self.name.text().strip(),
            mail=self.mail.text().strip() if by_mail else "",
            smtp_host=self.smtp.text().strip(),
            smtp_port=self.port.value(),
            smtp_user=self.smtp_user.text().strip(),
            smtp_password=self.smtp_password.text(),
            smtp_security=str(self.security.currentData()),
            sender=self.from_.text().strip(),
            command=tuple(shlex.split(self.command.text())) if method is AlertMethod.COMMAND else (),
            url=self.url.text().strip() if method is AlertMethod.SERVICE else "",
            events=self._events(),
            codes=self._codes(),
        )

    def call(self) -> Callable[[], Any]:
        """Keep it."""
        return partial(self.context.services.alerts.add, self.request())
