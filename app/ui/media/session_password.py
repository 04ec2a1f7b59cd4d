"""The field for a session password."""

from __future__ import annotations

from app.ui.widgets.form import Field, PasswordField


class SessionPasswordField(Field):
    """The session password, where some of the sessions are encrypted."""

    def __init__(self, encrypted: int, why: str) -> None:
        self.password = PasswordField("Session password")
        count = "One session is" if encrypted == 1 else f"{encrypted:,} sessions are"
        super().__init__("Session password, optional", self.password, f"{count} encrypted. {why}")
        self.setVisible(encrypted > 0)

    @property
    def words(self) -> tuple[str, ...]:
        """What was typed, as the services take it."""
        return (self.password.text(),) if self.password.text() else ()
