"""Questions of runs over HTTP (events.md E8): list the pending ones, answer one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fabro_core.http.body import decode_json, read_json_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.paging import PageMeta, PageParams, cut
from fabro_core.http.query import parse_query
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.http.request import FabroRequest
from fabro_core.models.answers import SubmitAnswerRequest
from fabro_core.models.run import ApiQuestion


class PaginatedApiQuestionList(msgspec.Struct, frozen=True):
    data: Sequence[ApiQuestion]
    meta: PageMeta


@operation(
    "GET",
    "/runs/{id:str}/questions",
    Operation(
        id="listRunQuestions",
        tag="Human-in-the-Loop",
        summary="List the questions that wait for an answer",
        answers={200: PaginatedApiQuestionList},
        guard=Guard.TARGET,
        query=PageParams,
        errors=(400, 404),
    ),
)
async def list_run_questions(request: FabroRequest) -> Reply:
    run_id = request.run_id
    params = parse_query(PageParams, request.scope["query_string"])
    run = await request.services.runs.projection(run_id)
    page, meta = cut([run.questions[key].question for key in sorted(run.questions)], params)
    return json_reply(PaginatedApiQuestionList(page, meta))


@operation(
    "POST",
    "/runs/{id:str}/questions/{qid:str}/answer",
    Operation(
        id="submitRunAnswer",
        tag="Human-in-the-Loop",
        summary="Answer a question",
        answers={204: None},
        guard=Guard.TARGET,
        body=SubmitAnswerRequest,
        errors=(400, 404, 409),
    ),
)
async def submit_run_answer(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id = request.run_id
    submission = decode_json(body, dict[str, Any])
    question_id = request.path_params["qid"]
    await request.services.runs.answer(run_id, question_id, submission, actor=request.caller.principal)
    return no_content()
