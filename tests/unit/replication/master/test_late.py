"""A replica that does not answer a comparison is told as late, after the scenario's own time."""

import time
from dataclasses import replace

import pytest

from app.model.errors import ArcxoError, ExitCode
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ScenarioProperties, ServerType
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import Ping, Pong
from app.replication.master.inspector import Inspector

SPEC = ReplicaSpec("there", (b"/r",))
SCENARIO = Scenario(
    7, "files", ServerType.FILE_SERVER, ProductType.DR, "localhost", (Root(b"/m"),), (SPEC,),
    properties=replace(ScenarioProperties(), timeout_seconds=1),
)  # fmt: skip


class Silent:
    """A link that answers signs of life, `lives` times, and nothing else."""

    def __init__(self, lives):
        self.lives = lives
        self.pinged = 0

    def send(self, frame, *, urgent=False):
        self.pinged += isinstance(decode_frame(frame), Ping)

    def receive(self, timeout_s):
        if self.pinged and self.lives:
            self.lives -= 1
            self.pinged = 0
            return encode_frame(Pong(1))
        time.sleep(min(timeout_s, 0.05))
        return None


@pytest.mark.parametrize("lives", [0, 1])
def test_a_comparison_that_is_not_answered_is_late(lives):
    link = Silent(lives)
    with pytest.raises(ArcxoError, match="AE0469") as late:
        Inspector(SCENARIO, SPEC, link, lambda: False)
    assert late.value.exit_code is ExitCode.BUSY
    assert late.value.params["name"] == "files"
    assert late.value.params["host"] == "there"
    assert late.value.params["seconds"] == "1"
    # It was asked for a sign of life before it was given up.
    assert link.lives == 0
    assert link.pinged
