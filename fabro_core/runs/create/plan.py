"""From a manifest to what creating its run writes: settings, graph, title, labels (runs.md R8.2).

In steps, because others look into the store between them: `settle` (steps 3 to 5), then `judge` or `plan_run` (step 8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from fabro_core.errors import InvalidRequest
from fabro_core.models.events import GitContext
from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.models.ids import RunId, parse_run_id
from fabro_core.models.manifest import ManifestWorkflow
from fabro_core.models.run_settings import WorkflowSettings
from fabro_core.runs.create.manifest import ManifestDraft
from fabro_core.runs.create.paths import workflow_slug
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.fold.title import inferred_title, valid_title
from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES
from fabro_core.runs.settings.settling import SettledSettings
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.workflow.compile import CompiledWorkflow
from fabro_core.runs.workflow.texts import UNDEFINED_RULE, Names
from fabro_core.text import without_mark

MAX_SETTINGS_BYTES = 2 * 1024 * 1024
"""As the run shows them."""

_MAX_FAULTS_SHOWN = 5


class RunDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest with its settings. What is left to check is the parent and the graph."""

    manifest: ManifestDraft
    settled: SettledSettings
    title: str | None
    """The explicit title; None: to be inferred from the goal."""
    parent_id: RunId | None
    goal: str | None
    """What overrides the graph's goal; None: nothing does."""
    variables: Mapping[str, str]
    """Those of the server, by name."""

    @property
    def size(self) -> int:
        """How much there is to do, in bytes. A template counts as a large text: it can ask for as much work."""
        texts = (self.manifest.target.source, self.goal or "", *self.manifest.contents.values())
        least = ON_LOOP_MAX_BYTES + 1 if any(map(is_template, texts)) else 0
        return max(len(self.manifest.body), least)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that was compiled, and the rules that it breaks."""

    settled: SettledSettings
    """With the goal that the run has."""
    settings: msgspec.Raw
    """JSON of the settings."""
    workflow: CompiledWorkflow
    """With the goal that the run has."""
    diagnostics: tuple[WorkflowDiagnostic, ...]

    @property
    def errors(self) -> tuple[WorkflowDiagnostic, ...]:
        """Those that keep a run from being created."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "error")

    def before_a_run(self) -> Judgement:
        """The same where a run is about to be created: names in templates need values then (language.md L10.5)."""
        diagnostics = tuple(
            replace(diagnostic, severity="error") if diagnostic.rule == UNDEFINED_RULE else diagnostic
            for diagnostic in self.diagnostics
        )
        return replace(self, diagnostics=diagnostics)


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What creating the run writes."""

    title: str
    parent_id: RunId | None
    workflow_slug: str
    source_directory: str | None
    labels: dict[str, str]
    settings: msgspec.Raw
    """JSON of `WorkflowSettings`."""
    setting_origins: msgspec.Raw
    """JSON of who said what, a `SettingOrigin` by the name of each setting."""
    graph: msgspec.Raw
    """JSON of `Graph`, with the goal that the run has."""
    graph_source: str
    """The DOT text as submitted."""
    git: GitContext | None
    in_place: bool
    manifest: bytes
    """As submitted."""
    definition: bytes
    """JSON of the workflows that were submitted and which of them is run."""


def settle(draft: ManifestDraft, stored: StoredSettings, work: PlanningWork) -> RunDraft:
    """Settles the settings, then checks title and parent id. Raises `InvalidRequest`."""
    manifest = draft.manifest
    own_goal = without_mark(manifest.goal.text) if manifest.goal and manifest.goal.type != "graph" else None
    settled = work.settle(draft, stored, needs_goal=own_goal is None)
    title = None if manifest.title is None else valid_title(manifest.title)
    parent_id = None if manifest.parent_id is None else parse_run_id(manifest.parent_id)
    if manifest.parent_id is not None and parent_id is None:
        raise InvalidRequest("parent_id: must be a run id.")
    goal = settled.goal if own_goal is None else own_goal
    return RunDraft(
        manifest=draft,
        settled=settled,
        title=title,
        parent_id=parent_id,
        goal=goal,
        variables=stored.variables,
    )


def judge(draft: RunDraft, work: PlanningWork) -> Judgement:
    """The graph to be run and everything that is wrong with it.

    Raises `InvalidRequest` when there is no graph, or when the settings come to too much.
    """
    names = Names(inputs=draft.settled.settings.run.inputs, variables=draft.variables)
    manifest = draft.manifest
    workflow = work.compile(manifest.workflow_path, manifest.target.source, manifest.contents, names, draft.goal)
    settled = draft.settled.with_goal(workflow.graph.goal, graph_path=manifest.workflow_path)
    return Judgement(
        settled=settled,
        settings=_encoded(settled.settings),
        workflow=workflow,
        diagnostics=workflow.diagnostics,
    )


def plan_run(draft: RunDraft, work: PlanningWork) -> RunPlan:
    """The plan of a run. Raises `InvalidRequest` when the graph is not one or breaks a rule of severity error."""
    judgement = judge(draft, work).before_a_run()
    _refuse_broken(judgement)
    manifest, settings, graph = draft.manifest, judgement.settled.settings, judgement.workflow.graph
    return RunPlan(
        title=draft.title or inferred_title(graph.goal),
        parent_id=draft.parent_id,
        workflow_slug=workflow_slug(manifest.workflow_path),
        source_directory=_source_directory(manifest.manifest.cwd, settings.run.working_dir),
        labels={**settings.project.metadata, **settings.workflow.metadata, **settings.run.metadata},
        settings=judgement.settings,
        setting_origins=msgspec.Raw(msgspec.json.encode(judgement.settled.origins)),
        graph=msgspec.Raw(msgspec.json.encode(graph)),
        graph_source=manifest.target.source,
        git=manifest.manifest.git or None,
        in_place=manifest.manifest.args.in_place is True,
        manifest=manifest.body,
        definition=msgspec.json.encode(_Definition(workflow_path=manifest.workflow_path, workflows=manifest.workflows)),
    )


def _encoded(settings: WorkflowSettings) -> msgspec.Raw:
    """Short texts can come to a lot: every key of an environment is shown, and files are put where their paths were."""
    encoded = msgspec.json.encode(settings)
    if len(encoded) > MAX_SETTINGS_BYTES:
        raise InvalidRequest(f"The settings of the run come to more than {MAX_SETTINGS_BYTES} bytes.")
    return msgspec.Raw(encoded)


class _Definition(msgspec.Struct, frozen=True):
    workflow_path: str
    workflows: dict[str, ManifestWorkflow]


def _refuse_broken(judgement: Judgement) -> None:
    errors = judgement.errors
    if errors:
        shown = " ".join(_shown(error) for error in errors[:_MAX_FAULTS_SHOWN])
        more = f" (and {len(errors) - _MAX_FAULTS_SHOWN} more)" if len(errors) > _MAX_FAULTS_SHOWN else ""
        raise InvalidRequest(f"{judgement.workflow.path}: {shown}{more}")


def _shown(error: WorkflowDiagnostic) -> str:
    return f"{error.rule}: {error.message}"


def _source_directory(cwd: str, working_dir: str | None) -> str | None:
    return (posixpath.join(cwd, working_dir) if working_dir else cwd) or None
