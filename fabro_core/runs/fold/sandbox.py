"""The sandbox of a run as a fold of its events (runs.md R5.6)."""

from __future__ import annotations

from msgspec.structs import replace

from fabro_core.models.events import CreatedEnvironment
from fabro_core.models.events.infrastructure import SandboxFailed, SandboxInitialized, SandboxInitializing
from fabro_core.models.run import (
    RunSandbox,
    RunSandboxFailure,
    RunSandboxInstance,
    RunSandboxPlan,
    RunSandboxRuntime,
)


def planned_sandbox(environment: CreatedEnvironment | None) -> RunSandbox | None:
    """The sandbox of a new run; None when its settings hold no environment."""
    if environment is None:
        return None
    image = environment.image.docker if environment.provider == "docker" else None
    return RunSandbox(kind="planned", plan=RunSandboxPlan(provider=environment.provider, image=image, snapshot=None))


def sandbox_after(
    before: RunSandbox | None, properties: SandboxInitializing | SandboxInitialized | SandboxFailed
) -> RunSandbox | None:
    """The sandbox after an event; the plan never changes, and without one there is no sandbox to speak of."""
    if before is None:
        return None
    match properties:
        case SandboxInitializing():
            return RunSandbox(kind="initializing", plan=before.plan)
        case SandboxInitialized():
            return RunSandbox(kind="ready", plan=before.plan, instance=_instance(properties))
        case SandboxFailed(provider=provider, error=error, causes=causes, duration_ms=duration_ms):
            failure = RunSandboxFailure(provider=provider, error=error, causes=causes, duration_ms=duration_ms)
            return replace(before, kind="failed", instance=None, failure=failure)


def _instance(ready: SandboxInitialized) -> RunSandboxInstance:
    return RunSandboxInstance(
        provider=ready.provider,
        image=ready.image,
        snapshot=ready.snapshot,
        runtime=RunSandboxRuntime(
            id=ready.id,
            working_directory=ready.working_directory,
            repo_cloned=ready.repo_cloned,
            clone_origin_url=ready.clone_origin_url,
            clone_branch=ready.clone_branch,
            workspace_root=ready.workspace_root,
            repos_root=ready.repos_root,
            primary_repo_path=ready.primary_repo_path,
            primary_repo_link=ready.primary_repo_link,
        ),
    )
