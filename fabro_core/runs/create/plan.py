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
from fabro_core.models.run_settings import RunGoalFile, WorkflowSettings
from fabro_core.runs.create.manifest import ManifestDraft
from fabro_core.runs.create.paths import beside, normal_path, workflow_slug
from fabro_core.runs.create.run_settings import layered_settings
from fabro_core.runs.create.stored_settings import StoredSettings
from fabro_core.runs.fold.title import inferred_title, valid_title
from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.workflow.compile import CompiledWorkflow, compile_workflow
from fabro_core.runs.workflow.files import WorkflowFiles, found_in
from fabro_core.runs.workflow.texts import UNDEFINED_RULE, Names

_MAX_FAULTS_SHOWN = 5


class RunDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest with its settings. What is left to check is the parent and the graph."""

    manifest: ManifestDraft
    settings: WorkflowSettings
    title: str | None
    """The explicit title; None: to be inferred from the goal."""
    parent_id: RunId | None
    goal: str | None
    """What overrides the graph's goal; None: nothing does."""
    variables: Mapping[str, str]
    """Those of the server, by name."""

    @property
    def files(self) -> WorkflowFiles:
        """The workflow to be run, with the files that it can refer to."""
        return WorkflowFiles(self.manifest.workflow_path, self.manifest.target.source, found_in(self.contents))

    @property
    def contents(self) -> dict[str, str]:
        """The files that came with the workflow: texts by normal path."""
        return {path: entry.content for path, entry in (self.manifest.target.files or {}).items()}

    @property
    def size(self) -> int:
        """How much there is to do, in bytes. A template counts as a large text: it can ask for as much work."""
        texts = (self.manifest.target.source, self.goal or "", *self.contents.values())
        least = ON_LOOP_MAX_BYTES + 1 if any(map(is_template, texts)) else 0
        return max(len(self.manifest.body), least)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that was compiled, and the rules that it breaks."""

    settings: WorkflowSettings
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
    graph: msgspec.Raw
    """JSON of `Graph`, with the goal that the run has."""
    graph_source: str
    """The DOT text as submitted."""
    git: GitContext | None
    manifest: bytes
    """As submitted."""
    definition: bytes
    """JSON of the workflows that were submitted and which of them is run."""


def settle(draft: ManifestDraft, stored: StoredSettings) -> RunDraft:
    """Settles the settings, then checks title and parent id. Raises `InvalidRequest`."""
    manifest = draft.manifest
    settings = layered_settings(
        draft.layers, draft.args.overlay(), variables=stored.variables, environments=stored.environments
    )
    goal = _goal_override(draft, settings)
    title = None if manifest.title is None else valid_title(manifest.title)
    parent_id = None if manifest.parent_id is None else parse_run_id(manifest.parent_id)
    if manifest.parent_id is not None and parent_id is None:
        raise InvalidRequest("parent_id: must be a run id.")
    return RunDraft(
        manifest=draft,
        settings=settings,
        title=title,
        parent_id=parent_id,
        goal=goal,
        variables=stored.variables,
    )


def judge(draft: RunDraft) -> Judgement:
    """The graph to be run and everything that is wrong with it. Raises `InvalidRequest` when there is no graph."""
    names = Names(inputs=draft.settings.run.inputs, variables=draft.variables)
    workflow = compile_workflow(draft.files, names, draft.goal)
    return Judgement(settings=draft.settings, workflow=workflow, diagnostics=workflow.diagnostics)


def plan_run(draft: RunDraft) -> RunPlan:
    """The plan of a run. Raises `InvalidRequest` when the graph is not one or breaks a rule of severity error."""
    judgement = judge(draft).before_a_run()
    _refuse_broken(judgement)
    manifest, settings, graph = draft.manifest, draft.settings, judgement.workflow.graph
    return RunPlan(
        title=draft.title or inferred_title(graph.goal),
        parent_id=draft.parent_id,
        workflow_slug=workflow_slug(manifest.workflow_path),
        source_directory=_source_directory(manifest.manifest.cwd, settings.run.working_dir),
        labels={**settings.project.metadata, **settings.workflow.metadata, **settings.run.metadata},
        settings=msgspec.Raw(msgspec.json.encode(settings)),
        graph=msgspec.Raw(msgspec.json.encode(graph)),
        graph_source=manifest.target.source,
        git=manifest.manifest.git or None,
        manifest=manifest.body,
        definition=msgspec.json.encode(_Definition(workflow_path=manifest.workflow_path, workflows=manifest.workflows)),
    )


class _Definition(msgspec.Struct, frozen=True):
    workflow_path: str
    workflows: dict[str, ManifestWorkflow]


def _goal_override(draft: ManifestDraft, settings: WorkflowSettings) -> str | None:
    """The manifest's own goal, else that of the settings (runs.md R8.3)."""
    goal = draft.manifest.goal
    if goal and goal.type != "graph":
        return goal.text
    configured = settings.run.goal
    if isinstance(configured, RunGoalFile):
        return _file(draft, configured.value)
    return configured.value if configured else None


def _file(draft: ManifestDraft, reference: str) -> str:
    """The content of a file that the settings refer to, as it stands or as seen from the workflow."""
    files = draft.target.files or {}
    for candidate in (reference, beside(draft.workflow_path, reference)):
        path = normal_path(candidate, "run.goal.value")
        if path in files:
            return files[path].content
    raise InvalidRequest(f'run.goal.value: the manifest has no file "{reference}".')


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
