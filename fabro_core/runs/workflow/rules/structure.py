"""Rules about nodes and edges: starts, exits, ways, targets (language.md L13, rules 1 to 6, 14, 21 to 23)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.diagnostics import diagnostic
from fabro_core.runs.workflow.draft import DraftEdge, Origin
from fabro_core.runs.workflow.handlers import EXIT_SHAPE, START_SHAPE
from fabro_core.runs.workflow.rules.subject import Subject, has_condition, of_graph, of_node, shown

RETRY_TARGETS = ("retry_target", "fallback_retry_target")
_RESERVED = frozenset({"graph", "digraph", "subgraph", "node", "edge", "strict", "if"})


def start_node(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """There is exactly one start."""
    yield from _exactly_one(subject, "start_node", "start", subject.roles.starts, START_SHAPE)


def terminal_node(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """There is exactly one exit."""
    yield from _exactly_one(subject, "terminal_node", "exit", subject.roles.exits, EXIT_SHAPE)


def _exactly_one(
    subject: Subject, rule: str, what: str, found: tuple[str, ...], shape: str
) -> Iterator[WorkflowDiagnostic]:
    if not found:
        message, fix = f"The graph has no {what} node.", f"Add a node with shape={shape}."
        yield of_graph(subject.draft, rule, "error", message, fix=fix)
    elif len(found) > 1:
        names = ", ".join(f'"{node_id}"' for node_id in found[:5]) + (", .." if len(found) > 5 else "")
        message = f"The graph has {len(found)} {what} nodes: {names}."
        fix = f"Keep one node with shape={shape}, and give the others another shape and id."
        first, second, *further = (subject.draft.nodes[node_id] for node_id in found)
        also = ((f'"{node.id}" is a {what} node, too.', node.origin) for node in (first, *further))
        yield diagnostic(rule, "error", message, fix=fix, origin=second.origin, related=also)


def reachability(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Every node can be reached from the start. Without a start nothing is said: `start_node` says it."""
    if not subject.roles.starts:
        return
    reached = _reached_from(_first_start(subject), subject)
    for node in subject.nodes:
        if node.id not in reached:
            message = f'No path leads from the start to "{node.id}".'
            yield of_node(node, "reachability", "warning", message, fix="Add an edge to the node, or remove it.")


def _first_start(subject: Subject) -> str:
    by_shape = (
        node_id
        for node_id in subject.roles.starts
        if text_of(subject.draft.nodes[node_id].attrs, "shape") == START_SHAPE
    )
    return next(by_shape, subject.roles.starts[0])


def _reached_from(start: str, subject: Subject) -> set[str]:
    reached, ahead = {start}, [start]
    while ahead:
        for edge in subject.outgoing.get(ahead.pop(), ()):
            if edge.target not in reached:
                reached.add(edge.target)
                ahead.append(edge.target)
    return reached


def edge_target_exists(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Both ends of every edge are declared by a node statement; each id that is not is told of once."""
    told: set[str] = set()
    for edge in subject.edges:
        for end in (edge.source, edge.target):
            if end in subject.draft.nodes or end in told:
                continue
            told.add(end)
            yield diagnostic(
                "edge_target_exists",
                "error",
                f'The edge {shown(edge)} names "{end}", which no node statement declares.',
                node_id=end,
                edge=(edge.source, edge.target),
                fix=subject.meant(end, subject.draft.nodes, f'Declare "{end}" with a statement of its own.'),
                origin=edge.origin,
            )


def start_no_incoming(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Nothing leads back to the start."""
    for node_id in subject.roles.starts:
        if edges := subject.incoming.get(node_id, ()):
            message = f'{_lead(edges)} into the start node "{node_id}".'
            fix = "Lead them to the first node after the start."
            yield of_node(
                subject.draft.nodes[node_id], "start_no_incoming", "error", message, fix=fix, related=_places(edges)
            )


def exit_no_outgoing(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Nothing follows an exit."""
    for node_id in subject.roles.exits:
        if edges := subject.outgoing.get(node_id, ()):
            message = f'{_lead(edges)} out of the exit node "{node_id}".'
            fix = "Remove them, or let a node before the exit decide."
            yield of_node(
                subject.draft.nodes[node_id], "exit_no_outgoing", "error", message, fix=fix, related=_places(edges)
            )


def _lead(edges: Sequence[DraftEdge]) -> str:
    return "1 edge leads" if len(edges) == 1 else f"{len(edges)} edges lead"


def _places(edges: Iterable[DraftEdge]) -> Iterator[tuple[str, Origin]]:
    return ((f"The edge {shown(edge)}.", edge.origin) for edge in edges)


def retry_target_exists(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Where a failure goes to is a node."""
    ids = subject.draft.nodes
    for node in subject.nodes:
        for key in RETRY_TARGETS:
            target = text_of(node.attrs, key)
            if target is not None and target not in ids:
                message = f'The {key} "{target}" of node "{node.id}" is no node of the graph.'
                fix = subject.meant(target, ids, "Name a node of the graph.")
                yield of_node(node, "retry_target_exists", "warning", message, key=key, fix=fix)
    for key in RETRY_TARGETS:
        target = text_of(subject.draft.attrs, key)
        if target is not None and target not in ids:
            message = f'The {key} "{target}" of the graph is none of its nodes.'
            fix = subject.meant(target, ids, "Name a node of the graph.")
            yield of_graph(subject.draft, "retry_target_exists", "warning", message, key=key, fix=fix)


def reserved_keyword_node_id(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """No node is called like a word of the language."""
    for node in subject.nodes:
        if node.id.lower() in _RESERVED:
            message = f'The node "{node.id}" is called like a word of the language, and other tools may misread it.'
            yield of_node(node, "reserved_keyword_node_id", "warning", message, fix="Give it another id.")


def all_conditional_edges(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A node from which edges lead has one that is taken when no condition holds."""
    for node in subject.nodes:
        if _only_conditions_lead_on(subject, node.id):
            message = f'Every edge out of node "{node.id}" has a condition; when none holds, the run cannot go on.'
            fix = "Add an edge without a condition."
            yield of_node(node, "all_conditional_edges", "error", message, fix=fix)


def orphan_custom_outcome(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """An outcome that no edge names leads somewhere."""
    for node in subject.nodes:
        if _only_conditions_lead_on(subject, node.id) and _asks_for_outcome(subject, node.id):
            message = f'The edges out of node "{node.id}" name outcomes; any other one leads nowhere.'
            fix = "Add an edge without a condition for every other outcome."
            yield of_node(node, "orphan_custom_outcome", "warning", message, fix=fix)


def random_selection_no_conditions(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Chance and conditions do not choose at the same node."""
    counts = Counter(edge.source for edge in subject.edges if has_condition(edge))
    for node in subject.nodes:
        if text_of(node.attrs, "selection") == "random" and counts[node.id]:
            message = f'Node "{node.id}" selects at random, and {counts[node.id]} of its edges have a condition.'
            fix = "Remove the conditions, or selection=random."
            yield of_node(node, "random_selection_no_conditions", "error", message, key="selection", fix=fix)


def _only_conditions_lead_on(subject: Subject, node_id: str) -> bool:
    edges = subject.outgoing.get(node_id, ())
    return bool(edges) and all(has_condition(edge) for edge in edges)


def _asks_for_outcome(subject: Subject, node_id: str) -> bool:
    return any(
        part.strip().startswith("outcome=")
        for edge in subject.outgoing.get(node_id, ())
        for part in (text_of(edge.attrs, "condition") or "").split("&&")
    )
