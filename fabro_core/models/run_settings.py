"""The settings of a run, dense: every key of `WorkflowSettings` is there, and the defaults are those of runs.md R8.3.

The names are those of the API document. How files are layered is decided in
`fabro_core.runs.create.run_settings`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from fabro_core.models.run import SandboxProvider

StringMap = dict[str, str]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count32 = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the tables. Unknown keys are ignored."""


# -- environments -----------------------------------------------------------------------------------------------


class DockerfileSourceInline(Settings, frozen=True, kw_only=True, tag="inline", tag_field="type"):
    value: str


class DockerfileSourcePath(Settings, frozen=True, kw_only=True, tag="path", tag_field="type"):
    path: str


class EnvironmentImageSettings(Settings, frozen=True, kw_only=True):
    docker: str | None = None
    dockerfile: DockerfileSourceInline | DockerfileSourcePath | None = None


class EnvironmentResourcesSettings(Settings, frozen=True, kw_only=True):
    cpu: Count32 | None = None
    memory: str | None = None
    disk: str | None = None


class EnvironmentNetworkSettings(Settings, frozen=True, kw_only=True):
    mode: Literal["allow_all", "block", "cidr_allow_list"] = "allow_all"
    allow: tuple[str, ...] = ()


class EnvironmentLifecycleSettings(Settings, frozen=True, kw_only=True):
    preserve: bool = False
    stop_on_terminal: bool = True
    auto_stop: str | None = None


class EnvironmentSettings(Settings, frozen=True, kw_only=True):
    """Where a run's work is done."""

    provider: SandboxProvider = "local"
    cwd: str | None = None
    image: EnvironmentImageSettings = EnvironmentImageSettings()
    resources: EnvironmentResourcesSettings = EnvironmentResourcesSettings()
    network: EnvironmentNetworkSettings = EnvironmentNetworkSettings()
    lifecycle: EnvironmentLifecycleSettings = EnvironmentLifecycleSettings()
    labels: StringMap = {}
    env: StringMap = {}


class RunEnvironmentSettings(Settings, frozen=True, kw_only=True):
    """A copy of the selected environment, with what the run overrides; the environment may change later."""

    id: str = "default"
    provider: SandboxProvider = "local"
    cwd: str | None = None
    image: EnvironmentImageSettings = EnvironmentImageSettings()
    resources: EnvironmentResourcesSettings = EnvironmentResourcesSettings()
    network: EnvironmentNetworkSettings = EnvironmentNetworkSettings()
    lifecycle: EnvironmentLifecycleSettings = EnvironmentLifecycleSettings()
    labels: StringMap = {}
    env: StringMap = {}


# -- project and workflow ---------------------------------------------------------------------------------------


class ProjectNamespace(Settings, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    metadata: StringMap = {}


class WorkflowNamespace(Settings, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    graph: str = "workflow.fabro"
    metadata: StringMap = {}


# -- run --------------------------------------------------------------------------------------------------------


class RunGoalInline(Settings, frozen=True, kw_only=True, tag="inline", tag_field="type"):
    value: str


class RunGoalFile(Settings, frozen=True, kw_only=True, tag="file", tag_field="type"):
    value: str
    """The path of a file of the manifest."""


class RunModelControls(Settings, frozen=True, kw_only=True):
    reasoning_effort: str | None = None
    speed: str | None = None


class RunModelSettings(Settings, frozen=True, kw_only=True):
    provider: str | None = None
    name: str | None = None
    fallbacks: dict[str, tuple[str, ...]] = {}
    controls: RunModelControls | msgspec.UnsetType = msgspec.UNSET


class GitAuthorSettings(Settings, frozen=True, kw_only=True):
    name: str | None = None
    email: str | None = None


class RunGitSettings(Settings, frozen=True, kw_only=True):
    author: GitAuthorSettings | None = None


class PreparedScriptStep(Settings, frozen=True, kw_only=True, tag="script", tag_field="type"):
    script: str
    env: StringMap | msgspec.UnsetType = msgspec.UNSET


class PreparedCommandStep(Settings, frozen=True, kw_only=True, tag="command", tag_field="type"):
    command: tuple[str, ...]
    env: StringMap | msgspec.UnsetType = msgspec.UNSET


class RunPrepareSettings(Settings, frozen=True, kw_only=True):
    steps: tuple[PreparedScriptStep | PreparedCommandStep, ...] = ()
    timeout_ms: Count = 300_000


class RunExecutionSettings(Settings, frozen=True, kw_only=True):
    mode: Literal["normal", "dry_run"] = "normal"
    approval: Literal["prompt", "auto"] = "prompt"


class RunCheckpointSettings(Settings, frozen=True, kw_only=True):
    exclude_globs: tuple[str, ...] = ()
    skip_git_hooks: bool = False


class RunCloneSettings(Settings, frozen=True, kw_only=True):
    enabled: bool = True
    depth: Count32 = 100
    """Commits; 0: the whole history."""


class RunBranchSettings(Settings, frozen=True, kw_only=True):
    enabled: bool = True
    push: bool = True


class RunMetaBranchSettings(Settings, frozen=True, kw_only=True):
    enabled: bool = True
    push: bool = True


class NotificationProviderSettings(Settings, frozen=True, kw_only=True):
    channel: str | None = None


class NotificationRouteSettings(Settings, frozen=True, kw_only=True):
    enabled: bool = True
    provider: str | None = None
    events: tuple[str, ...] = ()
    slack: NotificationProviderSettings | None = None


class InterviewProviderSettings(Settings, frozen=True, kw_only=True):
    channel: str | None = None


class RunInterviewsSettings(Settings, frozen=True, kw_only=True):
    provider: str | None = None
    slack: InterviewProviderSettings | None = None


McpHttpProtocol = Literal["streamable_http", "sse"]


class McpTransportStdio(Settings, frozen=True, kw_only=True, tag="stdio", tag_field="type"):
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    env: StringMap = {}


class McpTransportHttp(Settings, frozen=True, kw_only=True, tag="http", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    url: str
    headers: StringMap = {}


class McpTransportSandbox(Settings, frozen=True, kw_only=True, tag="sandbox", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    env: StringMap = {}


class McpServerSettings(Settings, frozen=True, kw_only=True):
    name: str = ""
    """The key of the table when a file gives no other."""
    transport: McpTransportStdio | McpTransportHttp | McpTransportSandbox
    startup_timeout_secs: Count = 30
    tool_timeout_secs: Count = 60


class RunAgentSettings(Settings, frozen=True, kw_only=True):
    fabro_tools: bool = False
    mcps: dict[str, McpServerSettings] = {}


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
    name: str | None = None
    event: HookEvent
    command: str | None = None
    type: Literal["command", "http", "prompt", "agent"] | msgspec.UnsetType | None = msgspec.UNSET
    url: str | msgspec.UnsetType | None = msgspec.UNSET
    headers: StringMap | msgspec.UnsetType | None = msgspec.UNSET
    tls: Literal["verify", "no_verify"] | bool | msgspec.UnsetType = msgspec.UNSET
    """False means `no_verify`; true means nothing and is refused."""
    prompt: str | msgspec.UnsetType | None = msgspec.UNSET
    model: str | msgspec.UnsetType | None = msgspec.UNSET
    max_tool_rounds: Count32 | msgspec.UnsetType | None = msgspec.UNSET
    matcher: str | None = None
    blocking: bool | None = None
    timeout_ms: Count | None = None
    sandbox: bool | None = None

    def __post_init__(self) -> None:
        if self.tls is True:
            raise ValueError('tls must be "verify", "no_verify" or false')


class ScmGitHubSettings(Settings, frozen=True):
    """Has no keys yet."""


class RunScmSettings(Settings, frozen=True, kw_only=True):
    provider: str | None = None
    owner: str | None = None
    repository: str | None = None
    github: ScmGitHubSettings | None = None


class PullRequestSettings(Settings, frozen=True, kw_only=True):
    enabled: bool = True
    draft: bool = False
    auto_merge: bool = False
    merge_strategy: Literal["merge", "squash", "rebase"] = "squash"


class ArtifactsSettings(Settings, frozen=True, kw_only=True):
    include: tuple[str, ...] = ()
    """Globs."""


class RunIntegrationsGithubSettings(Settings, frozen=True, kw_only=True):
    permissions: StringMap = {}
    additional_repositories: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class RunIntegrationsSettings(Settings, frozen=True, kw_only=True):
    github: RunIntegrationsGithubSettings = RunIntegrationsGithubSettings()


class RunNamespace(Settings, frozen=True, kw_only=True):
    goal: RunGoalInline | RunGoalFile | None = None
    working_dir: str | None = None
    metadata: StringMap = {}
    inputs: dict[str, Any] = {}
    """Any TOML value."""
    model: RunModelSettings = RunModelSettings()
    git: RunGitSettings = RunGitSettings()
    prepare: RunPrepareSettings = RunPrepareSettings()
    execution: RunExecutionSettings = RunExecutionSettings()
    checkpoint: RunCheckpointSettings = RunCheckpointSettings()
    clone: RunCloneSettings = RunCloneSettings()
    run_branch: RunBranchSettings = RunBranchSettings()
    meta_branch: RunMetaBranchSettings = RunMetaBranchSettings()
    environment: RunEnvironmentSettings = RunEnvironmentSettings()
    notifications: dict[str, NotificationRouteSettings] = {}
    interviews: RunInterviewsSettings = RunInterviewsSettings()
    agent: RunAgentSettings = RunAgentSettings()
    hooks: tuple[HookDefinition, ...] = ()
    scm: RunScmSettings = RunScmSettings()
    pull_request: PullRequestSettings | None = None
    artifacts: ArtifactsSettings = ArtifactsSettings()
    integrations: RunIntegrationsSettings = RunIntegrationsSettings()


class WorkflowSettings(Settings, frozen=True, kw_only=True):
    """The whole snapshot that a run keeps."""

    project: ProjectNamespace = ProjectNamespace()
    workflow: WorkflowNamespace = WorkflowNamespace()
    environments: dict[str, EnvironmentSettings] = {}
    run: RunNamespace = RunNamespace()
