"""The words of the media rules and of the verification of a backup, as every screen says them. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence

from app.messages import render
from app.model.errors import Problem
from app.model.job import MediaMethod, VerifyMode

METHODS = (
    (MediaMethod.APPEND, "Append to media", "Goes on where the last backup of the group ended."),
    (
        MediaMethod.OVERWRITE_SAME,
        "Overwrite same media name, or blank media",
        "The media of the name is emptied first; without one, blank media are used.",
    ),
    (
        MediaMethod.OVERWRITE_ANY,
        "Overwrite same media name, or blank media first, then any media",
        "Else blank media, else any media of the group that is not protected is emptied.",
    ),
)
VERIFICATION = (
    (VerifyMode.NONE, "None", "The sessions are not read again after the backup."),
    (
        VerifyMode.SCAN,
        "Scan backup media contents",
        "Reads the written sessions back and checks every block.",
    ),
    (
        VerifyMode.COMPARE,
        "Compare backup media to disk",
        "Compares the written sessions with the snapshot they were made from.",
    ),
    (
        VerifyMode.AUDIT,
        "Audit the list of changes",
        "Looks at everything, and proves that the list of what changed is complete.",
    ),
)


def method_words(method: MediaMethod) -> str:
    """The rule as the options name it."""
    return next(text for value, text, _ in METHODS if value is method)


def verify_words(mode: VerifyMode) -> str:
    """The verification as the options name it."""
    return next(text for value, text, _ in VERIFICATION if value is mode)


def warning_lines(problems: Sequence[Problem]) -> list[str]:
    """Each warning as a sentence."""
    return [render(problem.code, problem.params).text for problem in problems]
