"""The pull request of a run over HTTP (events.md E16): its link, and the making, merging and closing of one."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.reply import JSON_TYPE, Reply, json_reply
from fabro_core.models.run import PullRequestCreation, PullRequestLink
from fabro_core.runs.decide.pull_request_links import pull_request_link

MergeMethod = Literal["merge", "squash", "rebase"]

_ASK_AGAIN_AFTER_SECONDS: Final = 1


class LinkRunPullRequestRequest(msgspec.Struct, frozen=True):
    html_url: str
    """The address of its page."""


class CreateRunPullRequestRequest(msgspec.Struct, frozen=True):
    force: bool
    """Also for a run that did not succeed."""
    model: str | None = None
    """Writes title and description; None: the server chooses."""


class MergeRunPullRequestRequest(msgspec.Struct, frozen=True):
    method: MergeMethod


class MergeRunPullRequestResponse(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    html_url: str
    method: MergeMethod


class CloseRunPullRequestResponse(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    html_url: str


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    link: PullRequestLink
    details: None
    """What only the code host knows."""


class PullRequestMeta(msgspec.Struct, frozen=True, kw_only=True):
    details_status: Literal["available", "unavailable"]
    details_unavailable_reason: Literal["integration_unavailable", "not_found", "fetch_failed"] | None


class PullRequestResponse(msgspec.Struct, frozen=True, kw_only=True):
    data: PullRequest
    meta: PullRequestMeta


@operation(
    "PUT",
    "/runs/{id}/pull_request",
    id="linkRunPullRequest",
    tag="Runs",
    summary="Link a run to its pull request",
    answers={200: PullRequestLink},
    guard=Guard.SAME_RUN,
    errors=(404, 409),
)
async def link_run_pull_request(call: Call[RunPath, None, LinkRunPullRequestRequest]) -> Reply:
    link = pull_request_link(call.body.html_url)
    await call.services.runs.pull_requests.link(call.path.id, link, actor=call.principal)
    return json_reply(link)


@operation(
    "DELETE",
    "/runs/{id}/pull_request",
    id="unlinkRunPullRequest",
    tag="Runs",
    summary="Take the link to a run's pull request away",
    answers={200: PullRequestLink},
    guard=Guard.SAME_RUN,
    errors=(404, 409),
)
async def unlink_run_pull_request(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.pull_requests.unlink(call.path.id, actor=call.principal))


@operation(
    "GET",
    "/runs/{id}/pull_request",
    id="getRunPullRequest",
    tag="Runs",
    summary="Show a run's pull request",
    answers={200: PullRequestResponse},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_pull_request(call: Call[RunPath]) -> Reply:
    link = await call.services.runs.pull_requests.link_of(call.path.id)
    meta = PullRequestMeta(details_status="unavailable", details_unavailable_reason="integration_unavailable")
    return json_reply(PullRequestResponse(data=PullRequest(link=link, details=None), meta=meta))


@operation(
    "GET",
    "/runs/{id}/pull_request/creation",
    id="getRunPullRequestCreation",
    tag="Runs",
    summary="Show how the making of a run's pull request goes",
    answers={200: PullRequestCreation},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_pull_request_creation(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.pull_requests.creation_of(call.path.id))


@operation(
    "POST",
    "/runs/{id}/pull_request",
    id="createRunPullRequest",
    tag="Runs",
    summary="Have a pull request made for a run",
    answers={202: PullRequestCreation},
    guard=Guard.SAME_RUN,
    errors=(404, 409),
)
async def create_run_pull_request(call: Call[RunPath, None, CreateRunPullRequestRequest]) -> Reply:
    creation = await call.services.runs.pull_requests.create(call.path.id)
    location = f"{call.services.public_prefix}/api/v1/runs/{call.path.id}/pull_request/creation"
    headers = (
        JSON_TYPE,
        (b"location", location.encode("ascii")),
        (b"retry-after", b"%d" % _ASK_AGAIN_AFTER_SECONDS),
    )
    return Reply(202, msgspec.json.encode(creation), headers)


@operation(
    "POST",
    "/runs/{id}/pull_request/merge",
    id="mergeRunPullRequest",
    tag="Runs",
    summary="Merge a run's pull request",
    answers={200: MergeRunPullRequestResponse},
    guard=Guard.SAME_RUN,
    errors=(404, 502),
)
async def merge_run_pull_request(call: Call[RunPath, None, MergeRunPullRequestRequest]) -> Reply:
    """Refuses always: the answer is an integration's."""
    await call.services.runs.pull_requests.merge(call.path.id)


@operation(
    "POST",
    "/runs/{id}/pull_request/close",
    id="closeRunPullRequest",
    tag="Runs",
    summary="Close a run's pull request without merging it",
    answers={200: CloseRunPullRequestResponse},
    guard=Guard.SAME_RUN,
    errors=(404, 502),
)
async def close_run_pull_request(call: Call[RunPath]) -> Reply:
    """Refuses always: the answer is an integration's."""
    await call.services.runs.pull_requests.close(call.path.id)


ROUTES: Final = (
    link_run_pull_request,
    unlink_run_pull_request,
    get_run_pull_request,
    get_run_pull_request_creation,
    create_run_pull_request,
    merge_run_pull_request,
    close_run_pull_request,
)
