"""Questions of runs over HTTP (events.md E8): list the pending ones, answer one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.paging import PageMeta, PageParams, cut
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.answers import SubmitAnswerRequest
from fabro_core.models.run import ApiQuestion


class QuestionPath(RunPath, frozen=True, kw_only=True):
    question_id: str = msgspec.field(name="qid")


class PaginatedApiQuestionList(msgspec.Struct, frozen=True):
    data: Sequence[ApiQuestion]
    meta: PageMeta


@operation(
    "GET",
    "/runs/{id}/questions",
    id="listRunQuestions",
    tag="Human-in-the-Loop",
    summary="List the questions that wait for an answer",
    answers={200: PaginatedApiQuestionList},
    guard=Guard.TARGET,
    errors=(404,),
)
async def list_run_questions(call: Call[RunPath, PageParams]) -> Reply:
    run = await call.services.runs.projection(call.path.id)
    page, meta = cut([run.questions[key].question for key in sorted(run.questions)], call.query)
    return json_reply(PaginatedApiQuestionList(page, meta))


@operation(
    "POST",
    "/runs/{id}/questions/{qid}/answer",
    id="submitRunAnswer",
    tag="Human-in-the-Loop",
    summary="Answer a question",
    answers={204: None},
    guard=Guard.TARGET,
    body=SubmitAnswerRequest,
    errors=(404, 409),
)
async def submit_run_answer(call: Call[QuestionPath, None, dict[str, Any]]) -> Reply:
    await call.services.runs.answer(call.path.id, call.path.question_id, call.body, actor=call.principal)
    return no_content()


ROUTES: Final = (
    list_run_questions,
    submit_run_answer,
)
