"""The settings files of runs, table by table: what people write (run-settings.md T3).

This is the one description of the files; `table` says how it is read. Not to be mixed up with
`fabro_core.models.run_settings`, which is what the API answers.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fabro_core.runs.settings.kinds import (
    AnyKind,
    Command,
    Count,
    Duration,
    FileTable,
    Flag,
    ModelReference,
    Text,
    VariableText,
)
from fabro_core.runs.settings.model_environment import Environment, RunEnvironment
from fabro_core.runs.settings.model_hooks import HOOK, Hook
from fabro_core.runs.settings.model_mcps import MCP_ENTRY, McpEntry
from fabro_core.runs.settings.table import Default, Rule

# -- what the run is to do ----------------------------------------------------------------------------------------


class GoalFile(FileTable, frozen=True, kw_only=True):
    """A goal that is kept in a file."""

    file: Annotated[Text, Rule.SET]
    """Path of the file, seen from the directory of the settings file; from the working directory in the user's file."""


class ModelControls(FileTable, frozen=True, kw_only=True):
    """What is asked of the model beyond its name."""

    reasoning_effort: Annotated[VariableText | None, Rule.SET] = None
    """How much the model is to think, in the provider's words."""
    speed: Annotated[VariableText | None, Rule.SET] = None
    """How fast it is to answer, in the provider's words."""


class Model(FileTable, frozen=True, kw_only=True):
    """The language model of stages that name none."""

    provider: Annotated[Text | None, Rule.SET] = None
    """Who serves the model."""
    name: Annotated[Text | None, Rule.SET] = None
    """The model."""
    fallbacks: Annotated[dict[str, tuple[ModelReference, ...]] | None, Rule.SPLICE_BY_KEY, Default({})] = None
    """By requested model: what is asked instead while it cannot answer, in this order. `"..."` stands for the list of
    the layers below."""
    controls: Annotated[ModelControls, Rule.FIELDS] = ModelControls()
    """See its own table."""


class PrepareStep(FileTable, frozen=True, kw_only=True):
    """A step before the first stage: either `script` or `command`."""

    exactly_one_of = ("script", "command")

    script: Annotated[VariableText | None, Rule.SET] = None
    """Source for the shell."""
    command: Annotated[Command | None, Rule.SET] = None
    """A program and its arguments."""
    env: Annotated[dict[str, VariableText] | None, Rule.SET] = None
    """Environment variables of the step."""


class Prepare(FileTable, frozen=True, kw_only=True):
    """What is done before the first stage. One value: a file that has the table drops all of the files below."""

    steps: Annotated[tuple[PrepareStep, ...] | None, Rule.SET, Default([])] = None
    """The steps, in order."""
    timeout: Annotated[Duration | None, Rule.SET, Default("5m")] = None
    """Of each step."""


class Execution(FileTable, frozen=True, kw_only=True):
    """How the run is carried out."""

    mode: Annotated[Literal["normal", "dry_run"] | None, Rule.SET, Default("normal")] = None
    """`dry_run`: stages do nothing."""
    approval: Annotated[Literal["prompt", "auto"] | None, Rule.SET, Default("prompt")] = None
    """`auto`: questions are answered without a person."""


# -- the working copy ---------------------------------------------------------------------------------------------


class GitAuthor(FileTable, frozen=True, kw_only=True):
    """Who commits."""

    name: Annotated[Text | None, Rule.SET] = None
    """Name of the author."""
    email: Annotated[Text | None, Rule.SET] = None
    """Address of the author."""


class Git(FileTable, frozen=True, kw_only=True):
    """Commits of the run."""

    author: Annotated[GitAuthor, Rule.FIELDS] = GitAuthor()
    """See its own table."""


class Checkpoint(FileTable, frozen=True, kw_only=True):
    """Commits after stages."""

    exclude_globs: Annotated[tuple[VariableText, ...] | None, Rule.LIST, Default([])] = None
    """Files that no checkpoint holds."""
    skip_git_hooks: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether git's own hooks are left out."""
    commit_timeout: Annotated[Duration | None, Rule.SET, Default("30s")] = None
    """How long a commit may take."""


class Clone(FileTable, frozen=True, kw_only=True):
    """The clone of the repository that the run works in."""

    enabled: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether there is one."""
    depth: Annotated[Count | None, Rule.SET, Default(100)] = None
    """Commits of its history; 0: all."""


class RunBranch(FileTable, frozen=True, kw_only=True):
    """The branch that holds what the run makes."""

    enabled: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether there is one; without it there is no meta branch either."""
    push: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether it is pushed."""


class MetaBranch(FileTable, frozen=True, kw_only=True):
    """The branch that holds what is known about the run."""

    enabled: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether there is one."""
    push: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether it is pushed."""


class Artifacts(FileTable, frozen=True, kw_only=True):
    """Files that are kept. One value: a file that has the table drops that of the files below."""

    include: Annotated[tuple[VariableText, ...] | None, Rule.SET, Default([])] = None
    """Globs, seen from the working copy: `*`, `?`, `[..]`, and `**` between slashes."""


# -- people and services ------------------------------------------------------------------------------------------


class SlackChannel(FileTable, frozen=True, kw_only=True):
    """A channel in Slack. One value: a file that has the table drops that of the files below."""

    channel: Annotated[VariableText | None, Rule.SET] = None
    """As in `#builds`."""


class Notification(FileTable, frozen=True, kw_only=True):
    """Who is told of which events."""

    enabled: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether anybody is told."""
    provider: Annotated[VariableText | None, Rule.SET] = None
    """By what means."""
    events: Annotated[tuple[VariableText, ...] | None, Rule.SPLICE, Default([])] = None
    """Names of events. `"..."` stands for the list of the layers below."""
    slack: Annotated[SlackChannel | None, Rule.WHOLE] = None
    """Where in Slack."""


class Interviews(FileTable, frozen=True, kw_only=True):
    """How people are asked."""

    provider: Annotated[VariableText | None, Rule.SET] = None
    """By what means."""
    slack: Annotated[SlackChannel | None, Rule.WHOLE] = None
    """Where in Slack."""


class Agent(FileTable, frozen=True, kw_only=True):
    """What agents may use."""

    fabro_tools: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether they may manage runs themselves."""
    mcps: Annotated[dict[str, Annotated[McpEntry, MCP_ENTRY]] | None, Rule.BY_KEY, Default({})] = None
    """MCP servers, by name."""


class ScmGithub(FileTable, frozen=True, kw_only=True):
    """Has no keys."""


class Scm(FileTable, frozen=True, kw_only=True):
    """Where the repository is hosted."""

    provider: Annotated[VariableText | None, Rule.SET] = None
    """As in `github`."""
    owner: Annotated[Text | None, Rule.SET] = None
    """Owner of the repository."""
    repository: Annotated[Text | None, Rule.SET] = None
    """Name of the repository."""
    github: Annotated[ScmGithub | None, Rule.SET] = None
    """An empty table."""


class PullRequest(FileTable, frozen=True, kw_only=True):
    """The pull request that a run opens when it has succeeded."""

    enabled: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether there is one."""
    draft: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether it is a draft; one that merges by itself never is."""
    auto_merge: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether it merges by itself."""
    merge_strategy: Annotated[Literal["squash", "merge", "rebase"] | None, Rule.SET, Default("squash")] = None
    """How it merges."""


class Github(FileTable, frozen=True, kw_only=True):
    """What the run may do on GitHub."""

    permissions: Annotated[dict[str, VariableText] | None, Rule.REPLACE_OR_CLEAR, Default({})] = None
    """Permissions of its token, such as `contents = "write"`."""
    additional_repositories: Annotated[tuple[Text, ...] | None, Rule.REPLACE_OR_CLEAR, Default([])] = None
    """Further repositories of the same owner, as `owner/repository`."""


class Integrations(FileTable, frozen=True, kw_only=True):
    """Services that the run works with."""

    github: Annotated[Github, Rule.FIELDS] = Github()
    """See its own table."""


# -- the whole ----------------------------------------------------------------------------------------------------


class Run(FileTable, frozen=True, kw_only=True):
    """What the run is to do, and how."""

    goal: Annotated[VariableText | GoalFile | None, Rule.SET] = None
    """What the run is to reach, a template; wins over the graph's. A table with `file` names a file that holds it."""
    working_dir: Annotated[Text | None, Rule.SET] = None
    """Where the run works, seen from where it was submitted."""
    metadata: Annotated[dict[str, VariableText] | None, Rule.REPLACE, Default({})] = None
    """Labels of the run."""
    inputs: Annotated[dict[str, Annotated[object, AnyKind()]] | None, Rule.REPLACE_OR_CLEAR, Default({})] = None
    """What templates know as `inputs`."""
    model: Annotated[Model, Rule.FIELDS] = Model()
    """See its own table."""
    git: Annotated[Git, Rule.FIELDS] = Git()
    """See its own table."""
    prepare: Annotated[Prepare | None, Rule.WHOLE, Default({})] = None
    """See its own table."""
    execution: Annotated[Execution, Rule.FIELDS] = Execution()
    """See its own table."""
    checkpoint: Annotated[Checkpoint, Rule.FIELDS] = Checkpoint()
    """See its own table."""
    clone: Annotated[Clone, Rule.FIELDS] = Clone()
    """See its own table."""
    run_branch: Annotated[RunBranch, Rule.FIELDS] = RunBranch()
    """See its own table."""
    meta_branch: Annotated[MetaBranch, Rule.FIELDS] = MetaBranch()
    """See its own table."""
    environment: Annotated[RunEnvironment, Rule.FIELDS] = RunEnvironment()
    """See its own table."""
    notifications: Annotated[dict[str, Notification] | None, Rule.DEEP, Default({})] = None
    """Routes of notifications, by name."""
    interviews: Annotated[Interviews, Rule.FIELDS] = Interviews()
    """See its own table."""
    agent: Annotated[Agent, Rule.FIELDS] = Agent()
    """See its own table."""
    hooks: Annotated[tuple[Annotated[Hook, HOOK], ...] | None, Rule.HOOKS, Default([])] = None
    """What is called when something happens, in order."""
    scm: Annotated[Scm, Rule.FIELDS] = Scm()
    """See its own table."""
    pull_request: Annotated[PullRequest, Rule.FIELDS] = PullRequest()
    """See its own table."""
    artifacts: Annotated[Artifacts | None, Rule.WHOLE, Default({})] = None
    """See its own table."""
    integrations: Annotated[Integrations, Rule.FIELDS] = Integrations()
    """See its own table."""


class Project(FileTable, frozen=True, kw_only=True):
    """The project that the run belongs to."""

    name: Annotated[Text | None, Rule.SET] = None
    """What people call it."""
    description: Annotated[Text | None, Rule.SET] = None
    """What it is about."""
    metadata: Annotated[dict[str, Text] | None, Rule.REPLACE, Default({})] = None
    """Labels of every run of the project."""
    directory: Annotated[Text | None, Rule.SET] = None
    """From older files; has no effect."""


class Workflow(FileTable, frozen=True, kw_only=True):
    """The workflow that is run."""

    name: Annotated[Text | None, Rule.SET] = None
    """What people call it."""
    description: Annotated[Text | None, Rule.SET] = None
    """What it is about."""
    graph: Annotated[Text | None, Rule.SET, Default("workflow.fabro")] = None
    """The file of the graph, seen from the directory of the settings file; read by clients."""
    metadata: Annotated[dict[str, Text] | None, Rule.REPLACE, Default({})] = None
    """Labels of every run of the workflow."""


class SettingsFile(FileTable, frozen=True, kw_only=True):
    """A settings file of runs."""

    project: Annotated[Project, Rule.FIELDS] = Project()
    """See its own table."""
    workflow: Annotated[Workflow, Rule.FIELDS] = Workflow()
    """See its own table."""
    environments: Annotated[dict[str, Environment] | None, Rule.DEEP, Default({})] = None
    """Where runs can be done, by id."""
    run: Annotated[Run, Rule.FIELDS] = Run()
    """See its own table."""
