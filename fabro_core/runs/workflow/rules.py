"""The rules that a compiled graph must keep to be run (runs.md R8.5): one function a rule, in the order of reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from fabro_core.models.graph import GraphEdge, Handler, String, WorkflowDiagnostic
from fabro_core.runs.workflow.compile import CompiledWorkflow
from fabro_core.runs.workflow.handlers import SHAPES, TYPES

Rule = Callable[[CompiledWorkflow], Iterator[WorkflowDiagnostic]]


def diagnose(workflow: CompiledWorkflow) -> tuple[WorkflowDiagnostic, ...]:
    """Everything that is wrong with the graph; empty when nothing is."""
    return tuple(diagnostic for rule in RULES for diagnostic in rule(workflow))


def start_node(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """There is exactly one start."""
    starts = _nodes_with(workflow, Handler.START)
    if not starts:
        yield WorkflowDiagnostic(
            rule="start_node",
            severity="error",
            message="The graph has no start node.",
            fix="Add a node with shape=Mdiamond.",
        )
    for extra in starts[1:]:
        yield WorkflowDiagnostic(
            rule="start_node",
            severity="error",
            message=f'"{extra}" is a second start node beside "{starts[0]}".',
            node_id=extra,
            fix="Keep one node with shape=Mdiamond.",
        )


def terminal_node(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """There is an exit."""
    if not _nodes_with(workflow, Handler.EXIT):
        yield WorkflowDiagnostic(
            rule="terminal_node",
            severity="error",
            message="The graph has no exit node.",
            fix="Add a node with shape=Msquare.",
        )


def edge_target_exists(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """Both ends of every edge are declared by a node statement."""
    for edge in workflow.graph.edges:
        for end in dict.fromkeys((edge.source, edge.target)):
            if end not in workflow.graph.nodes:
                yield WorkflowDiagnostic(
                    rule="edge_target_exists",
                    severity="error",
                    message=f'The edge {_shown(edge)} names "{end}", which has no node statement.',
                    edge=(edge.source, edge.target),
                    fix=f'Declare "{end}" with a statement of its own.',
                )


def start_no_incoming(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """Nothing leads back to the start."""
    for edge in workflow.graph.edges:
        if workflow.handlers.get(edge.target) is Handler.START:
            yield WorkflowDiagnostic(
                rule="start_no_incoming",
                severity="error",
                message=f"The edge {_shown(edge)} enters a start node.",
                edge=(edge.source, edge.target),
                fix="Lead the edge to the first node after the start.",
            )


def exit_no_outgoing(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """Nothing follows an exit."""
    for edge in workflow.graph.edges:
        if workflow.handlers.get(edge.source) is Handler.EXIT:
            yield WorkflowDiagnostic(
                rule="exit_no_outgoing",
                severity="error",
                message=f"The edge {_shown(edge)} leaves an exit node.",
                edge=(edge.source, edge.target),
                fix="Remove the edge, or give its first node another shape.",
            )


def reachability(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """Every node can be reached from the start. Without a start nothing is said: `start_node` says it."""
    starts = _nodes_with(workflow, Handler.START)
    reached = _reached_from(starts, workflow)
    for node_id in workflow.graph.nodes:
        if starts and node_id not in reached:
            yield WorkflowDiagnostic(
                rule="reachability",
                severity="error",
                message=f'"{node_id}" cannot be reached from the start node.',
                node_id=node_id,
                fix="Add an edge that leads to the node, or remove it.",
            )


def type_known(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """A `type` names a handler."""
    yield from _known_values(workflow, "type", tuple(TYPES), "type_known", "it is ignored")


def shape_known(workflow: CompiledWorkflow) -> Iterator[WorkflowDiagnostic]:
    """A `shape` stands for a handler."""
    yield from _known_values(workflow, "shape", tuple(SHAPES), "shape_known", "the node is treated as a box")


RULES: tuple[Rule, ...] = (
    start_node,
    terminal_node,
    edge_target_exists,
    start_no_incoming,
    exit_no_outgoing,
    reachability,
    type_known,
    shape_known,
)


def _nodes_with(workflow: CompiledWorkflow, handler: Handler) -> list[str]:
    return [node_id for node_id, executes in workflow.handlers.items() if executes is handler]


def _reached_from(starts: list[str], workflow: CompiledWorkflow) -> set[str]:
    followers: defaultdict[str, list[str]] = defaultdict(list)
    for edge in workflow.graph.edges:
        followers[edge.source].append(edge.target)
    reached, ahead = set(starts), list(starts)
    while ahead:
        for node_id in followers[ahead.pop()]:
            if node_id not in reached:
                reached.add(node_id)
                ahead.append(node_id)
    return reached


def _known_values(
    workflow: CompiledWorkflow, key: str, known: tuple[str, ...], rule: str, consequence: str
) -> Iterator[WorkflowDiagnostic]:
    for node in workflow.graph.nodes.values():
        value = node.attrs.get(key)
        if value is None or (isinstance(value, String) and value.value in known):
            continue
        shown = f'Unknown {key} "{value.value}"' if isinstance(value, String) else f"The {key} is not a text"
        yield WorkflowDiagnostic(
            rule=rule,
            severity="warning",
            message=f'{shown} of node "{node.id}": {consequence}.',
            node_id=node.id,
            fix=f"Use one of {', '.join(known)}.",
        )


def _shown(edge: GraphEdge) -> str:
    return f'"{edge.source}" -> "{edge.target}"'
