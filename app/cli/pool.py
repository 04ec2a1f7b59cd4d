"""`arcxo pool …`: media pools, with a save set that is protected and a scratch set that is used again."""

from __future__ import annotations

from dataclasses import replace

import click

from app.cli.context import current, with_fields
from app.cli.table import fields_table, table, time_text
from app.messages import render
from app.model.media import MediaInfo, Pool, PoolMove, PoolSet
from app.model.storage import PoolInfo

_days = click.option(
    "--days", type=click.IntRange(0), default=None, metavar="N", help="Days that media are kept unused."
)
_minimum = click.option(
    "--minimum", type=click.IntRange(0), default=None, metavar="N", help="Media that stay in the save set."
)


@click.group(help="Media pools.")
def pool() -> None:
    """Commands for pools."""


@pool.command(name="list", help="List the media pools.")
def list_pools() -> None:
    """All pools."""
    context = current()
    infos = context.services.storage.pools()
    rows = [
        [
            info.pool.name,
            str(info.pool.retention_days),
            str(info.pool.minimum_save),
            str(_sets(info.save)),
            str(_sets(info.scratch)),
        ]
        for info in infos
    ]
    heads = ["Pool", "Days", "Minimum", "Save", "Scratch"]
    context.show(
        [_document(info) for info in infos],
        lambda: table(heads, rows, (1, 2, 3, 4)) if rows else "No media pools.",
    )


@pool.command(
    help="Make a pool. A set leaves the save set after --days, when more than --minimum stay in it."
)
@click.argument("name")
@_days
@_minimum
def add(*, name: str, days: int | None, minimum: int | None) -> None:
    """Add a pool."""
    context = current()
    made = Pool(name, 6 if days is None else days, 1 if minimum is None else minimum)
    context.services.storage.add_pool(made)
    context.show(
        made, f"Media pool {name}: kept for {made.retention_days} days, {made.minimum_save} at least."
    )


@pool.command(name="set", help="Change the numbers of pool NAME.")
@click.argument("name")
@_days
@_minimum
def change(*, name: str, days: int | None, minimum: int | None) -> None:
    """Change a pool."""
    context = current()
    known = context.services.storage.pool(name).pool
    changed = replace(
        known,
        retention_days=known.retention_days if days is None else days,
        minimum_save=known.minimum_save if minimum is None else minimum,
    )
    context.services.storage.change_pool(changed)
    kept = f"kept for {changed.retention_days} days, {changed.minimum_save} at least"
    context.show(changed, f"Media pool {name}: {kept}.")


@pool.command(help="The media of pool NAME, and what becomes of them.")
@click.argument("name")
def show(*, name: str) -> None:
    """One pool."""
    context = current()
    service = context.services.storage
    info = service.pool(name)
    moves = service.plan_pools(name)
    document = _document(info) | {"moves": [_move_document(move) for move in moves]}
    context.show(document, lambda: _pool_text(info, moves))


@pool.command(help="What becomes scratch, and when, and why not yet: of pool NAME, or of all.")
@click.argument("name", required=False, default="")
def preview(*, name: str) -> None:
    """What the rules will do."""
    context = current()
    moves = context.services.storage.plan_pools(name)
    context.show(
        [_move_document(move) for move in moves],
        lambda: _moves_text(moves) if moves else "No media in save sets.",
    )


@pool.command(help="Forget pool NAME. Its media stay, and are in no pool then: backups without one use them.")
@click.argument("name")
@click.option("--plan", "only_plan", is_flag=True, help="Tell which media lose their protection.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(*, name: str, only_plan: bool, yes: bool) -> None:
    """Remove a pool."""
    context = current()
    info = context.services.storage.pool(name)
    told = f"{_sets(info.save)} media in its save set are no longer protected by it"
    if only_plan:
        context.show(_document(info), f"{told}; nothing is deleted.")
        return
    if info.save:
        context.confirm(f"Remove the pool {name}? {told}.", yes=yes, action=f"remove pool {name}")
    context.services.storage.remove_pool(name)
    context.show_done(f"Media pool {name} is removed.", name=name)


@pool.command(help='Put MEDIA (name, ID or serial) into pool NAME; with NAME "" out of its pool.')
@click.argument("name")
@click.argument("media")
@click.option("--scratch", is_flag=True, help="Into the scratch set: the next backup may overwrite it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def assign(*, name: str, media: str, scratch: bool, yes: bool) -> None:
    """Assign media to a pool."""
    context = current()
    service = context.services.storage
    if scratch and name:
        plan = service.plan_erase(media)
        if plan.sessions:
            count = len(plan.sessions)
            question = (
                f"Make {plan.name} scratch? The next backup into {name} may overwrite {count:,} session(s)."
            )
            context.confirm(question, yes=yes, action=f"make {media} scratch")
    service.assign_pool(name, media, PoolSet.SCRATCH if scratch else PoolSet.SAVE)
    where = f"in the {'scratch' if scratch else 'save'} set of pool {name}" if name else "in no pool"
    context.show_done(
        f"{media} is {where}.",
        media=media,
        pool=name,
        pool_set=("scratch" if scratch else "save") if name else "",
    )


def _sets(media: tuple[MediaInfo, ...]) -> int:
    return len({info.set_id for info in media})


def _document(info: PoolInfo) -> dict[str, object]:
    return with_fields(info.pool, save=list(info.save), scratch=list(info.scratch))


def _move_document(move: PoolMove) -> dict[str, object]:
    return with_fields(move, text=_reason(move))


def _reason(move: PoolMove) -> str:
    due = time_text(move.due_at) if move.due_at is not None else "-"
    pool_numbers = current().services.storage.pool(move.pool).pool
    params = {"due": due, "days": str(pool_numbers.retention_days), "minimum": str(pool_numbers.minimum_save)}
    return render(move.reason, params).text


def _moves_text(moves: object) -> str:
    assert isinstance(moves, (list, tuple))
    rows = [
        [
            move.pool,
            move.name,
            time_text(move.last_written_at) if move.last_written_at else "-",
            f"{move.sessions:,}",
            _reason(move),
        ]
        for move in moves
    ]
    return table(["Pool", "Media", "Written", "Sessions", "What happens"], rows, (3,))


def _pool_text(info: PoolInfo, moves: object) -> str:
    lines = fields_table(
        [
            ("Pool", info.pool.name),
            ("Kept for", f"{info.pool.retention_days} days after the last writing"),
            ("At least", f"{info.pool.minimum_save} media in the save set"),
            ("Scratch", ", ".join(sorted({one.name for one in info.scratch})) or "-"),
        ]
    )
    return f"{lines}\n\n{_moves_text(moves)}" if moves else f"{lines}\n\nNothing in the save set."
