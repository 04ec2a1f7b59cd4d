"""The flow without a window."""

from __future__ import annotations

from dataclasses import replace

from app.model.scenario import Override, ReplicaSpec, Root
from app.ui.wizards.duplicate import answers_like
from app.ui.wizards.flow import Further, NewScenarioFlow, Page, clean_path
from tests.support.memory_services import scenario


def filled():
    flow = NewScenarioFlow()
    flow.next()
    flow.next()
    flow.answers.name = "Files"
    flow.next()
    flow.engines_of = flow.hosts
    flow.next()
    flow.add_root(b"/srv/a")
    return flow


def test_hosts_that_were_not_found_to_answer_stop_the_flow_and_another_host_is_tried_anew():
    flow = filled()
    flow.go(Page.HOSTS)
    flow.answers.replica = "other"
    flow.next()
    assert flow.next() == "All hosts must answer first"
    flow.engines_of = ("localhost", "other")
    assert flow.next() == ""
    assert flow.answer(Page.ENGINES) == "2 of 2 reachable"


def test_next_stays_on_a_faulty_page_and_says_why():
    flow = NewScenarioFlow()
    flow.next()
    flow.next()
    assert flow.page is Page.HOSTS
    assert flow.next() == "Give the scenario a name"
    assert flow.page is Page.HOSTS
    flow.existing_names = frozenset({"files"})
    flow.answers.name = "Files"
    assert "already" in flow.next()


def test_the_same_path_on_the_same_host_is_refused_until_changed():
    flow = filled()
    assert flow.next() == ""
    assert flow.page is Page.REPLICA
    assert "Type where" in flow.next()
    flow.answers.targets[b"/srv/a"] = "/srv/a"
    assert "same host" in flow.next()
    flow.answers.targets[b"/srv/a"] = "/srv/a/copy"
    assert "overlaps" in flow.next()
    flow.answers.targets[b"/srv/a"] = "/replica/a"
    assert flow.next() == ""
    assert flow.page is Page.PROPERTIES


def test_the_same_path_on_another_host_is_fine():
    flow = filled()
    flow.answers.replica = "other"
    flow.next()
    assert flow.next() == ""


def test_two_roots_may_not_share_a_replica_directory():
    flow = filled()
    flow.add_root(b"/srv/b")
    flow.answers.targets = {b"/srv/a": "/replica", b"/srv/b": "/replica/b"}
    assert "overlaps the Replica directory" in flow.fault(Page.REPLICA)


def test_back_keeps_everything_also_what_became_invalid():
    flow = filled()
    flow.answers.targets[b"/srv/a"] = "/replica/a"
    flow.next()
    flow.back()
    flow.remove_root(b"/srv/a")
    flow.back()
    flow.add_root(b"/srv/a")
    assert flow.target_of(b"/srv/a") == "/replica/a"
    assert flow.answers.name == "Files"


def test_a_root_above_others_replaces_them_and_one_inside_is_refused():
    flow = filled()
    assert "inside" in flow.add_root(b"/srv/a/x")
    assert flow.add_root(b"/srv") == ""
    assert flow.answers.roots == [b"/srv"]
    assert "whole file system" in flow.add_root(b"/")


def test_verification_must_have_passed_for_exactly_these_answers():
    flow = filled()
    flow.answers.targets[b"/srv/a"] = "/replica/a"
    flow.next()
    flow.next()
    flow.next()
    assert flow.page is Page.VERIFICATION
    assert flow.fault()
    flow.verified, flow.verified_as = True, flow.scenario()
    assert flow.fault() == ""
    flow.answers.name = "Other"
    assert flow.fault()


def test_steps_ahead_are_reached_only_through_valid_pages():
    flow = filled()
    flow.answers.targets[b"/srv/a"] = "/replica/a"
    flow.next()
    flow.next()
    flow.go(Page.HOSTS)
    flow.answers.name = ""
    assert not flow.go(Page.PROPERTIES)
    assert flow.page is Page.HOSTS
    assert not flow.go(Page.RUN)


def test_the_scenario_holds_what_was_chosen():
    flow = filled()
    flow.answers.targets[b"/srv/a"] = "/replica//a/"
    flow.answers.exclude = "*.tmp, ~$*\nThumbs.db"
    made = flow.scenario()
    assert made.roots == (Root(b"/srv/a"),)
    assert made.replicas == (ReplicaSpec("localhost", (b"/replica/a",)),)
    assert made.filters.exclude == ("*.tmp", "~$*", "Thumbs.db")


def test_typed_paths_are_absolute_and_clean():
    assert clean_path(" /srv//a/ ") == b"/srv/a"
    assert clean_path("srv") is None
    assert clean_path("/srv/../etc") is None


def test_a_duplicate_has_every_replica_with_its_own_values():
    made = replace(
        scenario(5, "Files", ["/srv/a"]),
        replicas=(
            ReplicaSpec("repl-1", (b"/r/a",), (Override("rewind_minutes", "60"),)),
            ReplicaSpec("repl-2", (b"/other/a",), (Override("rewind_enabled", "false"),)),
        ),
    )
    flow = NewScenarioFlow()
    flow.answers = answers_like(made)
    copy = flow.scenario()
    assert [one.host for one in copy.replicas] == ["repl-1", "repl-2"]
    assert [one.paths for one in copy.replicas] == [(b"/r/a-copy",), (b"/other/a-copy",)]
    assert [one.overrides for one in copy.replicas] == [one.overrides for one in made.replicas]
    assert copy.properties == made.properties
    assert flow.hosts == (made.master, "repl-1", "repl-2")


def test_every_replica_needs_a_directory_and_a_host_of_its_own():
    flow = NewScenarioFlow()
    flow.answers.name = "Files"
    flow.answers.further.append(Further("localhost"))
    assert "chosen as Replica twice" in flow.fault(Page.HOSTS)
    flow.answers.further[0].host = "repl-2"
    assert flow.fault(Page.HOSTS) == ""
    flow.add_root(b"/srv/a")
    flow.set_target(b"/srv/a", "/replica/a")
    assert flow.fault(Page.REPLICA) == "", "the same path is right on another host"
    flow.set_target(b"/srv/a", "relative", 1)
    assert "not a full path" in flow.fault(Page.REPLICA)
    flow.set_target(b"/srv/a", "/elsewhere", 1)
    assert [one.paths for one in flow.scenario().replicas] == [(b"/replica/a",), (b"/elsewhere",)]
