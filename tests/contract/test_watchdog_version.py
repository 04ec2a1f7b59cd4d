"""What capture takes for granted of the pinned watchdog; a new version has to pass this first."""

import inspect
from importlib.metadata import version

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD


def test_the_version_is_the_one_that_was_measured():
    assert version("watchdog") == "7.1.0"


def test_an_instance_is_independent_and_takes_callbacks_per_watch(tmp_path):
    told = []

    class Callback:
        def on_event(self, event):
            told.append(event)

        def on_watch_deleted(self, wd):
            told.append(wd)

        def on_queue_overflow(self):
            told.append("overflow")

    one, other = InotifyFD(), InotifyFD()
    one.start()
    other.start()
    wd = one.add_callback(bytes(tmp_path), InotifyConstants.IN_CREATE, Callback(), 1)
    assert one.add_callback(bytes(tmp_path), InotifyConstants.IN_CREATE, Callback(), 2) == wd
    one.remove_callbacks([(wd, 2)])
    one.handle_event(InotifyEvent(wd, InotifyConstants.IN_CREATE, 0, b"x"))
    assert told == [InotifyEvent(wd, InotifyConstants.IN_CREATE, 0, b"x")]
    for inotify in (one, other):
        inotify.stop()
        inotify.join(10)
        assert not inotify.is_alive()
    assert told[-1] == wd


def test_permission_denied_is_answered_with_minus_one():
    # capture checks for it, as nothing is raised
    assert "errno.EACCES" in inspect.getsource(InotifyFD._raise_error)


def test_the_signatures_are_the_ones_used():
    assert list(inspect.signature(InotifyFD.add_callback).parameters) == [
        "self",
        "path",
        "mask",
        "callback",
        "id_",
    ]
