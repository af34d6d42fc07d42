"""The envelope of an event (events.md E1) and the properties of the events that the server itself writes (E22)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from fabro_core.models.instant import Instant
from fabro_core.models.principal import Principal, RunProvenance
from fabro_core.models.run import AutomationRef, RunTiming, SandboxProvider
from fabro_core.models.status import FailureReason


class RunEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a run's log. Optional scope is left out when absent; `properties` is always there."""

    seq: int
    id: str
    ts: Instant
    run_id: str
    event: str
    actor: Principal | None = None
    properties: msgspec.Raw


class GitContext(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the working copy a run was submitted from. Clients strip credentials."""

    origin_url: str
    branch: str
    sha: str | None = None
    dirty: Literal["clean", "dirty", "unknown"]


class Properties(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the properties below. What is None is left out."""

    event: ClassVar[str]
    """The event's dotted name."""


class RunCreated(Properties, frozen=True, kw_only=True):
    event = "run.created"

    title: str
    settings: msgspec.Raw
    """WorkflowSettings, dense (runs.md R8.3)."""
    graph: msgspec.Raw
    """The compiled graph (runs.md R8.4)."""
    workflow_source: str | None = None
    labels: dict[str, str] = {}
    source_directory: str | None = None
    workflow_slug: str | None = None
    automation: AutomationRef | None = None
    provenance: RunProvenance
    manifest_blob: str | None = None
    spec_blob: str | None = None
    git: GitContext | None = None
    retried_from: str | None = None
    parent_id: str | None = None
    web_url: str | None = None


class RunSubmitted(Properties, frozen=True, kw_only=True):
    event = "run.submitted"

    definition_blob: str | None = None


class RunCancelRequested(Properties, frozen=True, kw_only=True):
    event = "run.cancel.requested"

    action: Literal["cancel"]


class FailureDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    message: str
    category: str
    causes: list[str] = []


class RunFailure(msgspec.Struct, frozen=True, kw_only=True):
    reason: FailureReason
    detail: FailureDetail


class RunFailed(Properties, frozen=True, kw_only=True):
    event = "run.failed"

    failure: RunFailure
    timing: RunTiming


class RunArchived(Properties, frozen=True):
    event = "run.archived"


class RunUnarchived(Properties, frozen=True):
    event = "run.unarchived"


class RunRemoving(Properties, frozen=True):
    event = "run.removing"


class RunTitleUpdated(Properties, frozen=True, kw_only=True):
    event = "run.title.updated"

    title: str


class RunParentLinked(Properties, frozen=True, kw_only=True):
    event = "run.parent.linked"

    previous_parent_id: str | None = None
    parent_id: str


class RunParentUnlinked(Properties, frozen=True, kw_only=True):
    event = "run.parent.unlinked"

    previous_parent_id: str


PROPERTIES: dict[str, type[Properties]] = {
    kind.event: kind
    for kind in (
        RunCreated,
        RunSubmitted,
        RunCancelRequested,
        RunFailed,
        RunArchived,
        RunUnarchived,
        RunRemoving,
        RunTitleUpdated,
        RunParentLinked,
        RunParentUnlinked,
    )
}
"""Every event that has typed properties here, by its name."""


class CreatedGraph(msgspec.Struct, frozen=True):
    """What a Run shows of the compiled graph in `run.created`; the rest is skipped undecoded."""

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
    """What a Run shows of the settings in `run.created`; the rest is skipped undecoded."""

    workflow: CreatedWorkflow = CreatedWorkflow()
    run: CreatedRunSettings = CreatedRunSettings()
