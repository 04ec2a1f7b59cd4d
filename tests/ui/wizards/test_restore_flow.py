from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.model.rewind import PointKind, ReplicatedBack, RewindAction, RewindPlan, RewindPoint
from app.model.scenario import ReplicaState, ReplicaStatus, ScenarioState
from app.ui.wizards.restore_flow import Method, Outcome, Preview, RestoreDataFlow, Step
from tests.support.memory_services import scenario, status_of

AT = datetime(2026, 3, 4, 10, 12, 4, tzinfo=UTC)
CHANGE = RewindPoint("c7", PointKind.OPERATION, AT, 7, "localhost", path=b"/srv/a/x")
MARK = RewindPoint("m1", PointKind.BOOKMARK, AT, 5, "localhost", "before update")


@pytest.fixture
def flow() -> RestoreDataFlow:
    made = RestoreDataFlow("Files")
    made.take_status(stopped())
    return made


def stopped(state: ScenarioState = ScenarioState.STOPPED):
    status = status_of(scenario(5, "Files", ["/srv/a", "/srv/b"]), state, ReplicaState.STOPPED)
    first = replace(status.replicas[0], host="localhost")
    return replace(status, replicas=(first, ReplicaStatus("repl-2", ReplicaState.STOPPED)))


def counted(flow: RestoreDataFlow, paths: int = 3) -> None:
    plan = RewindPlan(MARK, {RewindAction.CREATE: paths}, ())
    flow.preview = Preview(flow.request(), plan, None)


def through(flow: RestoreDataFlow, last: Step) -> None:
    while flow.step is not last:
        assert flow.next() == ""


def test_every_step_holds_until_it_is_answered(flow):
    assert flow.answers.replica == "localhost"
    through(flow, Step.POINT)
    assert flow.next() == "Choose the moment to go back to"
    flow.choose_point(CHANGE, before=True)
    through(flow, Step.SCOPE)
    flow.answers.only_some = True
    assert flow.next().startswith("Add a file")
    assert flow.add_path("/srv/a/x") == ""
    through(flow, Step.PREVIEW)
    assert flow.next() == "What changes is not counted yet"
    counted(flow)
    assert flow.next() == ""
    assert flow.step is Step.PREVIEW, "the result is reached by finishing alone"
    request = flow.request()
    assert (request.to, request.paths, request.back) == ("before:c7", (b"/srv/a/x",), False)
    flow.finish(Outcome(request))
    assert flow.step is Step.RESULT
    flow.back()
    assert flow.step is Step.RESULT


def test_a_running_scenario_is_stopped_first(flow):
    flow.take_status(stopped(ScenarioState.REPLICATING))
    assert flow.next().startswith("Stop Files first")
    flow.take_status(stopped())
    assert flow.next() == ""


def test_back_keeps_what_was_chosen_and_marks_what_a_later_answer_makes_wrong(flow):
    through(flow, Step.POINT)
    flow.choose_point(MARK)
    through(flow, Step.SCOPE)
    flow.answers.back = True
    through(flow, Step.PREVIEW)
    assert flow.go(0)
    flow.answers.replica = "repl-2"
    assert not flow.go(flow.reached)
    assert flow.step is Step.POINT
    assert "is one of localhost" in flow.fault()
    assert (flow.answers.point, flow.answers.back) == (MARK, True)
    assert flow.go(0)
    flow.answers.replica = "localhost"
    assert flow.go(flow.reached)
    assert flow.step is Step.PREVIEW


def test_recovering_all_needs_no_moment_and_goes_to_the_master(flow):
    flow.next()
    flow.answers.method = Method.RECOVER
    assert Step.POINT not in flow.steps
    through(flow, Step.PREVIEW)
    request = flow.request()
    assert (request.to, request.back) == ("", True)
    flow.preview = Preview(request, None, ReplicatedBack({RewindAction.CREATE: 1}))
    assert flow.act() == "Change 1 path on the Master"
    flow.preview = Preview(request, None, ReplicatedBack())
    assert flow.fault().startswith("Nothing would change")


def test_a_replica_without_a_rewind_log_is_not_rewound():
    flow = RestoreDataFlow("Files")
    status = stopped()
    off = replace(status.scenario, properties=replace(status.scenario.properties, rewind_enabled=False))
    flow.take_status(replace(status, scenario=off))
    assert flow.answers.method is Method.RECOVER
    flow.answers.method = Method.REWIND
    flow.next()
    assert "off" in flow.next()


def test_only_paths_of_the_roots_are_added_and_the_topmost_stay(flow):
    assert flow.add_path("srv/a") == "Type a full path of the Master"
    assert "in no root directory" in flow.add_path("/etc/passwd")
    assert flow.add_path("/srv/a/deep/x") == ""
    assert flow.add_path("/srv/a/deep") == ""
    assert flow.answers.paths == [b"/srv/a/deep"]
    assert "added already" in flow.add_path("/srv/a/deep/y")
    flow.remove_path(b"/srv/a/deep")
    assert flow.answers.paths == []


def test_steps_and_the_button_say_what_was_chosen(flow):
    through(flow, Step.POINT)
    assert not flow.touched
    flow.choose_point(MARK)
    assert flow.touched
    through(flow, Step.PREVIEW)
    assert flow.answer(Step.REPLICA) == "localhost"
    assert flow.answer(Step.POINT) == "before update"
    assert flow.answer(Step.SCOPE) == "Everything → localhost"
    assert flow.act() == "Rewind to before update"
    flow.answers.back = True
    assert flow.act() == "Rewind to before update and replicate back"
    counted(flow)
    flow.answers.back = False
    assert flow.fault() == "What changes is not counted yet", "a plan holds for its own request only"
