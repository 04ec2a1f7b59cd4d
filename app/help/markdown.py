"""The Markdown that help pages are written in, as HTML for the help window and as plain text.

Known are: headings, paragraphs, lists (numbered, or with -; one level below), tables, code blocks, notes (>),
**bold**, *italic*, `code` and [links](topic.md). Everything else is text; HTML is shown, not obeyed.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_SPAN = re.compile(
    r"`(?P<code>[^`]+)`|\\(?P<plain>[\\*_\[\]<>#|`])|\*\*(?P<bold>.+?)\*\*|(?<!\w)\*(?P<italic>[^*]+?)\*"
    r"|\[(?P<label>[^\]]+)\]\((?P<target>[^)\s]+)\)"
)
_HEADING = re.compile(r"(#{1,4}) (.+)")
_ITEM = re.compile(r"(?P<indent> *)(?:(?P<number>\d+)\.|-) +(?P<text>.*)")
_RULE = re.compile(r"\|[\s:|-]+\|?\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its kind (h1 … h4, p, pre, note, item, table), its text or rows, level and number."""

    kind: str
    text: str = ""
    level: int = 0
    number: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def to_html(text: str) -> str:
    """The body of an HTML page; its style sheet is the reader's. What is not known is text."""
    made: list[str] = []
    open_lists: list[str] = []

    def close_lists(down_to: int) -> None:
        while len(open_lists) > down_to:
            made.append(f"</li></{open_lists.pop()}>")

    for block in blocks(text):
        if block.kind == "item":
            close_lists(block.level + 1)
            if len(open_lists) == block.level + 1:
                made.append("</li><li>")
            else:
                kind = "ol" if block.number else "ul"
                open_lists.append(kind)
                made.append(f"<{kind}><li>")
            made.append(_inline(block.text))
            continue
        close_lists(0)
        made.append(_block(block))
    close_lists(0)
    return "\n".join(made)


def plain_text(text: str, width: int = 0) -> str:
    """The page without its marks, to be searched, or read on a terminal of `width` columns (0 = any)."""
    lines: list[str] = []
    before = ""
    for block in blocks(text):
        if block.kind == "item":
            if before not in ("", "item"):
                lines.append("")
            indent = "   " * block.level
            mark = f"{indent}{block.number}." if block.number else f"{indent}-"
            lines += _wrapped(f"{mark} {_plain(block.text)}", width, " " * (len(mark) + 1))
            before = block.kind
            continue
        before = block.kind
        if lines:
            lines.append("")
        if block.kind == "table":
            lines += _plain_table(block.rows)
        elif block.kind == "pre":
            lines += [f"    {line}" for line in block.text.split("\n")]
        elif block.kind == "note":
            lines += _wrapped(f"! {_plain(block.text)}", width, "  ")
        else:
            said = _plain(block.text)
            lines += _wrapped(said.upper() if block.kind == "h1" else said, width)
    return "\n".join(lines) + "\n"


def links(text: str) -> list[str]:
    """The targets of all links of a page."""
    return [found["target"] for found in _SPAN.finditer(_without_code(text)) if found["target"]]


def slug(heading: str) -> str:
    """The name of a section in links: `page.md#slug`."""
    return re.sub(r"[^a-z0-9]+", "-", _plain(heading).casefold()).strip("-")


def sections(text: str) -> list[str]:
    """The names of a page's sections."""
    return [slug(block.text) for block in blocks(text) if block.kind == "h2"]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")), len(lines))
            yield Block("pre", "\n".join(lines[at + 1 : end]))
            at = end + 1
        elif not line.strip():
            at += 1
        elif found := _HEADING.fullmatch(line):
            yield Block(f"h{len(found[1])}", found[2].strip())
            at += 1
        elif line.startswith("|"):
            end = _end(lines, at, lambda one: one.startswith("|"))
            yield Block("table", rows=tuple(_cells(one) for one in lines[at:end] if not _RULE.match(one)))
            at = end
        elif line.startswith(">"):
            end = _end(lines, at, lambda one: one.startswith(">"))
            yield Block("note", " ".join(one.lstrip("> ").strip() for one in lines[at:end]))
            at = end
        elif item := _ITEM.fullmatch(line):
            end = _end(lines, at + 1, lambda one: one.startswith(" ") and not _ITEM.fullmatch(one))
            body = " ".join([item["text"], *(one.strip() for one in lines[at + 1 : end])])
            yield Block("item", body, 1 if len(item["indent"]) >= 2 else 0, int(item["number"] or 0))
            at = end
        else:
            end = _end(lines, at + 1, _continues)
            yield Block("p", " ".join(one.strip() for one in lines[at:end]))
            at = end


def _continues(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("```", "|", ">", "#")) and not _ITEM.fullmatch(line)


def _end(lines: list[str], start: int, belongs: Callable[[str], bool]) -> int:
    at = start
    while at < len(lines) and belongs(lines[at]):
        at += 1
    return at


def _cells(line: str) -> tuple[str, ...]:
    inner = re.sub(r"\|\s*$", "", line.strip()[1:])
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", inner))


def _block(block: Block) -> str:
    if block.kind == "pre":
        return f"<pre>{html.escape(block.text, quote=False)}</pre>"
    if block.kind == "note":
        return f'<table class="note" width="100%"><tr><td>{_inline(block.text)}</td></tr></table>'
    if block.kind == "table":
        head, *rest = block.rows or ((),)
        made = ["<tr>" + "".join(f"<th>{_inline(cell)}</th>" for cell in head) + "</tr>"]
        made += ["<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in rest]
        return f'<table class="grid" width="100%" cellspacing="0">{"".join(made)}</table>'
    anchor = f'<a name="{slug(block.text)}"></a>' if block.kind == "h2" else ""
    return f"<{block.kind}>{anchor}{_inline(block.text)}</{block.kind}>"


def _inline(text: str) -> str:
    made: list[str] = []
    at = 0
    for found in _SPAN.finditer(text):
        made.append(html.escape(text[at : found.start()], quote=False))
        at = found.end()
        if found["code"] is not None:
            made.append(f"<code>{html.escape(found['code'], quote=False)}</code>")
        elif found["plain"] is not None:
            made.append(html.escape(found["plain"]))
        elif found["bold"] is not None:
            made.append(f"<b>{_inline(found['bold'])}</b>")
        elif found["italic"] is not None:
            made.append(f"<i>{_inline(found['italic'])}</i>")
        else:
            made.append(f'<a href="{html.escape(found["target"])}">{_inline(found["label"])}</a>')
    made.append(html.escape(text[at:], quote=False))
    return "".join(made)


def _plain(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        if found["code"] is not None:
            return found["code"]
        inner = found["plain"] or found["bold"] or found["italic"] or found["label"] or ""
        return inner if found["plain"] is not None else _plain(inner)

    return _SPAN.sub(say, text)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    if not width:
        return [text]
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _plain_table(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    said = [[_plain(cell) for cell in row] for row in rows]
    columns = max(map(len, said), default=0)
    widths = [max(len(row[column]) for row in said if column < len(row)) for column in range(columns)]
    return ["  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in said]


def _without_code(text: str) -> str:
    kept, code = [], False
    for line in text.split("\n"):
        if line.startswith("```"):
            code = not code
        elif not code:
            kept.append(line)
    return "\n".join(kept)
