"""The forms a catalog can have, and the names that readers without SQLAlchemy need."""

from __future__ import annotations

FILE = "catalog.sqlite3"
NEWEST = "0010"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
LEFT_OUT = "scenario.{id}.left_out"
"""The setting that keeps a scenario out of this home although its host has it."""
