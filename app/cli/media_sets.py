"""`arcxo media format, erase, rename, expire, retire`: verbs on whole media sets, with a plan before."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from app.cli.arguments import parse_utc
from app.cli.context import CommandContext, current
from app.cli.job import finish_submission
from app.cli.table import size_text, time_text
from app.model.media import SetPlan

_SHOWN = 20
_plan = click.option("--plan", "only_plan", is_flag=True, help="Tell what is lost; change nothing.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_wait = click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")


class Expiry(click.ParamType[datetime | None]):
    """A time, a number of days from now as `30d`, or `now` / `never` = not protected."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | None:
        """`value` as an aware time in UTC; None = not protected."""
        if value is None or isinstance(value, datetime):
            return value
        text = str(value)
        if text in ("now", "never"):
            return None
        if text.endswith("d") and text[:-1].isdecimal() and int(text[:-1]) <= 36_500:
            from datetime import timedelta

            return datetime.now(UTC) + timedelta(days=int(text[:-1]))
        moment = parse_utc(text)
        if moment is None:
            self.fail(f"{text!r} is no date, no number of days such as 30d, and not now", param, ctx)
        return moment


@click.command(
    name="format", help="Make a media NAME on DEVICE. A media set of that name there is erased before."
)
@click.argument("device")
@click.argument("name", required=False, default="")
@click.option(
    "--expires", type=Expiry(), default=None, metavar="DATE", help="Not overwritten before: date, or 30d."
)
@_plan
@_yes
@_wait
def format_media(
    *, device: str, name: str, expires: datetime | None, only_plan: bool, yes: bool, wait: bool
) -> int:
    """Submit a format job."""
    context = current()
    service = context.services.storage
    plan = service.plan_format(device, name)
    if only_plan:
        return _show_plan(context, plan, f"A media {name or 'with an automatic name'} is made on {device}.")
    if plan.media:
        _ask(context, plan, f"Format {device} as {name}?", yes=yes, action=f"format {device}")
    else:
        context.confirm(f"Format {device} as {name}?", yes=yes, action=f"format {device}")
    return finish_submission(service.format(device, name, expires_at=expires), wait=wait)


@click.command(help="Erase MEDIA (name, ID or serial): all media of its set, with all their sessions.")
@click.argument("media")
@_plan
@_yes
@_wait
def erase(*, media: str, only_plan: bool, yes: bool, wait: bool) -> int:
    """Submit an erase job."""
    context = current()
    service = context.services.storage
    plan = service.plan_erase(media)
    if only_plan:
        return _show_plan(context, plan, "")
    _ask(context, plan, f"Erase {plan.name} for good?", yes=yes, action=f"erase {media}")
    return finish_submission(service.erase(media), wait=wait)


@click.command(help="Give MEDIA (name, ID or serial), all media of its set, another NAME.")
@click.argument("media")
@click.argument("name")
@_wait
def rename(*, media: str, name: str, wait: bool) -> int:
    """Submit a renaming."""
    return finish_submission(current().services.storage.rename(media, name), wait=wait)


@click.command(help="Protect MEDIA until DATE (ISO 8601, or 30d from now); `now` lifts the protection.")
@click.argument("media")
@click.argument("date", type=Expiry())
@_wait
def expire(*, media: str, date: datetime | None, wait: bool) -> int:
    """Submit a change of expiry."""
    return finish_submission(current().services.storage.expire(media, date), wait=wait)


@click.command(help="Write nothing to MEDIA any more; its sessions can still be restored.")
@click.argument("media")
@click.option(
    "--forget",
    is_flag=True,
    help="It, or one of its set, is gone for good: forget the set, with its sessions; what is left of it is "
    "erased.",
)
@click.option("--undo", is_flag=True, help="Use it again.")
@_plan
@_yes
@_wait
def retire(*, media: str, forget: bool, undo: bool, only_plan: bool, yes: bool, wait: bool) -> int:
    """Submit a retirement."""
    context = current()
    if forget and undo:
        raise click.UsageError("--forget and --undo are opposites.")
    service = context.services.storage
    plan = service.plan_erase(media, forget=forget)
    if only_plan:
        return _show_plan(
            context, plan, "" if forget else "Nothing is lost; nothing is written to it any more."
        )
    if forget:
        _ask(context, plan, f"Forget {plan.name}?", yes=yes, action=f"forget {media}")
    return finish_submission(service.retire(media, forget=forget, undo=undo), wait=wait)


def _show_plan(context: CommandContext, plan: SetPlan, before: str) -> int:
    context.show(plan, "\n".join(filter(None, (before, plan_text(plan)))))
    return 0


def _ask(context: CommandContext, plan: SetPlan, question: str, *, yes: bool, action: str) -> None:
    if not yes:
        context.note(plan_text(plan))
    lost = f"{len(plan.media):,} media with {len(plan.sessions):,} session(s) are lost"
    context.confirm(f"{question} {lost}.", yes=yes, action=action)


def plan_text(plan: SetPlan) -> str:
    """A plan for a person."""
    if not plan.media:
        return "Nothing is lost."
    lines = [
        f"{one.name}  ID {one.media_id}  sequence {one.sequence}  device {one.device}" for one in plan.media
    ]
    lines.append(f"Sessions that go ({len(plan.sessions):,}), with {size_text(plan.used_bytes)}:")
    lines += [
        f"  {one.number:>6}  {time_text(one.finished_at)}  {one.scenario_name or one.machine}  {one.entity}"
        for one in plan.sessions[:_SHOWN]
    ]
    if len(plan.sessions) > _SHOWN:
        lines.append(f"  … {len(plan.sessions) - _SHOWN:,} more")
    if plan.refused:
        lines.append(f"It would be refused: {plan.refused}")
    return "\n".join(lines)
