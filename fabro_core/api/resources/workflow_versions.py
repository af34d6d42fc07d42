"""Versions of workflows over HTTP (resources.md X11)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fabro_core.errors import InvalidRequest, Refusal, Unprocessable
from fabro_core.http.body import BodyTooLarge, Incoming, decode_json, read_json
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.http.services import Services
from fabro_core.resources.workflow_versions import MAX_BYTES, InvalidVersion, WorkflowVersion, WorkflowVersionId


class CreateWorkflowVersionResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    workflow_version_id: WorkflowVersionId


class VersionTooLarge(BodyTooLarge):
    """413 `workflow_version_too_large`."""

    def __init__(self) -> None:
        Refusal.__init__(
            self, f"A version must have at most {MAX_BYTES} bytes as JSON.", code="workflow_version_too_large"
        )


@operation(
    "POST",
    "/workflow-versions",
    id="createWorkflowVersion",
    tag="Workflow Versions",
    summary="Keep a version of a workflow",
    answers={201: CreateWorkflowVersionResponse},
    body=WorkflowVersion,
    max_body_bytes=MAX_BYTES,
    unprocessable=True,
)
async def create_workflow_version(call: Call[None, None, Incoming]) -> Reply:
    version = await _read(call.body)
    versions = call.services.resources.workflow_versions
    await _require_sound(call.services, version, await versions.texts(version))
    return json_reply(CreateWorkflowVersionResponse(await versions.keep(version)), 201)


async def _read(incoming: Incoming) -> WorkflowVersion:
    """The definition in a body. What is wrong with it has codes of its own here."""
    try:
        body = await read_json(incoming)
    except BodyTooLarge:
        raise VersionTooLarge from None
    try:
        return decode_json(body, WorkflowVersion, unprocessable=True)
    except Unprocessable as refusal:
        raise InvalidVersion(refusal.detail) from None
    except InvalidRequest as refusal:
        raise InvalidRequest(refusal.detail, code="invalid_json") from None


async def _require_sound(services: Services, version: WorkflowVersion, texts: dict[str, str]) -> None:
    """Refuse a version of which no run could be created. Its files are judged as those of a manifest are."""
    try:
        judgement = await services.runs.planner.judge(msgspec.json.encode(_manifest(version, texts)))
    except InvalidRequest as refusal:
        raise InvalidVersion(refusal.detail) from None
    if judgement.errors:
        error = judgement.errors[0]
        raise InvalidVersion(f"{error.rule}: {error.message}")


def _manifest(version: WorkflowVersion, texts: dict[str, str]) -> dict[str, Any]:
    files = {
        path: {"content": text, "ref": {"type": "import", "original": path}}
        for path, text in texts.items()
        if path != version.entrypoint
    }
    workflow = {"source": texts[version.entrypoint], "files": files}
    target = {"path": version.entrypoint}
    return {"version": 1, "cwd": "/", "target": target, "workflows": {version.entrypoint: workflow}}


ROUTES: Final = (create_workflow_version,)
