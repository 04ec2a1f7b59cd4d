"""A search of the activity log finds exactly the lines that hold the text, and looks at few of the others."""

from __future__ import annotations

import json
import random

import pytest
from sqlalchemy import func, insert, select

from app.catalog import log as log_module
from app.catalog.log_search import may_hold
from app.catalog.store import SqlCatalog
from app.catalog.tables import TROUBLE, activity
from app.messages import load, render
from app.model.events import Severity
from app.model.job_log import FILES_CODE, PACKED_CODES, packed

SEED = 20261123


def rows_of(chance: random.Random, count: int) -> list[tuple[str, dict[str, str]]]:
    """Lines of all kinds of codes, unknown ones too, with odd parameters."""
    words = ["Sales", "sales", "Straße", "café", "on", 'a"b', "back\\slash", "new\nline", "1234567", "x", ""]
    catalogue = load()
    codes = sorted(code for code in catalogue if code not in PACKED_CODES)
    found = []
    for _ in range(count):
        code = chance.choice(codes) if chance.random() < 0.95 else "Z9999"
        names = sorted(catalogue[code].fields) if code in catalogue else ["some", "thing"]
        kept = [name for name in names if chance.random() < 0.95]
        found.append((code, {name: "-".join(chance.choices(words, k=2)) for name in kept}))
        if chance.random() < 0.2:
            found[-1][1].update(dict.fromkeys(kept, "1234567"))
    return found


def fill(catalog: SqlCatalog, rows: list[tuple[str, dict[str, str]]]) -> None:
    values = {"severity": "information", "at": 1, "server": "s", "scenario": ""}
    with catalog.log._database.write() as c:
        c.execute(
            insert(activity),
            [{**values, "code": code, "params": json.dumps(params)} for code, params in rows],
        )


def test_what_is_found_is_what_the_lines_hold(catalog: SqlCatalog) -> None:
    chance = random.Random(SEED)
    rows = rows_of(chance, 200)
    fill(catalog, rows)
    lines = [f"{code} {render(code, params).text}" for code, params in rows]
    asked = [
        "sales",
        "STRASSE",
        "café-on",
        "1,234",
        "e5",
        "no such text anywhere",
        '"',
        "\\",
        "x-",
        "?",
        "ine-",
    ]
    for _ in range(40):
        line = chance.choice(lines)
        start = chance.randrange(len(line))
        asked.append(line[start : start + chance.randint(1, 25)])
    for text in asked:
        found = catalog.log.list(text=text, limit=10_000)
        wanted = [line for line in lines if text.casefold() in line.casefold()]
        assert len(found) == len(wanted), repr(text)


def test_the_files_of_one_job_are_searched_too(catalog: SqlCatalog) -> None:
    lines = [f"/srv/sales/q{number}.xlsx" for number in range(50)]
    catalog.log.append(FILES_CODE, Severity.INFORMATION, job_id=7, **packed(lines))
    assert len(catalog.log.list(job_id=7, text="Q33.XLSX")) == 1
    assert not catalog.log.list(job_id=7, text="q77.xlsx")


@pytest.mark.parametrize("text", ["no such text anywhere", "sales-reports-q9"])
def test_few_lines_are_made_for_a_text_that_is_nowhere(
    catalog: SqlCatalog, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [("N5052", {"session": str(n), "media": "M1", "host": "h", "path": "/srv"}) for n in range(3000)]
    fill(catalog, steps)
    made = []
    monkeypatch.setattr(log_module, "_line", lambda record: made.append(record) or "")
    assert not catalog.log.list(text=text)
    assert not made


def test_only_a_text_without_a_word_makes_every_line_be_looked_at(catalog: SqlCatalog) -> None:
    assert may_hold('"', caseless=True) is None
    with catalog.log._database.read() as c:
        condition = may_hold("quite another thing", caseless=False)
        assert condition is not None
        assert c.execute(select(func.count()).select_from(activity).where(condition)).scalar() == 0


def test_few_warnings_and_errors_among_many_lines_are_found_without_reading_them(catalog: SqlCatalog) -> None:
    values = {"at": 1, "server": "s", "scenario": "", "code": "N5040", "params": "{}"}
    kinds = list(Severity)
    rare = {7: Severity.WARNING, 900: Severity.ERROR, 901: Severity.CRITICAL}
    usual = (Severity.INFORMATION, Severity.SIGNIFICANT)
    with catalog.log._database.write() as c:
        c.execute(
            insert(activity),
            [{**values, "severity": rare.get(line, usual[line % 2]).value} for line in range(1, 5001)],
        )
    for asked in ([Severity.WARNING], [Severity.ERROR, Severity.CRITICAL], kinds[2:], [kinds[0]], kinds[1:3]):
        found = catalog.log.list(severities=asked, limit=10_000)
        wanted = [line for line in range(5000, 0, -1) if rare.get(line, usual[line % 2]) in asked]
        assert [record.id for record in found] == wanted
    asked = select(activity.c.id).where(TROUBLE, activity.c.id > 0).order_by(activity.c.id.desc()).limit(10)
    with catalog.log._database.write() as c:
        sqlite = c.dialect.name == "sqlite"
        if not sqlite:
            c.exec_driver_sql("ANALYZE activity")
        compiled = asked.compile(c, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = c.exec_driver_sql(f"{explain} {compiled}").fetchall()
    assert any("ix_activity_trouble" in str(line) for line in plan), plan
