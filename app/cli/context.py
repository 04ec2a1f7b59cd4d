"""What every command works with: the services (opened when first asked for), output and prompts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from app.cli.jsonform import json_fields, json_value
from app.cli.table import fields_table, harmless, table
from app.model.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from app.services.api import Services
    from app.services.composition import Composition


class CommandContext:
    """One run of one command. Used from the main thread only."""

    def __init__(self, composition: Composition, home: str | None, *, as_json: bool) -> None:
        self.composition = composition
        self.home_option = home
        self.as_json = as_json
        self._services: Services | None = None

    @property
    def home(self) -> str:
        """The absolute directory of the home this command works with."""
        return self.composition.default_home(self.home_option)

    @property
    def services(self) -> Services:
        """The services of the home; opened now if they were not. Raises NotFoundError without a home."""
        if self._services is None:
            self._services = self.composition.open_services(self.home)
        return self._services

    def close(self) -> None:
        """Close what was opened."""
        if self._services is not None:
            self._services.close()
            self._services = None

    # output: exactly one document with --json, plain text otherwise

    def show(self, document: Any, human: str | Callable[[], str]) -> None:
        """Print the result: `document` as JSON, or `human` (text or what makes it)."""
        if self.as_json:
            self.write(json.dumps(json_value(document), ensure_ascii=True))
        else:
            self.write(human if isinstance(human, str) else human())

    def show_done(self, sentence: str, **fields: object) -> None:
        """Print that something was done; as JSON the `fields` alone."""
        self.show(fields, sentence)

    def show_list(
        self,
        items: Sequence[Any],
        columns: Sequence[tuple[str, Callable[[Any], str]]],
        *,
        empty: str,
        right: Sequence[int] = (),
    ) -> None:
        """Print a list of dataclasses: a JSON array, an aligned table, or the sentence `empty`."""

        def text() -> str:
            if not items:
                return empty
            rows = [[make(item) for _, make in columns] for item in items]
            return table([heading for heading, _ in columns], rows, right)

        self.show(list(items), text)

    def show_fields(self, document: Any, fields: Sequence[tuple[str, str]]) -> None:
        """Print one object as `name  value` lines."""
        self.show(document, lambda: fields_table(fields))

    def line(self, document: Mapping[str, Any] | Any, human: str) -> None:
        """Print one line of a stream (a JSON line with --json)."""
        self.show(document, human)

    def note(self, sentence: str) -> None:
        """Tell a person something beside the result; goes to stderr, and nowhere with --json."""
        if not self.as_json:
            print(_encodable(sentence, sys.stderr), file=sys.stderr, flush=True)

    def write(self, text: str) -> None:
        """Print `text` to stdout, whatever the terminal's encoding."""
        if text:
            print(_encodable(text, sys.stdout), flush=True)

    # questions: only at a terminal

    def confirm(self, question: str, *, yes: bool, action: str) -> None:
        """Go on only if the person agrees (or `--yes` was given).

        Raises:
            UsageError: E1102 without a terminal and without --yes.
            click.Abort: the person said no.
        """
        if yes:
            return
        if not interactive():
            raise UsageError("E1102", action=action)
        click.confirm(question, abort=True, err=True)

    def password(
        self, *, from_stdin: bool = False, file: str | None = None, prompt: str, confirmed: bool = False
    ) -> str:
        """The password from stdin, a file (first line), or asked for at a terminal; never from arguments.

        Raises:
            UsageError: E1103 both ways at once, E1104 no terminal to ask at.
            CredentialsError: E1105 an empty one, E1106 a file that cannot be read.
        """
        if from_stdin and file:
            raise UsageError("E1103")
        if from_stdin:
            password = sys.stdin.readline()
        elif file:
            password = read_password_file(file)
        elif interactive():
            password = str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirmed, err=True))
        else:
            raise UsageError("E1104")
        password = password.rstrip("\r\n")
        if not password:
            raise CredentialsError("E1105")
        return password


def read_password_file(file: str) -> str:
    """The first line of `file`. Raises CredentialsError E1105 when empty, E1106 when it cannot be read."""
    try:
        with open(file, encoding="utf-8") as stream:
            password = stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError("E1106", path=file, reason=_reason(error)) from error
    if not password:
        raise CredentialsError("E1105")
    return password


def interactive() -> bool:
    """Whether there is a person at a terminal to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def current() -> CommandContext:
    """The context of the running command."""
    return cast("CommandContext", click.get_current_context().obj)


def with_fields(value: Any, **extra: Any) -> dict[str, Any]:
    """The JSON fields of a dataclass with more beside them."""
    return {**json_value(value), **json_fields(extra)}


def _encodable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return harmless(text).encode(encoding, "replace").decode(encoding)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not text in UTF-8"
