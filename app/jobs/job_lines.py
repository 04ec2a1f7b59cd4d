"""The lines of a job's log that name files or directories: few rows hold many, and not all that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from app.jobs.control import JobControl
from app.model.job_log import MOST_LINES, ROW_CHARACTERS, ROW_LINES, JobLogLevel, LineCodes
from app.model.paths import shown


class Figures(ABC):
    """What a run did in one directory."""

    @abstractmethod
    def words(self) -> str:
        """In a few words."""


F = TypeVar("F", bound=Figures)


class JobLines(Generic[F]):
    """Collects what a job is told of; memory and log stay bounded, whatever is told. One thread."""

    def __init__(self, control: JobControl, label: str, codes: LineCodes) -> None:
        self._control = control
        self._label = label
        self._codes = codes
        self._level = control.log_level
        self._lines: list[str] = []
        self._characters = 0
        self._count = 0
        self._left_out = 0
        self._directories: dict[bytes, F] = {}

    def close(self) -> None:
        """Nothing more is told: write what was held back, and how much is not in the log."""
        if self._control.lost:
            return
        for path, directory in sorted(self._directories.items()):
            self._note(f"{shown(path)} ({directory.words()})")
        self._directories.clear()
        self._write()
        if self._left_out:
            self._control.note(
                self._codes.left_out,
                scenario=self._label,
                count=f"{self._left_out:,}",
                most=f"{MOST_LINES:,}",
            )
            self._left_out = 0

    def _room_for(self, path: bytes, besides: int = 0) -> bool:
        """Whether another directory may be counted by itself; else what is in it counts as left out."""
        if path in self._directories or len(self._directories) + besides < MOST_LINES:
            return True
        self._left_out += 1
        return False

    def _note(self, line: str) -> None:
        if self._count >= MOST_LINES:
            self._left_out += 1
            return
        self._count += 1
        if self._lines and (len(self._lines) >= ROW_LINES or self._characters + len(line) > ROW_CHARACTERS):
            self._write()
        self._lines.append(line)
        self._characters += len(line)

    def _write(self) -> None:
        if self._lines:
            codes = self._codes
            code = codes.files if self._level is JobLogLevel.ALL else codes.directories
            self._control.note_lines(code, self._lines, scenario=self._label)
        self._lines, self._characters = [], 0
