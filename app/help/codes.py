"""Help pages of the message codes, made from the catalogue: one for each code, and a list for each part."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from app.messages import Message, load

SECTION = "Messages and codes"
PARTS = "codes"
"""The topic of the list of parts."""

_CODE = "code-"
_PART = "codes-"
_MEANING = {
    "information": "nothing has to be done",
    "significant": "worth knowing",
    "warning": "look at it when there is time",
    "error": "something asked for did not happen",
    "critical": "act now",
}
_SPECIAL = re.compile(r"([\\*_\[\]<>#|`])")
_BEGIN, _END = "\x02", "\x03"
_PARAMETER = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


def topic_of(code: str) -> str:
    """The topic of a code's page."""
    return f"{_CODE}{code}"


def is_code(topic: str) -> bool:
    """Whether the topic is that of one code."""
    return topic.startswith(_CODE)


def is_part(topic: str) -> bool:
    """Whether the topic is a list of codes, or the list of these lists."""
    return topic == PARTS or topic.startswith(_PART)


def pages() -> Iterator[tuple[str, str, str]]:
    """(topic, title, Markdown) of the list of parts, the parts, and the codes."""
    by_module: dict[str, list[Message]] = {}
    for message in load().values():
        if message.coded:
            by_module.setdefault(message.module, []).append(message)
    modules = sorted(by_module)
    yield PARTS, "All codes by part", _list_of_parts(modules, by_module)
    for module in modules:
        messages = sorted(by_module[module], key=lambda message: message.code)
        yield _part(module), f"Codes of {module}", _list(module, messages)
    for module in modules:
        for message in sorted(by_module[module], key=lambda message: message.code):
            yield topic_of(message.code), f"{message.code}", _page(message)


def _part(module: str) -> str:
    return _PART + re.sub(r"[^a-z0-9]+", "-", module.casefold()).strip("-")


def _list_of_parts(modules: list[str], by_module: dict[str, list[Message]]) -> str:
    lines = [
        "# All codes by part",
        "",
        "Type a code into the search field, or choose the part that said it.",
        "",
    ]
    lines += [
        f"- [{module}]({_part(module)}.md): {len(by_module[module])} codes"
        if len(by_module[module]) != 1
        else f"- [{module}]({_part(module)}.md): 1 code"
        for module in modules
    ]
    return "\n".join(lines) + "\n"


def _list(module: str, messages: list[Message]) -> str:
    lines = [f"# Codes of {module}", ""]
    lines += [
        f"- [{message.code}]({topic_of(message.code)}.md) {template(message.text)}" for message in messages
    ]
    return "\n".join([*lines, "", "[All parts](codes.md)", ""])


def _page(message: Message) -> str:
    severity = message.severity.value
    lines = [f"# {message.code}", "", f"**{template(message.text)}**", ""]
    lines += [f"{severity.capitalize()} of {message.module}: {_MEANING[severity]}.", ""]
    if message.reason:
        lines += ["## Reason", "", template(message.reason), ""]
    if message.action:
        lines += ["## What to do", "", template(message.action), ""]
    lines += [f"More codes: [{message.module}]({_part(message.module)}.md), [all parts](codes.md)."]
    return "\n".join(lines) + "\n"


def template(text: str) -> str:
    """A text of the catalogue as Markdown: parameters in capitals, everything else as it is."""
    marked = "".join(
        literal + (f"{_BEGIN}{name.replace('_', ' ')}{_END}" if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(text)
    ).replace("\n", " ")
    pieces = re.split(r"`([^`]+)`", marked)
    made = []
    for position, piece in enumerate(pieces):
        if position % 2 == 1:
            command = _PARAMETER.sub(lambda found: found[1].upper().replace(" ", "_"), piece)
            made.append(f"`{command}`")
        else:
            plain = _SPECIAL.sub(r"\\\1", piece)
            made.append(_PARAMETER.sub(lambda found: f"*{found[1].upper()}*", plain))
    return "".join(made)
