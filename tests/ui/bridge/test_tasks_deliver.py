"""Service calls run on task threads, results arrive on the GUI thread, destroyed owners get nothing."""

from __future__ import annotations

import threading

from PySide6.QtCore import QCoreApplication, QEvent, QObject

from app.model.errors import ArcxoError
from app.ui.bridge.polling import Poller


class Owner(QObject):
    def __init__(self):
        super().__init__()
        self.got = []
        self.thread_of_result = None

    def on_result(self, value):
        self.got.append(value)
        self.thread_of_result = threading.current_thread()

    def on_error(self, error):
        self.got.append(error)


def test_a_call_runs_off_the_gui_thread_and_its_result_comes_back_on_it(tasks, qtbot):
    owner, ran_on = Owner(), []
    tasks.run(owner, lambda: ran_on.append(threading.current_thread()) or 7, owner.on_result)
    qtbot.waitUntil(lambda: owner.got == [7])
    assert ran_on[0] is not threading.main_thread()
    assert owner.thread_of_result is threading.main_thread()


def test_a_destroyed_owner_gets_no_result(tasks, qtbot, settled):
    owner, gate = Owner(), threading.Event()
    got = owner.got
    tasks.run(owner, gate.wait, owner.on_result)
    owner.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gate.set()
    settled()
    assert got == []


def test_a_newer_call_of_the_same_key_drops_the_older_one(tasks, settled):
    owner, gate = Owner(), threading.Event()
    tasks.run(owner, lambda: gate.wait(5) and "old", owner.on_result, key="plan")
    tasks.run(owner, lambda: "new", owner.on_result, key="plan")
    gate.set()
    settled()
    assert owner.got == ["new"]


def test_a_known_fault_without_a_handler_is_told_once(tasks, qtbot):
    def fail():
        raise ArcxoError("E9999")

    owner = Owner()
    with qtbot.waitSignal(tasks.failed) as told:
        tasks.run(owner, fail)
    assert told.args[0].code == "E9999"


def test_an_unexpected_exception_arrives_as_a_report(tasks, qtbot):
    owner = Owner()
    with qtbot.waitSignal(tasks.unexpected) as told:
        tasks.run(owner, lambda: 1 / 0, on_error=owner.on_error)
    assert "ZeroDivisionError" in told.args[0]
    assert isinstance(owner.got[0], ZeroDivisionError)


def test_a_poller_asks_again_only_after_an_answer_and_stops(tasks, qtbot, settled):
    active, most, calls = [0], [0], [0]

    def call():
        active[0] += 1
        most[0] = max(most[0], active[0])
        calls[0] += 1
        active[0] -= 1
        return calls[0]

    owner = QObject()
    poller = Poller(tasks, call, 5, owner)
    poller.start()
    qtbot.waitUntil(lambda: calls[0] >= 5)
    poller.stop()
    settled()
    before = calls[0]
    qtbot.wait(40)
    assert calls[0] == before
    assert most[0] == 1
    assert poller.last_answer_at is not None


def test_a_failing_poller_keeps_asking(tasks, qtbot):
    calls = [0]

    def call():
        calls[0] += 1
        raise ArcxoError("E9999")

    poller = Poller(tasks, call, 5, tasks)
    poller.start()
    qtbot.waitUntil(lambda: calls[0] >= 3)
    poller.stop()
