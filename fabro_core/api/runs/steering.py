"""Steering and interrupting the agent of a run over HTTP (resources.md X3)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply
from fabro_core.runs.decide.steering import MAX_TEXT_CHARS


class SteerRunRequest(msgspec.Struct, frozen=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARS)]
    interrupt: bool = False
    """Stop what the agent does right now, so that it reads this at once."""


@operation(
    "POST",
    "/runs/{id}/steer",
    id="steerRun",
    tag="Human-in-the-Loop",
    summary="Tell the agent of a run something",
    answers={202: None},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def steer_run(call: Call[RunPath, None, SteerRunRequest]) -> Reply:
    runs = call.services.runs
    tell = runs.redirect if call.body.interrupt else runs.steer
    await tell(call.path.id, call.body.text, actor=call.principal)
    return Reply(202)


@operation(
    "POST",
    "/runs/{id}/interrupt",
    id="interruptRun",
    tag="Human-in-the-Loop",
    summary="Interrupt the agent of a run",
    answers={202: None},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def interrupt_run(call: Call[RunPath]) -> Reply:
    await call.services.runs.interrupt(call.path.id, actor=call.principal)
    return Reply(202)


ROUTES: Final = (
    steer_run,
    interrupt_run,
)
