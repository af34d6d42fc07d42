"""Plans a run from its manifest: everything that creation decides, nothing that it writes (runs.md R8.2).

In two steps, because the parent run is looked up between them: `settle` (steps 3 to 5) and `compile_run` (step 8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from fabro_core.errors import InvalidRequest
from fabro_core.models.events import GitContext
from fabro_core.models.graph import Graph, String, WorkflowDiagnostic
from fabro_core.models.ids import RunId, parse_run_id
from fabro_core.models.manifest import ManifestWorkflow
from fabro_core.models.run import RepositoryRef, RunSandboxPlan, WorkflowRef
from fabro_core.models.run_settings import EnvironmentSettings, RunGoalFile, WorkflowSettings
from fabro_core.runs.create.manifest import ManifestDraft
from fabro_core.runs.create.paths import beside, normal_path, workflow_slug
from fabro_core.runs.create.run_settings import layered_settings
from fabro_core.runs.fold.repository import repository_ref
from fabro_core.runs.fold.title import inferred_title, valid_title
from fabro_core.runs.workflow.compile import CompiledWorkflow, compile_workflow
from fabro_core.runs.workflow.rules import diagnose

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


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A run that may be created."""

    title: str
    title_inferred: bool
    goal: str
    parent_id: RunId | None
    workflow: WorkflowRef
    workflow_path: str
    """Of the target in the manifest, in normal form."""
    repository: RepositoryRef
    source_directory: str | None
    labels: dict[str, str]
    settings: WorkflowSettings
    sandbox: RunSandboxPlan
    graph: Graph
    """With the goal that the run has."""
    graph_source: str
    """The DOT text as submitted."""
    git: GitContext | None
    manifest: bytes
    """As submitted."""
    definition: bytes
    """JSON of the workflows that were submitted and which of them is run."""


def settle(
    draft: ManifestDraft, *, variables: Mapping[str, str], environments: Mapping[str, EnvironmentSettings]
) -> RunDraft:
    """Settles the settings, then checks title and parent id.

    `variables` need only hold what `draft.variables` names, as far as it exists; `environments` are the stored ones.
    Raises `InvalidRequest`.
    """
    manifest = draft.manifest
    settings = layered_settings(draft.layers, draft.args.overlay(), variables=variables, environments=environments)
    goal = _goal_override(draft, settings)
    title = None if manifest.title is None else valid_title(manifest.title)
    parent_id = None if manifest.parent_id is None else parse_run_id(manifest.parent_id)
    if manifest.parent_id is not None and parent_id is None:
        raise InvalidRequest("parent_id: must be a run id.")
    return RunDraft(manifest=draft, settings=settings, title=title, parent_id=parent_id, goal=goal)


def compile_target(draft: RunDraft) -> CompiledWorkflow:
    """The graph to be run, with the run's goal; it may break rules. Raises `WorkflowSyntaxError`."""
    manifest = draft.manifest
    workflow = compile_workflow(manifest.target.source, manifest.workflow_path)
    if draft.goal is None:
        return workflow
    graph = replace(workflow.graph, attrs={**workflow.graph.attrs, "goal": String(draft.goal)})
    return replace(workflow, graph=graph)


def compile_run(draft: RunDraft) -> RunPlan:
    """The plan of a run. Raises `InvalidRequest` when the graph is not one or breaks a rule of severity error."""
    workflow = compile_target(draft)
    _refuse_broken(workflow)
    manifest, settings, graph = draft.manifest, draft.settings, workflow.graph
    git = manifest.manifest.git or None
    source_directory = _source_directory(manifest.manifest.cwd, settings.run.working_dir)
    return RunPlan(
        title=draft.title or inferred_title(graph.goal),
        title_inferred=draft.title is None,
        goal=graph.goal,
        parent_id=draft.parent_id,
        workflow=WorkflowRef(
            slug=workflow_slug(manifest.workflow_path),
            name=settings.workflow.name,
            graph_name=graph.name or None,
            node_count=len(graph.nodes),
            edge_count=len(graph.edges),
        ),
        workflow_path=manifest.workflow_path,
        repository=repository_ref(git.origin_url if git else None, source_directory),
        source_directory=source_directory,
        labels={**settings.project.metadata, **settings.workflow.metadata, **settings.run.metadata},
        settings=settings,
        sandbox=_sandbox(settings),
        graph=graph,
        graph_source=manifest.target.source,
        git=git,
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


def _refuse_broken(workflow: CompiledWorkflow) -> None:
    errors = [diagnostic for diagnostic in diagnose(workflow) if diagnostic.severity == "error"]
    if errors:
        shown = " ".join(_shown(error) for error in errors[:_MAX_FAULTS_SHOWN])
        more = f" (and {len(errors) - _MAX_FAULTS_SHOWN} more)" if len(errors) > _MAX_FAULTS_SHOWN else ""
        raise InvalidRequest(f"{workflow.path}: {shown}{more}")


def _shown(error: WorkflowDiagnostic) -> str:
    return f"{error.rule}: {error.message}"


def _source_directory(cwd: str, working_dir: str | None) -> str | None:
    return (posixpath.join(cwd, working_dir) if working_dir else cwd) or None


def _sandbox(settings: WorkflowSettings) -> RunSandboxPlan:
    environment = settings.run.environment
    image = environment.image.docker if environment.provider == "docker" else None
    return RunSandboxPlan(provider=environment.provider, image=image, snapshot=None)
