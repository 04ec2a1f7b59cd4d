"""The pages of `resources/help` in the order of its `contents.toml`, the pages of codes, and the search."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.help import codes
from app.help.markdown import plain_text

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "help"
FIRST = "index"
"""The page that is shown when nothing better is known."""

_EXCERPT = 120


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its topic (file name without `.md`), title, Markdown, and the section of the contents."""

    topic: str
    title: str
    text: str
    section: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that a search found, with the words around the first place."""

    page: Page
    excerpt: str


@dataclass(frozen=True, slots=True)
class _Indexed:
    page: Page
    title: str
    headings: str
    plain: str
    folded: str


@dataclass(frozen=True)
class Library:
    """All pages. Immutable; usable from any thread."""

    sections: Sequence[tuple[str, Sequence[Page]]]
    _pages: Mapping[str, Page] = field(default_factory=dict)
    _index: Sequence[_Indexed] = ()

    def page(self, topic: str) -> Page | None:
        """The page of a topic, `topic#section` or message code (`E3370`); None when there is none."""
        topic = topic.partition("#")[0]
        return self._pages.get(topic) or self._pages.get(codes.topic_of(topic.upper()))

    def __iter__(self) -> Iterator[Page]:
        return iter(self._pages.values())

    def search(self, words: str, limit: int = 60) -> list[Hit]:
        """Pages that contain every word, best first: in the title, then in headings, then in the text."""
        wanted = words.casefold().split()
        if not wanted:
            return []
        found = [
            (_rank(entry, wanted), position, entry)
            for position, entry in enumerate(self._index)
            if all(word in entry.folded for word in wanted)
        ]
        found.sort(key=lambda item: item[:2])
        return [Hit(entry.page, _excerpt(entry, wanted)) for _, _, entry in found[:limit]]


@functools.cache
def load() -> Library:
    """The help of this installation, read once (a few dozen small files).

    Raises:
        OSError: The installation lacks its help.
        ValueError: A page has no title. Such a help is a bug of the build.
    """
    return read(FOLDER)


def read(folder: Path) -> Library:
    """The help in `folder`. Raises like `load`."""
    contents = tomllib.loads((folder / "contents.toml").read_text(encoding="utf-8"))
    sections: list[tuple[str, Sequence[Page]]] = []
    for section in contents["section"]:
        title = section["title"]
        sections.append((title, [_read_page(folder, topic, title) for topic in section["pages"]]))
    made = [Page(topic, title, text, codes.SECTION) for topic, title, text in codes.pages()]
    parts = [page for page in made if codes.is_part(page.topic)]
    sections.append((codes.SECTION, parts))
    pages = [page for _, those in sections for page in those]
    pages += [page for page in made if not codes.is_part(page.topic)]
    return Library(tuple(sections), {page.topic: page for page in pages}, [_indexed(page) for page in pages])


def _read_page(folder: Path, topic: str, section: str) -> Page:
    text = (folder / f"{topic}.md").read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    if not first.startswith("# "):
        raise ValueError(f"help page {topic} does not begin with its title")
    return Page(topic, first[2:].strip(), text, section)


def _indexed(page: Page) -> _Indexed:
    headings = "\n".join(line for line in page.text.split("\n") if line.startswith("##"))
    plain = " ".join(plain_text(page.text).split())
    return _Indexed(page, page.title.casefold(), headings.casefold(), plain, plain.casefold())


def _rank(entry: _Indexed, words: Sequence[str]) -> tuple[int, int]:
    code = codes.is_code(entry.page.topic) or codes.is_part(entry.page.topic)
    if any(entry.title == word for word in words):
        place = 0
    elif entry.title.startswith(" ".join(words)):
        place = 1
    elif all(word in entry.title for word in words):
        place = 2
    elif all(word in entry.headings or word in entry.title for word in words):
        place = 3
    else:
        place = 5
    # Of pages that only mention the words, those that people wrote come before the codes.
    often = min(9, sum(entry.folded.count(word) for word in words))
    return place + (4 if code and place > 1 else 0), -often


def _excerpt(entry: _Indexed, words: Sequence[str]) -> str:
    # Casefolding may change lengths (ß): the place is then a little off, which an excerpt survives.
    body = len(entry.title) + 1
    place = entry.folded.find(words[0], body)
    start = max(body, place - _EXCERPT // 3) if place >= 0 else body
    if start > body:
        start = entry.plain.find(" ", start) + 1
    cut = entry.plain[start : start + _EXCERPT].strip()
    before = "… " if start > body else ""
    after = " …" if start + _EXCERPT < len(entry.plain) else ""
    return f"{before}{cut}{after}"
