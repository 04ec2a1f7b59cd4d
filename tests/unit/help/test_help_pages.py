"""The pages say only what exists: labels, commands, codes and links are looked up in the program."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest
from setuptools import find_namespace_packages

from app.cli.arguments import take_global_options
from app.cli.commands import root_command
from app.help.library import FOLDER, Library, Page, load
from app.help.markdown import blocks, links, sections
from app.messages import load as load_messages
from app.model.properties import property_text
from app.model.scenario import ScenarioProperties

APP = Path(__file__).resolve().parents[3] / "app"
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_CODE = re.compile(r"`([^`]+)`")
_MESSAGE_CODE = re.compile(r"(?:A?E|W|N|I|AW|ER)\d{4,5}")
_SAID = {"--help"}
FILES = ("secret.txt", "kit.txt", "old.txt", "new.txt", "second.txt", "nightly.script", "definition.xml")
"""Files that commands of the pages name; they are there when the commands are parsed."""


@pytest.fixture(scope="module")
def library() -> Library:
    return load()


def written() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.md"))


@cache
def words_of_the_program() -> tuple[frozenset[str], str]:
    """Every text in the console's code and the catalogue: one by one, and all together."""
    found: set[str] = set()
    for file in sorted((APP / "ui").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(plain(node.value))
    for message in load_messages().values():
        found |= {plain(message.text), plain(message.module)}
    return frozenset(found), "\n".join(sorted(found))


def plain(label: str) -> str:
    return label.replace("&", "").strip().rstrip("…:.").strip()


def lines_of_commands(text: str) -> list[str]:
    fenced = [line for block in blocks(text) if block.kind == "pre" for line in block.text.split("\n")]
    rest = "\n".join(
        " ".join([block.text, *(cell for row in block.rows for cell in row)])
        for block in blocks(text)
        if block.kind != "pre"
    )
    spoken = [code for code in _CODE.findall(rest) if code.startswith("arcxo ")]
    return [line for line in fenced if line.startswith("arcxo")] + spoken


@pytest.mark.parametrize("topic", written())
def test_every_label_of_a_page_is_in_the_program(topic: str, library: Library) -> None:
    page = library.page(topic)
    assert page is not None
    known, all_together = words_of_the_program()
    text = "\n".join(
        "\n".join([block.text, *(cell for row in block.rows for cell in row)])
        for block in blocks(page.text)
        if block.kind != "pre"
    )
    unknown = [
        label
        for label in _BOLD.findall(text)
        if plain(label) not in known and not (len(plain(label)) > 5 and plain(label) in all_together)
    ]
    assert unknown == []


@pytest.mark.parametrize("topic", written())
def test_every_command_of_a_page_is_understood(
    topic: str, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = library.page(topic)
    assert page is not None
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    for line in lines_of_commands(page.text):
        if "NOUN" in line or line.endswith("--help"):
            continue
        understand(line)


def understand(line: str) -> None:
    """Take a command line apart like the program does. Raises click's errors when it would not."""
    arguments = list(take_global_options(shlex.split(line)[1:]).rest)
    command = root_command()
    context = click.Context(command, info_name="arcxo")
    while isinstance(command, click.Group):
        assert arguments, f"{line}: a verb is missing"
        found = command.get_command(context, arguments[0])
        assert found is not None, f"{line}: there is no {arguments[0]}"
        command, arguments = found, arguments[1:]
    try:
        command.make_context(command.name, arguments, parent=context)
    except click.ClickException as error:
        raise AssertionError(f"{line}: {error.format_message()}") from error


@pytest.mark.parametrize("topic", written())
def test_every_code_of_a_page_is_in_the_catalogue(topic: str, library: Library) -> None:
    page = library.page(topic)
    assert page is not None
    said = {code for code in _CODE.findall(page.text) if _MESSAGE_CODE.fullmatch(code)}
    assert said <= set(load_messages())


def test_every_file_is_in_the_contents_once_and_has_a_title(library: Library) -> None:
    listed = [
        page.topic for _, pages in library.sections for page in pages if not page.topic.startswith("codes")
    ]
    assert sorted(listed) == written()
    titles = [page.title for page in library if not page.topic.startswith("code")]
    assert len(titles) == len(set(titles))


def test_every_link_leads_to_a_page(library: Library) -> None:
    broken = [
        f"{page.topic} → {target}"
        for page in library
        for target in links(page.text)
        if not leads_somewhere(library, target)
    ]
    assert broken == []


def leads_somewhere(library: Library, target: str) -> bool:
    file, _, section = target.partition("#")
    page = library.page(file.removesuffix(".md"))
    return file.endswith(".md") and page is not None and (not section or section in sections(page.text))


def test_every_page_is_reached_by_links_or_the_contents_alone_is_enough(library: Library) -> None:
    first = library.page("index")
    assert first is not None
    urgent = {target.removesuffix(".md") for target in links(first.text)}
    assert {"server-lost", "machine-lost", "ransomware", "safety-brake", "session-passwords"} <= urgent


def test_pages_are_short_and_say_what_to_do_in_numbered_steps(library: Library) -> None:
    long = [page.topic for page in library if not page.topic.startswith("codes") and len(page.text) > 7_500]
    assert long == []
    for topic in ("server-lost", "machine-lost", "ransomware", "file-lost", "backup-failed", "damaged-media"):
        page = library.page(topic)
        assert page is not None
        assert [block for block in blocks(page.text) if block.kind == "item" and block.number], topic


def test_all_properties_of_scenarios_stand_on_their_page_with_their_defaults(library: Library) -> None:
    from app.ui.xosoft.property_fields import FIELDS, default_of, shown_value

    page = library.page("scenario-properties")
    assert page is not None
    rows = {row[0].split("`")[1]: row for block in blocks(page.text) for row in block.rows if "`" in row[0]}
    defaults = ScenarioProperties()
    for field in FIELDS:
        title, default, meaning = rows[field.name]
        assert title == f"**{field.title}** `{field.name}`"
        assert ("*by Replica*" in meaning) == field.by_replica, field.name
        if property_text(getattr(defaults, field.name)) and field.name != "notify_on":
            assert default == shown_value(default_of(field)), field.name


def test_pages_speak_to_a_person_and_hold_no_html(library: Library) -> None:
    with_html = [page.topic for page in library if re.search(r"</?[a-z]+[^>]*>", page.text)]
    assert with_html == []


def written_pages(library: Library) -> list[Page]:
    return [page for page in library if page.topic in set(written())]


def test_emergency_words_find_their_page_first(library: Library) -> None:
    for words, topic in (
        ("ransomware", "ransomware"),
        ("server lost", "server-lost"),
        ("recovery kit", "recovery-kit"),
        ("safety brake", "safety-brake"),
        ("undo", "undo-a-restore"),
        ("AE0465", "code-AE0465"),
        ("bandwidth", "bandwidth"),
    ):
        assert library.search(words)[0].page.topic == topic, words
    assert library.search("password forgotten lost") != []
    assert library.search("") == []
    assert library.search("xyzzy plugh") == []


def test_pages_and_pictures_are_part_of_the_package() -> None:
    project = tomllib.loads((APP.parent / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["setuptools"]
    packages = find_namespace_packages(str(APP.parent), include=settings["packages"]["find"]["include"])
    assert {"resources.help", "resources.icons", "resources.fonts", "app.help"} <= set(packages)
    assert settings["package-data"]["resources"] == ["**/*"]
