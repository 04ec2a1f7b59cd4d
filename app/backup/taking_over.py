"""Files that were made many at a time become part of the directories that are grown."""

from __future__ import annotations

from app.backup.api import RestoreSink
from app.backup.commit import Figures
from app.backup.journal import Journal
from app.backup.new_files import Cut, fingerprint
from app.media.node import NAME
from app.native import native

_restored = native("restored")


def take_over(cuts: list[Cut], sink: RestoreSink, journal: Journal | None, figures: Figures) -> None:
    """Note and count them. Nobody sees them yet: nothing can be in their places, so nothing is looked at.

    What is raised ends the restore; those that were not taken over are gone then.
    """
    for number, cut in enumerate(cuts):
        try:
            if journal is not None:
                _note(cut, journal)
            sink.publish_new(cut)
        except BaseException:
            for one in cuts[number:]:
                one.discard()
            raise
        figures.files += len(cut.entries)
        figures.bytes += cut.size_bytes


def _note(cut: Cut, journal: Journal) -> None:
    base = cut.files.target + b"/"
    records = None if _restored is None else _restored.records(base, cut.entries, cut.inodes)
    if records is not None:
        journal.append_encoded(records)
        return
    journal.append_created(
        (base + entry[NAME], fingerprint(entry, inode))
        for entry, inode in zip(cut.entries, cut.inodes, strict=True)
    )
