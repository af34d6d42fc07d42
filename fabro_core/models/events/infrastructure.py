"""What happens to sandboxes, pull requests, artifacts and repositories (events.md E22, table *Infrastructure*)."""

from __future__ import annotations

from fabro_core.models.counts import Count
from fabro_core.models.events.envelope import Number, Properties
from fabro_core.models.run import PullRequestLink, SandboxProvider


class SandboxInitializing(Properties, frozen=True, kw_only=True):
    event = "sandbox.initializing"

    provider: str


class SandboxInitialized(Properties, frozen=True, kw_only=True):
    event = "sandbox.initialized"

    working_directory: str
    provider: SandboxProvider
    id: str
    image: str | None = None
    snapshot: str | None = None
    repo_cloned: bool | None = None
    clone_origin_url: str | None = None
    clone_branch: str | None = None
    workspace_root: str | None = None
    repos_root: str | None = None
    primary_repo_path: str | None = None
    primary_repo_link: str | None = None


class SandboxFailed(Properties, frozen=True, kw_only=True):
    event = "sandbox.failed"

    provider: str
    error: str
    causes: list[str]
    duration_ms: Count


class PullRequestCreationRequested(Properties, frozen=True, kw_only=True):
    event = "pull_request.creation_requested"

    creation_id: str
    model: str
    force: bool


class PullRequestCreated(Properties, frozen=True, kw_only=True):
    event = "pull_request.created"

    pr_url: str
    pr_number: Count
    owner: str
    repo: str
    base_branch: str
    head_branch: str
    title: str
    draft: bool
    head_sha: str | None = None


class PullRequestLinked(Properties, frozen=True, kw_only=True):
    event = "pull_request.linked"

    pull_request: PullRequestLink


class PullRequestUnlinked(Properties, frozen=True, kw_only=True):
    event = "pull_request.unlinked"

    pull_request: PullRequestLink


class PullRequestFailed(Properties, frozen=True, kw_only=True):
    event = "pull_request.failed"

    error: str
    creation_id: str | None = None


class ArtifactCaptured(Properties, frozen=True, kw_only=True):
    event = "artifact.captured"

    attempt: Number
    node_slug: str
    path: str
    mime: str
    content_md5: str
    content_sha256: str
    bytes: Count


class GitCommit(Properties, frozen=True, kw_only=True):
    event = "git.commit"

    sha: str


class GitPush(Properties, frozen=True, kw_only=True):
    event = "git.push"

    branch: str
    success: bool


class GitFetch(Properties, frozen=True, kw_only=True):
    event = "git.fetch"

    branch: str
    success: bool


class GitReset(Properties, frozen=True, kw_only=True):
    event = "git.reset"

    sha: str


INFRASTRUCTURE_EVENTS: tuple[type[Properties], ...] = (
    SandboxInitializing,
    SandboxInitialized,
    SandboxFailed,
    PullRequestCreationRequested,
    PullRequestCreated,
    PullRequestLinked,
    PullRequestUnlinked,
    PullRequestFailed,
    ArtifactCaptured,
    GitCommit,
    GitPush,
    GitFetch,
    GitReset,
)
