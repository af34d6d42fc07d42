"""Rules about conversations that nodes share, and about parallel branches, which share none (language.md L13.3)."""

from __future__ import annotations

from collections.abc import Iterator

from fabro_core.models.graph import Attributes, Handler, WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.draft import DraftEdge
from fabro_core.runs.workflow.rules.subject import Subject, of_edge, of_graph, of_node, shown

_MAKE_FULL = 'Add fidelity="full", or remove thread_id.'
_REMOVE_THREAD = "Remove thread_id: a branch goes on from what the parallel node saw."
_LOWER = 'Use "summary:high" or less: branches cannot share a session.'


def thread_id_requires_fidelity_full(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A conversation is shared only where all of it is passed on."""
    rule, draft = "thread_id_requires_fidelity_full", subject.draft
    if _is_full(draft.attrs, "default_fidelity"):
        return
    for node in subject.nodes:
        if _has_thread(node.attrs) and not _is_full(node.attrs) and not _forks_into(subject, node.id):
            message = f'Node "{node.id}" has a thread_id, but its fidelity is not "full".'
            yield of_node(node, rule, "warning", message, key="thread_id", fix=_MAKE_FULL)
    for edge in subject.edges:
        target = draft.nodes.get(edge.target)
        full = _is_full(edge.attrs) or (target is not None and _is_full(target.attrs))
        if _has_thread(edge.attrs) and not full and not _is_fork(subject, edge):
            message = f'The edge {shown(edge)} has a thread_id, but neither it nor its target has fidelity "full".'
            yield of_edge(edge, rule, "warning", message, key="thread_id", fix=_MAKE_FULL)
    if text_of(draft.attrs, "default_thread") is not None:
        message = 'The graph has a default_thread, but its default_fidelity is not "full".'
        fix = 'Add default_fidelity="full", or remove default_thread.'
        yield of_graph(draft, rule, "warning", message, key="default_thread", fix=fix)


def parallel_branch_inert_attribute(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Nothing is said of branches that cannot be."""
    rule = "parallel_branch_inert_attribute"
    for edge in subject.edges:
        if _is_fork(subject, edge):
            for key, what, fix in _inert(edge.attrs):
                message = f'The {what} of the edge {shown(edge)} has no effect: "{edge.source}" starts branches.'
                yield of_edge(edge, rule, "warning", message, key=key, fix=fix)
    for node in sorted(subject.nodes, key=lambda node: node.id):
        for parallel in _forks_into(subject, node.id)[:1]:
            for key, what, fix in _inert(node.attrs):
                message = f'The {what} of node "{node.id}" has no effect: it is a branch of "{parallel}".'
                yield of_node(node, rule, "warning", message, key=key, fix=fix)


def _inert(attrs: Attributes) -> Iterator[tuple[str, str, str]]:
    """Key, what of it has no effect, and advice."""
    if _is_full(attrs):
        yield "fidelity", 'fidelity "full"', _LOWER
    if _has_thread(attrs):
        yield "thread_id", "thread_id", _REMOVE_THREAD


def _has_thread(attrs: Attributes) -> bool:
    return text_of(attrs, "thread_id") is not None


def _is_full(attrs: Attributes, key: str = "fidelity") -> bool:
    return text_of(attrs, key) == "full"


def _is_fork(subject: Subject, edge: DraftEdge) -> bool:
    return subject.handler(edge.source) is Handler.PARALLEL


def _forks_into(subject: Subject, node_id: str) -> list[str]:
    """The parallel nodes of which a node is a branch; none when anything else leads to it as well."""
    edges = subject.incoming.get(node_id, [])
    return [edge.source for edge in edges] if all(_is_fork(subject, edge) for edge in edges) else []
