"""What merged settings come to: references are looked up, what excludes each other is refused (run-settings.md T6)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from fabro_core.models.run_settings import McpServerSettings
from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.runs.settings.defaults import filled
from fabro_core.runs.settings.environments import check_selected, selected_environment, selected_id
from fabro_core.runs.settings.faults import Report, quoted
from fabro_core.runs.settings.github import check_repositories
from fabro_core.runs.settings.globs import glob_fault
from fabro_core.runs.settings.mcp_servers import inline_servers, referenced_servers
from fabro_core.runs.settings.model import Artifacts, GoalFile, Project, Run, SettingsFile, Workflow
from fabro_core.runs.settings.model_environment import DockerfilePath, Environment, RunEnvironment
from fabro_core.runs.settings.origins import Origins
from fabro_core.runs.settings.toml_places import Path

Files = Mapping[str, str]
"""Contents of the files that are sent with the target workflow, by normal path."""

MAX_ENTRIES: Final = 200
"""Of a map whose entries are shown with all their keys, however little of them is written."""

MAX_DOCKERFILE_CHARS: Final = 1024 * 1024
"""In all environments together; one file can be named by each of them."""

GOAL: Final[Path] = ("run", "goal")
ENVIRONMENT: Final[Path] = ("run", "environment")
_DOCKERFILE: Final[Path] = ("image", "dockerfile")


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Settings in the form of files, with the defaults of all keys and nothing left to look up."""

    project: Project
    workflow: Workflow
    environments: Mapping[str, Environment]
    """The whole catalogue; no more than the selected one is checked."""
    environment_id: str
    environment: Environment
    """The selected one, under what the run says about it."""
    run: Run
    """Without environment and goal; of MCP servers only those that files describe and that are switched on."""
    referenced_servers: Mapping[str, McpServerSettings]
    goal: str | None
    """A template. None: the settings have no goal."""


class Resolver:
    """Resolves the settings of one run. What it returns is of use only while nothing was reported."""

    def __init__(self, origins: Origins, files: Files, report: Report) -> None:
        self._origins = origins
        self._files = files
        self._report = report
        self._dockerfile_chars_left = MAX_DOCKERFILE_CHARS

    def resolve(
        self, merged: SettingsFile, mcp_servers: Mapping[str, McpServerSettings], *, needs_goal: bool
    ) -> Resolved:
        """`needs_goal` is False when the manifest has a goal of its own: that of the settings is not looked at then."""
        self._count(("environments",), merged.environments)
        goal = self._goal(merged.run.goal) if needs_goal else None
        catalogue = {
            key: self._with_dockerfile(environment, ("environments", key))
            for key, environment in (merged.environments or {}).items()
        }
        wanted = merged.run.environment
        environment = selected_environment(catalogue, wanted, self._report)
        if environment is not None:
            self._origins.lay_over(("environments", selected_id(wanted)), ENVIRONMENT)
            environment = self._with_dockerfile(environment, ENVIRONMENT)
            check_selected(environment, selected_id(wanted), self._report)
        run = filled(replace(merged.run, goal=None, environment=RunEnvironment()))
        entries = run.agent.mcps or {}
        self._check(run)
        return Resolved(
            project=filled(merged.project),
            workflow=filled(merged.workflow),
            environments={key: filled(each) for key, each in catalogue.items()},
            environment_id=selected_id(wanted),
            environment=filled(environment or Environment()),
            run=replace(_with_branches(run), agent=replace(run.agent, mcps=inline_servers(entries))),
            referenced_servers=referenced_servers(entries, mcp_servers, self._report),
            goal=goal,
        )

    def _count(self, path: Path, entries: Mapping[str, object] | None) -> None:
        if entries and len(entries) > MAX_ENTRIES:
            self._report(path, f"has {len(entries)} entries, and at most {MAX_ENTRIES} are allowed")

    def _check(self, run: Run) -> None:
        self._count(("run", "notifications"), run.notifications)
        self._count(("run", "agent", "mcps"), run.agent.mcps)
        branch, pull_request = run.run_branch, run.pull_request
        if pull_request.enabled and not (branch.enabled and branch.push):
            lacking = "run.run_branch.push" if branch.enabled else "run.run_branch.enabled"
            self._report(("run", "pull_request"), f"needs the branch of the run, and {lacking} is false")
        check_repositories(run.integrations.github, self._report)
        check_globs(run.artifacts, self._report)

    # -- files of the manifest ------------------------------------------------------------------------------------

    def _goal(self, goal: str | GoalFile | None) -> str | None:
        if not isinstance(goal, GoalFile):
            return goal
        path = (*GOAL, "file")
        if "{{" in goal.file:
            self._report(path, f"must be a path without {{{{ }}}}, not {quoted(goal.file)}")
            return None
        return self._file(goal.file, GOAL, path)

    def _with_dockerfile(self, environment: Environment, path: Path) -> Environment:
        dockerfile = environment.image.dockerfile
        if not isinstance(dockerfile, DockerfilePath):
            return environment
        place = (*path, *_DOCKERFILE, "path")
        spoken = self._origins.of((*path, *_DOCKERFILE))
        content = None
        if spoken is not None and spoken.layer.kind is SettingsLayer.USER:
            self._report(
                place, f"{quoted(dockerfile.path)} cannot be sent along with the user's file; write its content"
            )
        elif dockerfile.path.startswith(("/", "~")):
            self._report(place, f"must be seen from the settings file, not {quoted(dockerfile.path)}")
        else:
            content = self._file(dockerfile.path, (*path, *_DOCKERFILE), place)
            self._dockerfile_chars_left -= len(content or "")
            if self._dockerfile_chars_left < 0:
                self._report(place, f"the Dockerfiles come to more than {MAX_DOCKERFILE_CHARS} characters")
                content = None
        return replace(environment, image=replace(environment.image, dockerfile=content))

    def _file(self, reference: str, declared: Path, place: Path) -> str | None:
        """The content of a file, seen from the settings file that names it."""
        spoken = self._origins.of(declared)
        directory = spoken.layer.directory if spoken else ""
        content = self._files.get(posixpath.normpath(posixpath.join(directory, reference)))
        if content is None:
            self._report(place, f"the manifest has no file {quoted(reference)} beside the settings file")
        return content


def check_globs(artifacts: Artifacts | None, report: Report) -> None:
    """Report every glob that is none."""
    for index, glob in enumerate((artifacts and artifacts.include) or ()):
        fault = glob_fault(glob)
        if fault:
            report(("run", "artifacts", "include", index), f"{fault}: {quoted(glob)}")


def _with_branches(run: Run) -> Run:
    """What follows from a branch that is switched off, and from a pull request that merges by itself (T6.2)."""
    if not run.run_branch.enabled:
        run = replace(run, meta_branch=replace(run.meta_branch, enabled=False, push=False))
    if run.pull_request.auto_merge:
        run = replace(run, pull_request=replace(run.pull_request, draft=False))
    return run
