"""Steering and interrupting the agent of a run over HTTP (resources.md X3)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fabro_core.http.body import decode_json, read_json_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply
from fabro_core.http.request import FabroRequest
from fabro_core.runs.decide.steering import MAX_TEXT_CHARS


class SteerRunRequest(msgspec.Struct, frozen=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARS)]
    interrupt: bool = False
    """Stop what the agent does right now, so that it reads this at once."""


@operation(
    "POST",
    "/runs/{id:str}/steer",
    Operation(
        id="steerRun",
        tag="Human-in-the-Loop",
        summary="Tell the agent of a run something",
        answers={202: None},
        guard=Guard.TARGET,
        body=SteerRunRequest,
        errors=(400, 404, 409),
    ),
)
async def steer_run(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id, runs = request.run_id, request.services.runs
    said = decode_json(body, SteerRunRequest)
    tell = runs.redirect if said.interrupt else runs.steer
    await tell(run_id, said.text, actor=request.caller.principal)
    return Reply(202)


@operation(
    "POST",
    "/runs/{id:str}/interrupt",
    Operation(
        id="interruptRun",
        tag="Human-in-the-Loop",
        summary="Interrupt the agent of a run",
        answers={202: None},
        guard=Guard.TARGET,
        errors=(400, 404, 409),
    ),
)
async def interrupt_run(request: FabroRequest) -> Reply:
    await request.services.runs.interrupt(request.run_id, actor=request.caller.principal)
    return Reply(202)
