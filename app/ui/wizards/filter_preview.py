"""One line under the patterns: what they take and leave out of the chosen directories, as they are typed."""

from __future__ import annotations

from app.model.filters import FilterPreview
from app.model.paths import shown
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.widgets.notices import explain
from app.ui.wizards.flow import NewScenarioFlow

_AFTER_MS = 400
_SECONDS = 2.0
_EXAMPLES = 3


class FilterPreviewLine(Label):
    """Asks the Master's agent, at most for two seconds, when nothing was typed for a moment."""

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__("", "small", "text2", wrap=True)
        self.setAccessibleName("What is left out")
        self._flow = flow
        self._context = context
        self._delay = Delay(_AFTER_MS, self)
        self._delay.passed.connect(self._on_passed)

    def look_soon(self) -> None:
        """Look when no further key came."""
        fault = self._flow.filters_fault()
        self._say(fault or "Counting…" if self._flow.filters().exclude else "", "error" if fault else "muted")
        self._delay.put(None)

    def look(self) -> None:
        """Look now."""
        filters, roots = self._flow.filters(), tuple(self._flow.answers.roots)
        fault = self._flow.filters_fault()
        if fault or not filters.exclude or not roots:
            self._say(fault, "error")
            return
        self._say("Counting…", "muted")
        scenarios, master = self._context.services.scenarios, self._flow.answers.master
        self._context.tasks.run(
            self,
            lambda: scenarios.preview(roots, filters, master=master, examples=_EXAMPLES, seconds=_SECONDS),
            self._on_preview,
            self._on_error,
            key="preview",
        )

    def _on_passed(self, _nothing: object) -> None:
        self.look()

    def _on_preview(self, seen: FilterPreview) -> None:
        if self._flow.filters_fault() or not self._flow.filters().exclude:
            return
        out = f"{formats.counted(seen.excluded_files, 'file')} ({formats.size(seen.excluded_bytes)})"
        total = seen.included_files + seen.excluded_files
        text = f"Leaves out {out} of {formats.count(total)}"
        if not seen.complete:
            text += " seen so far"
        if seen.excluded:
            text += f", such as {', '.join(shown(example.path) for example in seen.excluded)}"
        idle = [use.pattern for use in seen.patterns if use.excludes and not use.entries]
        if idle and seen.complete:
            text += f". Nothing matches {', '.join(idle)}"
        self._say(text, "text2")

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self._say(f"Cannot count now. {title}. {text}".strip(), "muted")

    def _say(self, text: str, role: str) -> None:
        self.set_role(role)
        self.setText(text)
        self.setAccessibleDescription(text)
