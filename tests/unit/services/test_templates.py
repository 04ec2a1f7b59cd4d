"""Templates: what of a scenario is kept, and what becomes of damaged ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.model.errors import NotFoundError, UsageError
from app.model.scenario import Filters, ScenarioProperties
from app.model.template import ScenarioTemplate, read_template, template_of, template_text
from app.services.templates import remove_template, save_template, template, templates
from tests.support.memory_services import scenario


class Kept(dict[str, str]):
    """Settings in memory."""

    def all(self) -> dict[str, str]:
        return dict(self)

    def put(self, key: str, value: str) -> None:
        self[key] = value

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override] # as the catalog's
        return super().get(key, default)

    def remove(self, key: str) -> None:
        self.pop(key, None)


def made(name: str = "Branches") -> ScenarioTemplate:
    properties = ScenarioProperties(rewind_minutes=60, bandwidth="", spool_directory="/fast/spool")
    like = replace(scenario(1, "A", ["/a"], group="Branch offices"), properties=properties)
    return template_of(replace(like, filters=Filters(("*.doc",), ("*.tmp", "a,b"))), name)


def test_all_but_hosts_and_directories_is_kept() -> None:
    settings = Kept(other="x")
    save_template(settings, made())
    save_template(settings, made("alpha"))
    assert [one.name for one in templates(settings)] == ["alpha", "Branches"]
    kept = template(settings, "Branches")
    assert kept == made()
    assert (kept.group, kept.properties.rewind_minutes) == ("Branch offices", 60)
    assert kept.properties.spool_directory == "", "where the spool is belongs to a host"
    remove_template(settings, "Branches")
    assert [one.name for one in templates(settings)] == ["alpha"]
    for call in (template, remove_template):
        with pytest.raises(NotFoundError, match="E1193"):
            call(settings, "Branches")


@pytest.mark.parametrize("name", ["", "  ", "x" * 129, "a\nb"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="E1192"):
        made(name)


def test_damaged_templates_are_left_out_and_unknown_properties_ignored() -> None:
    settings = Kept()
    save_template(settings, made())
    kept = json.loads(template_text(made()))
    kept["properties"]["of_tomorrow"] = "1"
    assert read_template("Branches", json.dumps(kept)) == made()
    kept["properties"]["rewind_minutes"] = "-5"
    for damaged in ("", "{", "[]", json.dumps(kept), json.dumps({**kept, "server_type": "x"})):
        settings.put("scenario-template:damaged", damaged)
        assert [one.name for one in templates(settings)] == ["Branches"]
