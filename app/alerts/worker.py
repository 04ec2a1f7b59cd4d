"""The process that hands one message to the notification library: asked on stdin, answers on stdout."""

from __future__ import annotations

import json
import logging
import sys
import warnings


def main() -> int:
    """Answer one question; without a title it is only whether the address can be one."""
    question = json.load(sys.stdin)
    # The library looks for modules that newer versions of Python lack.
    warnings.simplefilter("ignore")
    import apprise

    logging.getLogger("apprise").propagate = False
    capture = apprise.LogCapture(  # type: ignore[no-untyped-call]  # the library says nothing of types there
        level=logging.WARNING, fmt="%(message)s"
    )
    with capture as log:
        target = apprise.Apprise()
        sent = bool(target.add(question["address"]))
        if sent and "title" in question:
            kind = apprise.NotifyType.FAILURE if question["urgent"] else apprise.NotifyType.INFO
            sent = bool(
                target.notify(
                    title=question["title"],
                    body=question["body"],
                    notify_type=kind,
                    body_format=apprise.NotifyFormat.TEXT,
                )
            )
        said = log.getvalue()
    json.dump({"sent": sent, "said": said}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
