"""A console on a display of its own, used with real key and mouse events."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.arcxo_command import until
from tests.support.capabilities import missing

ROOT = Path(__file__).resolve().parents[2]
Seen = dict[str, Any]
MAIN = "Arcxo"
"""The title of the main window."""


@contextlib.contextmanager
def display() -> Iterator[str]:
    """A free display with a window manager; the test ends by name where the programs are missing."""
    for program in ("Xvfb", "openbox", "xdotool"):
        if shutil.which(program) is None:
            missing(program)
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            name = f":{number.readline().strip()}"
        if name == ":":
            missing("a display of Xvfb")
        manager = subprocess.Popen(
            ["openbox", "--sm-disable"],
            env={**os.environ, "DISPLAY": name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield name
        finally:
            manager.terminate()
            manager.wait(10)
    finally:
        server.terminate()
        server.wait(10)


class Console:
    """The running console: what it shows, and hands on it."""

    def __init__(self, name: str, home: Path, log: Path) -> None:
        self._environment = {
            **os.environ,
            "DISPLAY": name,
            "QT_QPA_PLATFORM": "xcb",
            "ARCXO_HOME": str(home),
            "PYTHONPATH": str(ROOT),
        }
        self._environment.pop("QT_SCALE_FACTOR", None)
        self._pointer: tuple[int, int] | None = None
        self.log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.console_probe"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def close(self) -> None:
        """End the console, whatever it shows."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def ended(self) -> int | None:
        """The exit code, once it ended."""
        return self._process.poll()

    def ask(self, word: str) -> Any:
        """One answer of the console itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the console ended with {self._process.wait(10)}:\n{self.log.read_text()}"
        return json.loads(line)

    # what is seen

    def widgets(self, kind: str = "", text: str = "", *, window: str = "") -> list[Seen]:
        """Visible widgets whose text or accessible name is `text`; captions come last."""
        found = [
            widget
            for widget in self.ask("look")["widgets"]
            if (not kind or kind in widget["kind"])
            and (not text or text in (widget["text"].strip(), widget["name"]))
            and (not window or widget["window"].startswith(window))
        ]
        return sorted(found, key=lambda widget: "Label" in widget["kind"])

    def find(self, text: str, kind: str = "", *, window: str = "", timeout_s: float = 20) -> Seen:
        """A widget that can be clicked: enabled, not covered, and standing still."""

        def ready() -> Seen | None:
            found = [
                seen for seen in self.widgets(kind, text, window=window) if seen["enabled"] and seen["top"]
            ]
            again = [seen["place"] for seen in self.widgets(kind, text, window=window)]
            return next((seen for seen in found if seen["place"] in again), None)

        found: Seen = self._until(ready, f"{kind or 'something'} “{text}” to be usable", timeout_s)
        return found

    def rows(self, tree: str, *, window: str = "") -> list[Seen]:
        """The rows of a tree or table by its accessible name."""
        found = self.widgets("", tree, window=window)
        return [row for widget in found for row in widget.get("rows", ())]

    def row(self, tree: str, holds: str, *, window: str = "", timeout_s: float = 20) -> Seen:
        """The first row with a cell `holds`, once it can be seen."""

        def ready() -> Seen | None:
            return next(
                (r for r in self.rows(tree, window=window) if r["seen"] and holds in r["cells"]), None
            )

        found: Seen = self._until(ready, f"a row “{holds}” in “{tree}”", timeout_s)
        return found

    def wait_window(self, title: str, timeout_s: float = 20) -> None:
        """Until the window `title`, or one whose title goes on after it with a name, has the keyboard."""

        def has_it() -> bool:
            active = self.ask("look")["active"]
            return active == title or (title != MAIN and active.startswith(f"{title}: "))

        self._until(has_it, f"the window “{title}”", timeout_s)

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 30) -> Any:
        """Until `condition` holds; a failure shows what the console shows."""
        return self._until(condition, what, timeout_s)

    def _until(self, condition: Callable[[], Any], what: str, timeout_s: float) -> Any:
        try:
            return until(condition, what, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.shown()}\n{self.log.read_text()}") from None

    def shown(self) -> str:
        """What the console shows, as text."""
        seen = self.ask("look")
        lines = [f"active “{seen['active']}”, modal “{seen['modal']}”"]
        for widget in seen["widgets"]:
            said = widget["text"] or widget["name"]
            if said:
                state = "" if widget["enabled"] else " (disabled)"
                lines.append(f"  {widget['window']} | {widget['kind']}: {said}{state}")
            lines += [
                f"      {'  ' * row['depth']}{' | '.join(row['cells'])}" for row in widget.get("rows", ())
            ]
        return "\n".join(lines)

    # hands

    def click_at(self, place: list[int], *, button: int = 1) -> None:
        """Click into the middle of a place."""
        x, y, width, height = place
        there = (x + width // 2, y + height // 2)
        # Where the pointer is already, xdotool waits 15 s for it to move.
        move = () if there == self._pointer else ("mousemove", "--sync", str(there[0]), str(there[1]))
        self._pointer = there
        self._do(*move, "click", str(button))

    def click(self, text: str, kind: str = "", *, window: str = "") -> None:
        """Click a widget by its text or accessible name."""
        seen = self.find(text, kind, window=window)
        place = seen["place"]
        if seen["kind"] in (
            "QCheckBox",
            "QRadioButton",
        ):  # only box and text take clicks, not the room behind
            place = [place[0], place[1], 16, place[3]]
        self.click_at(place)

    def click_tab(self, text: str) -> None:
        """Click a tab by its title."""

        def ready() -> Seen | None:
            bars = [widget for widget in self.ask("look")["widgets"] if widget["top"] and "tabs" in widget]
            return next((tab for bar in bars for tab in bar["tabs"] if tab["text"] == text), None)

        self.click_at(self._until(ready, f"the tab “{text}”", 20)["place"])

    def mark(self, tree: str, holds: str, *, window: str = "") -> None:
        """Click the marker of a row, until it is full."""
        row = self.row(tree, holds, window=window)
        self.click_at(row["marker_place"])
        self._until(
            lambda: self.row(tree, holds, window=window)["marker"] == "full", f"“{holds}” to be marked", 10
        )

    def keys(self, *names: str) -> None:
        """Press keys such as `ctrl+n`, `Return`."""
        self._do("key", "--clearmodifiers", *names)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self._do("type", "--clearmodifiers", "--delay", "4", text)

    def fill(self, field: str, text: str, *, window: str = "") -> None:
        """Click a field, replace what is in it, and see it arrive."""
        self.click(field, "", window=window)
        self._until(
            lambda: self.find(field, window=window)["focus"], f"the field “{field}” to have the focus", 10
        )
        self.keys("ctrl+a")
        self.type(text)
        self._until(
            lambda: any(seen["text"] == text for seen in self.widgets("", field, window=window)),
            f"“{text}” in the field “{field}”",
            10,
        )

    def _do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self._environment, check=True, timeout=30)


@contextlib.contextmanager
def console(home: Path, log: Path) -> Iterator[Console]:
    """The console of `home` on a display of its own."""
    with display() as name:
        made = Console(name, home, log)
        try:
            yield made
        finally:
            made.close()
