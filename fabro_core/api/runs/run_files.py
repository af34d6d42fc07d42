"""Files and commits of runs over HTTP (events.md E15)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.errors import InvalidRequest
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.paging import PageParams
from fabro_core.http.query import QueryParams, refuse_zero
from fabro_core.http.reply import Reply, json_reply
from fabro_core.runs.views.files import ChangedFiles
from fabro_core.runs.views.patches import ChangeKind, FilePatch

_SHA: Final = re.compile(r"[0-9a-f]{7,40}")

Scope = Literal["committed", "uncommitted", "all"]


class ListFilesParams(PageParams, frozen=True, kw_only=True):
    """Pages are accepted and not cut (runs.md R15)."""

    scope: Scope | None = None
    from_sha: str | None = None
    to_sha: str | None = None


class ListCommitsParams(QueryParams, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(le=100, extra_json_schema={"minimum": 1})] = 100


class DiffFile(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    contents: str | None
    """None: only the patch is known."""


class FileDiff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that changed; one that is added or deleted has its one name on both sides."""

    old_file: DiffFile
    new_file: DiffFile
    change_kind: ChangeKind
    binary: bool = False
    unified_patch: str


class DiffStats(msgspec.Struct, frozen=True, kw_only=True):
    """In lines."""

    additions: int
    deletions: int


class RunFilesMeta(msgspec.Struct, frozen=True, kw_only=True):
    source: Literal["sandbox", "final_patch"]
    scope: Literal["committed", "uncommitted", "all", "range"]
    """What was asked for; a final patch is the same for all of them."""
    stats: DiffStats
    truncated: bool
    total_changed: int
    degraded: bool
    """The sandbox would tell more."""
    degraded_reason: Literal["sandbox_unreachable", "sandbox_gone", "provider_unsupported"] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class PaginatedRunFileList(msgspec.Struct, frozen=True, kw_only=True):
    data: Sequence[FileDiff]
    meta: RunFilesMeta


@operation(
    "GET",
    "/runs/{id}/files",
    id="listRunFiles",
    tag="Run Outputs",
    summary="List the files that a run changed",
    answers={200: PaginatedRunFileList},
    errors=(404,),
)
async def list_run_files(call: Call[RunPath, ListFilesParams]) -> Reply:
    scope = _scope(call.query)
    changed = await call.services.runs.files.changed(call.path.id)
    return json_reply(PaginatedRunFileList(data=[_diff(each) for each in changed.files], meta=_meta(changed, scope)))


@operation(
    "GET",
    "/runs/{id}/commits",
    id="listRunCommits",
    tag="Run Outputs",
    summary="List the commits of a run; this needs a sandbox driver",
    answers={},
    errors=(404, 409),
)
async def list_run_commits(call: Call[RunPath, ListCommitsParams]) -> Reply:
    refuse_zero("limit", call.query.limit)
    await call.services.runs.files.commits(call.path.id)


def _scope(params: ListFilesParams) -> Literal["committed", "uncommitted", "all", "range"]:
    range_of = (params.from_sha, params.to_sha)
    if range_of == (None, None):
        return params.scope or "committed"
    if params.scope is not None:
        raise InvalidRequest('The query parameter "scope" does not go with a range of commits.')
    if not all(sha is not None and _SHA.fullmatch(sha) for sha in range_of):
        raise InvalidRequest('"from_sha" and "to_sha" go together, each 7 to 40 lower-case hex digits.')
    return "range"


def _diff(patch: FilePatch) -> FileDiff:
    return FileDiff(
        old_file=DiffFile(name=patch.old_name, contents=None),
        new_file=DiffFile(name=patch.new_name, contents=None),
        change_kind=patch.kind,
        binary=patch.binary,
        unified_patch=patch.text,
    )


def _meta(changed: ChangedFiles, scope: Literal["committed", "uncommitted", "all", "range"]) -> RunFilesMeta:
    files = changed.files
    return RunFilesMeta(
        source="final_patch",
        scope=scope,
        stats=DiffStats(
            additions=sum(each.additions for each in files), deletions=sum(each.deletions for each in files)
        ),
        truncated=False,
        total_changed=len(files),
        degraded=changed.sandbox_gone,
        degraded_reason="sandbox_gone" if changed.sandbox_gone else msgspec.UNSET,
    )


ROUTES: Final = (
    list_run_files,
    list_run_commits,
)
