"""Putting the new directories that were grown ahead of a batch in place, each by one operation."""

from __future__ import annotations

from collections.abc import Mapping

from app.model.entry import EntryKind
from app.replication.records import MakeEntry, Record, ReplaceFile
from app.replication.replica.ahead import Made
from app.replication.replica.batch import Batch
from app.replication.replica.grown import Grown
from app.replication.replica.steps import Operation


class Planting:
    """The grown directories among what is made for the records of a batch."""

    def __init__(self, batch: Batch, made: Mapping[int, Made | Grown] | None) -> None:
        self._batch = batch
        self._made = made or {}
        self._placed: set[int] = set()
        self._begun: dict[int, int] = {}

    def has(self, number: int) -> bool:
        """Whether what this record tells of is planned already, in a directory that is put in place whole."""
        return id(self._made.get(number)) in self._placed

    def record(self, number: int, records: list[Record | Grown]) -> Record:
        """The record in whose place a new directory stands, the first time that which begins with it.

        A second time it was not put in place whole: records of what is in it take its place in `records`.
        """
        grown = records[number]
        assert isinstance(grown, Grown)
        first = self._begun.setdefault(id(grown), number)
        if first == number:
            return MakeEntry(grown.root, grown.path, grown.metadata)
        self._take_apart(first, grown, records)
        record = records[number]
        assert not isinstance(record, Grown)
        return record

    def _take_apart(self, number: int, grown: Grown, records: list[Record | Grown]) -> None:
        for (root, path), (_, metadata) in grown.entries.items():
            while self._made.get(number) is not grown:
                number += 1
            if records[number] is grown:
                # Its content is ready.
                file = metadata.kind is EntryKind.FILE
                records[number] = (
                    ReplaceFile(root, path, metadata, (), b"") if file else MakeEntry(root, path, metadata)
                )
            number += 1

    def place(self, number: int, record: Record) -> Grown | None:
        """Plan putting the new directory that begins with this record in place, and return it.

        None where none does, or where it cannot go as it is; then it is made record by record. Raises as
        `Carrier.carry` does.
        """
        grown = self._made.get(number)
        if not isinstance(grown, Grown) or not isinstance(record, MakeEntry) or record.path != grown.path:
            return None
        batch, root, path = self._batch, grown.root, grown.path
        if batch.status(root, path, subtree=True) is not None:
            return None
        batch.place_grown(grown)
        batch.preparer.problems += [(root, problem) for problem in grown.problems]
        batch.end_operation(number, 0, Operation.TREE, root, path, b"", grown.size_bytes, grown=grown)
        self._placed.add(id(grown))
        return grown
