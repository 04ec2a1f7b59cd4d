"""`arcxo help`: the pages of the help, on the terminal."""

from __future__ import annotations

import shutil

import click

from app.cli.context import current
from app.model.errors import ExitCode, NotFoundError

_NEAR = 8


@click.command(help="Print a page of the help: TOPIC, or a message code. Without it: the list of the pages.")
@click.argument("topic", required=False)
@click.option("--search", "words", default="", metavar="WORDS", help="List the pages that have all WORDS.")
def help_(*, topic: str | None, words: str) -> int:
    """List, find or print pages. Needs neither home nor server."""
    from app.help import load
    from app.help.markdown import plain_text

    context = current()
    library = load()
    if topic is not None and words:
        raise click.UsageError("either a TOPIC or --search WORDS")
    if words:
        hits = library.search(words)
        lines = [f"{hit.page.topic:<32}  {hit.page.title}" for hit in hits]
        context.show(
            [{"topic": hit.page.topic, "title": hit.page.title, "excerpt": hit.excerpt} for hit in hits],
            "\n".join(lines) or "No page has all of these words.",
        )
        return int(ExitCode.DONE)
    if topic is None:
        pages = [(section, page) for section, those in library.sections for page in those]
        context.show(
            [{"topic": page.topic, "title": page.title, "section": section} for section, page in pages],
            lambda: (
                "\n".join(
                    f"{section}\n" + "\n".join(f"  {page.topic:<32}  {page.title}" for page in those) + "\n"
                    for section, those in library.sections
                )
                + "\narcxo help TOPIC prints one; message codes are topics, too."
            ),
        )
        return int(ExitCode.DONE)
    found = library.page(topic)
    if found is None:
        near = [hit.page.topic for hit in library.search(topic.replace("-", " "), _NEAR)]
        raise NotFoundError("E1190", topic=topic, near=", ".join(near) or "arcxo help")
    context.show(
        {"topic": found.topic, "title": found.title, "section": found.section, "text": found.text},
        lambda: plain_text(found.text, _width()).rstrip(),
    )
    return int(ExitCode.DONE)


def _width() -> int:
    return max(40, min(100, shutil.get_terminal_size().columns))
