"""What `scenario brake` says in words."""

import pytest

from app.cli.scenario_brake import _result_text, _review_text
from app.model.brake import BrakeResult, BrakeReview
from app.ui.xosoft import brake_text


@pytest.mark.parametrize(("action", "then"), [("accept", "made equal to it"), ("reject", "is held")])
def test_a_directory_as_a_whole_is_no_number_of_changes(action: str, then: str) -> None:
    result = BrakeResult(0, 0, lifted=True)
    for text in (_result_text("files", action, result), brake_text.result_text(action, result)):
        assert "taken as it is now" in text
        assert then in text
        assert "0 changes" not in text


def test_counts_come_in_one_order_whatever_the_wire_made_of_it() -> None:
    counts = {"undecided": 1204, "rewritten_folders": 1, "removed_files": 1203, "accepted": 2}
    text = _review_text("files", BrakeReview(braked=True, reason="Braked", counts=counts))
    assert "Held:    1,203 removed files, 1 rewritten folders" in text
    assert "Of them: 1,204 undecided, 2 accepted" in text
