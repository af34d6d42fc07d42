"""The settings of a run as it keeps and shows them: dense, every key is there (run-settings.md T9).

The names are those of the API document. Not to be mixed up with what people write, which is
`fabro_core.runs.settings.model`; how the one becomes the other is decided in `fabro_core.runs.settings`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from fabro_core.models.run import SandboxProvider

StringMap = dict[str, str]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count32 = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the tables."""


DEFAULT_ENVIRONMENT: Final = "default"
"""The id of the environment of runs that name none."""


# -- environments -----------------------------------------------------------------------------------------------


class DockerfileSourceInline(Settings, frozen=True, kw_only=True, tag="inline", tag_field="type"):
    value: str


class DockerfileSourcePath(Settings, frozen=True, kw_only=True, tag="path", tag_field="type"):
    path: str


class EnvironmentImageSettings(Settings, frozen=True, kw_only=True):
    docker: str | None
    dockerfile: DockerfileSourceInline | DockerfileSourcePath | None


class EnvironmentResourcesSettings(Settings, frozen=True, kw_only=True):
    cpu: Count32 | None
    memory: str | None
    disk: str | None


NetworkMode = Literal["allow_all", "block", "cidr_allow_list"]


class EnvironmentNetworkSettings(Settings, frozen=True, kw_only=True):
    mode: NetworkMode
    allow: tuple[str, ...]


class EnvironmentLifecycleSettings(Settings, frozen=True, kw_only=True):
    preserve: bool
    stop_on_terminal: bool
    auto_stop: str | None


class EnvironmentSettings(Settings, frozen=True, kw_only=True):
    """Where a run's work is done."""

    provider: SandboxProvider
    cwd: str | None
    image: EnvironmentImageSettings
    resources: EnvironmentResourcesSettings
    network: EnvironmentNetworkSettings
    lifecycle: EnvironmentLifecycleSettings
    labels: StringMap
    env: StringMap


class RunEnvironmentSettings(Settings, frozen=True, kw_only=True):
    """A copy of the selected environment, with what the run overrides; the environment may change later."""

    id: str
    provider: SandboxProvider
    cwd: str | None
    image: EnvironmentImageSettings
    resources: EnvironmentResourcesSettings
    network: EnvironmentNetworkSettings
    lifecycle: EnvironmentLifecycleSettings
    labels: StringMap
    env: StringMap


# -- project and workflow ---------------------------------------------------------------------------------------


class ProjectNamespace(Settings, frozen=True, kw_only=True):
    name: str | None
    description: str | None
    metadata: StringMap


class WorkflowNamespace(Settings, frozen=True, kw_only=True):
    name: str | None
    description: str | None
    graph: str
    metadata: StringMap


# -- run --------------------------------------------------------------------------------------------------------


class RunGoalInline(Settings, frozen=True, kw_only=True, tag="inline", tag_field="type"):
    value: str


class RunGoalFile(Settings, frozen=True, kw_only=True, tag="file", tag_field="type"):
    value: str
    """The path of a file of the manifest."""


class RunModelControls(Settings, frozen=True, kw_only=True):
    reasoning_effort: str | None
    speed: str | None


class RunModelSettings(Settings, frozen=True, kw_only=True):
    provider: str | None
    name: str | None
    fallbacks: dict[str, tuple[str, ...]]
    controls: RunModelControls | msgspec.UnsetType = msgspec.UNSET


class GitAuthorSettings(Settings, frozen=True, kw_only=True):
    name: str | None
    email: str | None


class RunGitSettings(Settings, frozen=True, kw_only=True):
    author: GitAuthorSettings | None


class PreparedScriptStep(Settings, frozen=True, kw_only=True, tag="script", tag_field="type"):
    script: str
    env: StringMap | msgspec.UnsetType = msgspec.UNSET


class PreparedCommandStep(Settings, frozen=True, kw_only=True, tag="command", tag_field="type"):
    command: tuple[str, ...]
    env: StringMap | msgspec.UnsetType = msgspec.UNSET


class RunPrepareSettings(Settings, frozen=True, kw_only=True):
    steps: tuple[PreparedScriptStep | PreparedCommandStep, ...]
    timeout_ms: Count


class RunExecutionSettings(Settings, frozen=True, kw_only=True):
    mode: Literal["normal", "dry_run"]
    approval: Literal["prompt", "auto"]


class RunCheckpointSettings(Settings, frozen=True, kw_only=True):
    exclude_globs: tuple[str, ...]
    skip_git_hooks: bool
    commit_timeout_ms: Count


class RunCloneSettings(Settings, frozen=True, kw_only=True):
    enabled: bool
    depth: Count32
    """Commits; 0: the whole history."""


class RunBranchSettings(Settings, frozen=True, kw_only=True):
    enabled: bool
    push: bool


class RunMetaBranchSettings(Settings, frozen=True, kw_only=True):
    enabled: bool
    push: bool


class NotificationProviderSettings(Settings, frozen=True, kw_only=True):
    channel: str | None


class NotificationRouteSettings(Settings, frozen=True, kw_only=True):
    enabled: bool
    provider: str | None
    events: tuple[str, ...]
    slack: NotificationProviderSettings | None


class InterviewProviderSettings(Settings, frozen=True, kw_only=True):
    channel: str | None


class RunInterviewsSettings(Settings, frozen=True, kw_only=True):
    provider: str | None
    slack: InterviewProviderSettings | None


McpHttpProtocol = Literal["streamable_http", "sse"]


class McpTransportStdio(Settings, frozen=True, kw_only=True, tag="stdio", tag_field="type"):
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    env: StringMap


class McpTransportHttp(Settings, frozen=True, kw_only=True, tag="http", tag_field="type"):
    protocol: McpHttpProtocol
    url: str
    headers: StringMap


class McpTransportSandbox(Settings, frozen=True, kw_only=True, tag="sandbox", tag_field="type"):
    protocol: McpHttpProtocol
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    env: StringMap


class McpServerSettings(Settings, frozen=True, kw_only=True):
    name: str
    """What the run calls it: the key of its table."""
    transport: McpTransportStdio | McpTransportHttp | McpTransportSandbox
    startup_timeout_secs: Count
    tool_timeout_secs: Count


class RunAgentSettings(Settings, frozen=True, kw_only=True):
    fabro_tools: bool
    mcps: dict[str, McpServerSettings]


HookEvent = Literal[
    "run_start",
    "run_complete",
    "run_failed",
    "stage_start",
    "stage_complete",
    "stage_failed",
    "stage_retrying",
    "edge_selected",
    "parallel_start",
    "parallel_complete",
    "sandbox_ready",
    "sandbox_cleanup",
    "checkpoint_saved",
    "pre_tool_use",
    "post_tool_use",
    "post_tool_use_failure",
]


class HookDefinition(Settings, frozen=True, kw_only=True):
    name: str | None
    event: HookEvent
    command: str | None
    type: Literal["command", "http", "prompt", "agent"] | msgspec.UnsetType | None = msgspec.UNSET
    url: str | msgspec.UnsetType | None = msgspec.UNSET
    headers: StringMap | msgspec.UnsetType | None = msgspec.UNSET
    tls: Literal["verify", "no_verify", "off"] | msgspec.UnsetType = msgspec.UNSET
    """The text `off` stands where the API document of others has false."""
    prompt: str | msgspec.UnsetType | None = msgspec.UNSET
    model: str | msgspec.UnsetType | None = msgspec.UNSET
    max_tool_rounds: Count32 | msgspec.UnsetType | None = msgspec.UNSET
    matcher: str | None
    blocking: bool | None
    timeout_ms: Count | None
    sandbox: bool | None


class ScmGitHubSettings(Settings, frozen=True):
    """Has no keys yet."""


class RunScmSettings(Settings, frozen=True, kw_only=True):
    provider: str | None
    owner: str | None
    repository: str | None
    github: ScmGitHubSettings | None


class PullRequestSettings(Settings, frozen=True, kw_only=True):
    enabled: bool
    draft: bool
    auto_merge: bool
    merge_strategy: Literal["merge", "squash", "rebase"]


class ArtifactsSettings(Settings, frozen=True, kw_only=True):
    include: tuple[str, ...]
    """Globs."""


class RunIntegrationsGithubSettings(Settings, frozen=True, kw_only=True):
    permissions: StringMap
    additional_repositories: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class RunIntegrationsSettings(Settings, frozen=True, kw_only=True):
    github: RunIntegrationsGithubSettings


class RunNamespace(Settings, frozen=True, kw_only=True):
    goal: RunGoalInline | RunGoalFile | None
    working_dir: str | None
    metadata: StringMap
    inputs: dict[str, Any]
    """Any TOML value."""
    model: RunModelSettings
    git: RunGitSettings
    prepare: RunPrepareSettings
    execution: RunExecutionSettings
    checkpoint: RunCheckpointSettings
    clone: RunCloneSettings
    run_branch: RunBranchSettings
    meta_branch: RunMetaBranchSettings
    environment: RunEnvironmentSettings
    notifications: dict[str, NotificationRouteSettings]
    interviews: RunInterviewsSettings
    agent: RunAgentSettings
    hooks: tuple[HookDefinition, ...]
    scm: RunScmSettings
    pull_request: PullRequestSettings | None
    artifacts: ArtifactsSettings
    integrations: RunIntegrationsSettings


class WorkflowSettings(Settings, frozen=True, kw_only=True):
    """The whole snapshot that a run keeps."""

    project: ProjectNamespace
    workflow: WorkflowNamespace
    environments: dict[str, EnvironmentSettings]
    run: RunNamespace
