"""`arcxo demo`: the whole story on real files, each step verified."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time

import click

from app.cli.context import CommandContext, current
from app.cli.demo_data import needed_bytes
from app.cli.demo_report import Step, report_document, report_table
from app.cli.demo_story import SCENARIO, StepFailed, Story
from app.cli.table import size_text
from app.model.errors import ArcxoError, ExitCode, UsageError


@click.command(help="Replicate, rewind, back up and restore real files, and verify every step.")
@click.option(
    "--dir", "directory", metavar="D", help="Where to work; new or empty [default: a temporary one]."
)
@click.option("--keep", is_flag=True, help="Leave home, files and the running scenario in place.")
def demo(*, directory: str | None, keep: bool) -> int:
    """Run the story; exit 0 only if every check held."""
    context = current()
    place, made = _place(directory)
    began = time.perf_counter()
    story = Story(context, place, lambda step: _tell(context, step))
    try:
        held = _run(story, keep=keep)
        _report(context, story, place, time.perf_counter() - began)
    finally:
        story.close()
        if not keep:
            _clean_up(context, story, place, made=made)
    if keep:
        context.note(
            f"The scenario {SCENARIO} goes on. Open the console: arcxo --home {story.home}\n"
            f"End it: arcxo --home {story.home} server stop"
        )
    return int(ExitCode.DONE if held else ExitCode.FAILED)


def _run(story: Story, *, keep: bool) -> bool:
    try:
        story.run(secrets.token_urlsafe(16))
        if keep:
            story.go_on()
    except StepFailed:
        return False
    return all(step.ok for step in story.steps)


def _report(context: CommandContext, story: Story, place: str, seconds: float) -> None:
    document = report_document(story.steps, place, seconds)
    context.show(document, lambda: "\n" + report_table(story.steps, seconds))


def _tell(context: CommandContext, step: Step) -> None:
    context.note(f"{'held  ' if step.ok else 'FAILED'}  {step.step}: {step.checked} ({step.seconds:.1f} s)")


def _place(directory: str | None) -> tuple[str, bool]:
    """(an empty directory with room enough, whether it was made here). Raises UsageError, ArcxoError."""
    if directory is None:
        place, made = tempfile.mkdtemp(prefix="arcxo-demo-"), True
    else:
        place, made = os.path.abspath(directory), not os.path.isdir(directory)
        os.makedirs(place, exist_ok=True)
        if os.listdir(place):
            raise UsageError("E1141", path=place)
    state = os.statvfs(place)
    free, needed = state.f_bavail * state.f_frsize, needed_bytes()
    if free < needed:
        if made:
            os.rmdir(place)
        raise ArcxoError("E1142", path=place, needed=size_text(needed), free=size_text(free))
    return os.path.realpath(place), made


def _clean_up(context: CommandContext, story: Story, place: str, *, made: bool) -> None:
    """Stop the processes and remove what was made, and nothing else."""
    if context.composition.home_exists(story.home):
        context.composition.stop_server(story.home)
    for directory in (story.home, story.master, story.replica, story.elsewhere):
        if os.path.isdir(directory):
            shutil.rmtree(directory)
    # The engines may keep a side store of their own beside the replica; it is empty of anyone's files.
    for name in os.listdir(place):
        if name.startswith(".arcxo-"):
            shutil.rmtree(os.path.join(place, name))
    if made and not os.listdir(place):
        os.rmdir(place)
