"""Media pools as rows: the pools, and a pool's save and scratch sets with what becomes of each media set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.messages import render
from app.model.media import MediaInfo, Pool, PoolMove
from app.model.storage import PoolInfo
from app.ui import formats
from app.ui.job_status.actions import Offer
from app.ui.media.media_table import expiry_cell
from app.ui.media.state import Storage
from app.ui.models.cell import Cell, Column, RowKind, number
from app.ui.models.tree import Row

POOL_COLUMNS = (Column("Media pools", 240, stretch=True),)
COLUMNS = (
    Column("Media", 180),
    Column("ID", 56),
    Column("Device", 84),
    Column("Sessions", 72, right=True),
    Column("Used", 74, right=True),
    Column("Last written", 112),
    Column("Expires", 104),
    Column("What becomes of it, and why", 250, stretch=True),
)
_OK = Offer()


@dataclass(frozen=True, slots=True)
class MediaSet:
    """One media set, with all its media."""

    media: tuple[MediaInfo, ...]

    @property
    def first(self) -> MediaInfo:
        """What holds for the whole set is taken from here."""
        return self.media[0]


def sets_of(media: Sequence[MediaInfo]) -> list[MediaSet]:
    """The media sets among media, by name."""
    found: dict[str, list[MediaInfo]] = {}
    for one in media:
        found.setdefault(one.set_id, []).append(one)
    sets = [MediaSet(tuple(sorted(held, key=lambda one: one.sequence))) for held in found.values()]
    return sorted(sets, key=lambda one: one.first.name.casefold())


def pool_rows(storage: Storage) -> tuple[Row, ...]:
    """All pools, and at the end the media in none."""
    rows = [
        Row(
            info.pool.name,
            (
                Cell(
                    info.pool.name,
                    icon="layers",
                    medium=True,
                    beside=f"{len(sets_of(info.save)):,} save, {len(sets_of(info.scratch)):,} scratch",
                ),
            ),
            object=info,
        )
        for info in storage.pools
    ]
    free = sets_of([one for one in storage.media if not one.pool])
    if free:
        count = formats.counted(len(free), "media set")
        rows.append(Row("", (Cell("In no pool", icon="archive", beside=count),), object=None))
    return tuple(rows)


def set_rows(storage: Storage, info: PoolInfo | None) -> tuple[Row, ...]:
    """The save and the scratch set of a pool; without one, the media in no pool."""
    moves = {move.set_id: move for move in storage.moves}
    if info is None:
        free = sets_of([one for one in storage.media if not one.pool])
        return tuple(_set_row(one, Cell("Not under the rules of a pool", role="muted")) for one in free)
    saved = [_set_row(one, _fate(info.pool, moves.get(one.first.set_id))) for one in sets_of(info.save)]
    again = Cell("Used again by the next backup that needs a media", icon="rotate-ccw", icon_role="info")
    scratch = [_set_row(one, again) for one in sets_of(info.scratch)]
    return (
        *_titled("Save set", "protected", saved),
        *_titled("Scratch set", "to be used again", scratch),
    )


def _titled(title: str, what: str, rows: Sequence[Row]) -> list[Row]:
    head = Cell(title, bold=True, beside=f"{len(rows):,}, {what}", tooltip=f"{title}: {what}")
    empty = Row((title, "none"), (Cell("None", role="muted"),), selectable=False)
    return [Row(title, (head,), kind=RowKind.SUBHEADER, selectable=False), *(rows or [empty])]


def _set_row(one: MediaSet, fate: Cell) -> Row:
    first = one.first
    sessions = sum(each.sessions for each in one.media)
    used = [each.used_bytes for each in one.media if each.used_bytes is not None]
    devices = ", ".join(dict.fromkeys(each.device or "offline" for each in one.media))
    at = first.last_written_at
    written = Cell(formats.moment(at), tooltip=formats.full_time(at)) if at else Cell("Not yet", role="muted")
    tag = None if all(each.online for each in one.media) else ("Offline", "unplug", "warning")
    beside = f"{len(one.media)} media" if len(one.media) > 1 else ""
    cells = (
        Cell(first.name, icon="archive", medium=True, beside="" if tag else beside, tag=tag),
        Cell(first.media_id),
        Cell(devices, role="text2"),
        number(formats.count(sessions), sessions),
        number(formats.size(sum(used) if used else None), sum(used)),
        written,
        expiry_cell(first),
        fate,
    )
    return Row(("set", first.set_id), cells, object=one)


def _fate(pool: Pool, move: PoolMove | None) -> Cell:
    if move is None:
        return Cell(formats.NONE, role="muted")
    due = formats.moment(move.due_at) if move.due_at else ""
    text = render(
        move.reason, {"days": str(pool.retention_days), "minimum": str(pool.minimum_save), "due": due}
    ).text
    if move.now:
        return Cell(text, icon="rotate-ccw", icon_role="warning", role="warning", tooltip=text)
    return Cell(text, role="text2", tooltip=text)


def rules_text(pool: Pool) -> str:
    """The rules of a pool as a sentence."""
    days = formats.counted(pool.retention_days, "day")
    least = formats.counted(pool.minimum_save, "media set")
    return (
        f"A media set becomes scratch when nothing was written to it for {days} and more than {least} stay "
        "in the save set."
    )


@dataclass(frozen=True, slots=True)
class PoolOffers:
    """What can be done with the chosen pool and media set."""

    change: Offer
    remove: Offer
    assign: Offer
    to_save: Offer
    to_scratch: Offer
    take_out: Offer


def pool_offers(storage: Storage, info: PoolInfo | None, chosen: MediaSet | None) -> PoolOffers:
    """The offers, each with its reason when it is not one."""
    pool = _OK if info is not None else Offer("Choose a pool first")
    of_pool = _OK if chosen is not None and chosen.first.pool else Offer("Choose a media set of a pool first")
    own_set = chosen.first.pool_set.value if chosen is not None else ""
    assign = _OK
    if not storage.pools:
        assign = Offer("Make a pool first")
    elif not storage.media:
        assign = Offer("There is no media")
    return PoolOffers(
        change=pool,
        remove=pool,
        assign=assign,
        to_save=Offer("It is in the save set") if own_set == "save" else of_pool,
        to_scratch=Offer("It is in the scratch set") if own_set == "scratch" else of_pool,
        take_out=of_pool,
    )
