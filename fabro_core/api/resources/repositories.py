"""What can be reached of a code host's repositories (resources.md X14): nothing, as nothing here asks one."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply

Slug = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,100}\Z")]


class RepositoryPath(PathParams, frozen=True, kw_only=True):
    owner: Slug
    name: Slug


class RepositoryPermissions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pull: bool | None = None
    push: bool | None = None
    admin: bool | None = None


class RepoCheckResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is known of a repository that is not accessible."""

    owner: str
    name: str
    accessible: bool
    default_branch: str | None = None
    private: bool | None = None
    permissions: RepositoryPermissions | None = None
    install_url: str | None = None


@operation(
    "GET",
    "/repos/github/{owner}/{name}",
    id="getGithubRepo",
    tag="Repos",
    summary="Whether a repository on GitHub is accessible",
    answers={200: RepoCheckResponse},
)
async def get_github_repo(call: Call[RepositoryPath]) -> Reply:
    return json_reply(RepoCheckResponse(owner=call.path.owner, name=call.path.name, accessible=False))


ROUTES: Final = (get_github_repo,)
