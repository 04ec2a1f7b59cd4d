"""What the end of a script is as an event, and as a reason."""

from __future__ import annotations

from app.messages import render
from app.model.events import Severity
from app.model.scripts import ScriptPurpose, ScriptResult

Outcome = tuple[str, Severity, dict[str, str]]


def outcome_of(result: ScriptResult, purpose: ScriptPurpose, command: str, timeout_s: float) -> Outcome:
    """(code, severity, params) of the event that tells of a script's end."""
    params = {
        "script": command,
        "purpose": purpose.value,
        "seconds": f"{result.seconds:.1f}",
        "output": result.output or "—",
    }
    if result.fault:
        return "ER00503", Severity.ERROR, params | {"cause": result.fault}
    if result.stopped:
        return "IR00504", Severity.INFORMATION, params
    if result.timed_out:
        return "ER00502", Severity.ERROR, params | {"limit": f"{timeout_s:g}"}
    if result.exit_code is None:
        return "ER00501", Severity.ERROR, params | {"exit_code": f"signal {result.signal}"}
    params["exit_code"] = str(result.exit_code)
    if result.exit_code:
        return "ER00501", Severity.ERROR, params
    return "IR00500", Severity.INFORMATION, params


def reason_of(outcome: Outcome) -> str:
    """The sentence of an outcome."""
    return render(outcome[0], outcome[2]).text
