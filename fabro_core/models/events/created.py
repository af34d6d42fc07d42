"""What a run is made from: `run.created` and `run.submitted` (events.md E22, runs.md R8.6)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fabro_core.models.events.envelope import Properties
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import AutomationRef, SandboxProvider


class GitContext(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the working copy a run was submitted from. Clients strip credentials."""

    origin_url: str
    branch: str
    sha: str | None = None
    dirty: Literal["clean", "dirty", "unknown"]


class ForkSourceRef(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that a run was forked from."""

    source_run_id: str
    checkpoint_sha: str


class RunCreated(Properties, frozen=True, kw_only=True):
    event = "run.created"

    title: str | None = None
    settings: msgspec.Raw
    """WorkflowSettings, dense (runs.md R8.3)."""
    graph: msgspec.Raw
    """The compiled graph (runs.md R8.4)."""
    workflow_source: str | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    source_directory: str | None = None
    workflow_slug: str | None = None
    workflow_version_id: str | None = None
    automation: AutomationRef | None = None
    provenance: RunProvenance
    manifest_blob: str | None = None
    spec_blob: str | None = None
    in_place: bool | None = None
    """True: it works where its files are (execution.md N12.2)."""
    git: GitContext | None = None
    fork_source_ref: ForkSourceRef | None = None
    retried_from: str | None = None
    parent_id: str | None = None
    web_url: str | None = None


class RunSubmitted(Properties, frozen=True, kw_only=True):
    event = "run.submitted"

    definition_blob: str | None = None


# -- what a Run shows of settings and graph; the rest is skipped undecoded ------------------------------------------


class CreatedGraph(msgspec.Struct, frozen=True):
    """The compiled graph in `run.created`."""

    name: str
    attrs: dict[str, dict[str, Any]] = {}
    nodes: dict[str, msgspec.Raw] = {}
    edges: list[msgspec.Raw] = []

    @property
    def goal(self) -> str:
        goal = self.attrs.get("goal", {}).get("String", "")
        return goal if isinstance(goal, str) else ""


class CreatedWorkflow(msgspec.Struct, frozen=True):
    name: str | None = None


class CreatedImage(msgspec.Struct, frozen=True):
    docker: str | None = None


class CreatedEnvironment(msgspec.Struct, frozen=True):
    provider: SandboxProvider
    image: CreatedImage = CreatedImage()


class CreatedRunSettings(msgspec.Struct, frozen=True):
    environment: CreatedEnvironment | None = None


class CreatedSettings(msgspec.Struct, frozen=True):
    """The settings in `run.created`."""

    workflow: CreatedWorkflow = CreatedWorkflow()
    run: CreatedRunSettings = CreatedRunSettings()
