"""Rules about what the handler of a node needs and reads (language.md L13, rules 15 to 19, 24 to 26, 31, 32)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabro_core.models.graph import Handler, WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import NODE, fits, is_true, text_of
from fabro_core.runs.workflow.draft import DraftNode
from fabro_core.runs.workflow.rules.structure import RETRY_TARGETS
from fabro_core.runs.workflow.rules.subject import Subject, is_blank, of_node

READ_BY: dict[str, tuple[Handler, ...]] = {
    "script": (Handler.COMMAND,),
    "language": (Handler.COMMAND,),
    "stdin_source": (Handler.COMMAND,),
    "duration": (Handler.WAIT,),
    "max_parallel": (Handler.PARALLEL,),
    "output_retries": (Handler.AGENT, Handler.PROMPT),
    "output_schema": (Handler.AGENT, Handler.PROMPT, Handler.COMMAND),
    "prompt": (Handler.AGENT, Handler.PROMPT, Handler.PARALLEL_FAN_IN),
    "review_target": (Handler.HUMAN,),
}
"""Attributes that some handlers read and others ignore, and who reads them (L13.4)."""

_ABSOLUTE_CD = re.compile(r"\bcd[ \t\r\n]++/")


def goal_gate_has_retry(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A node that must have succeeded says where to go when it has not."""
    if any(text_of(subject.draft.attrs, key) is not None for key in RETRY_TARGETS):
        return
    for node in subject.nodes:
        if is_true(node.attrs, "goal_gate") and all(text_of(node.attrs, key) is None for key in RETRY_TARGETS):
            message = f'Node "{node.id}" is a goal gate, and nothing says where to go when it has not succeeded.'
            fix = "Add retry_target to the node or the graph."
            yield of_node(node, "goal_gate_has_retry", "warning", message, key="goal_gate", fix=fix)


def prompt_on_llm_nodes(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A model is told something."""
    for node in subject.handled_by(Handler.AGENT, Handler.PROMPT):
        if not text_of(node.attrs, "prompt") and not text_of(node.attrs, "label"):
            message = f'Node "{node.id}" has neither a prompt nor a label: there is nothing to ask of a model.'
            yield of_node(node, "prompt_on_llm_nodes", "warning", message, key="prompt", fix="Add a prompt.")


def freeform_edge_count(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Free text leads one way."""
    for node in subject.handled_by(Handler.HUMAN):
        count = sum(is_true(edge.attrs, "freeform") for edge in subject.outgoing.get(node.id, ()))
        if count > 1:
            message = f'Node "{node.id}" has {count} edges with freeform=true; free text can lead one way only.'
            fix = "Keep freeform=true on one edge."
            yield of_node(node, "freeform_edge_count", "error", message, fix=fix)


def for_each_contract(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A branch for each item of a list is one agent or prompt behind a parallel node."""
    for node in subject.nodes:
        if text_of(node.attrs, "for_each") is not None and subject.handler(node.id) is not None:
            for message, fix in _for_each_faults(subject, node):
                said = f'The for_each of node "{node.id}": {message}.'
                yield of_node(node, "for_each_contract", "error", said, key="for_each", fix=fix)


def _for_each_faults(subject: Subject, node: DraftNode) -> Iterator[tuple[str, str]]:
    if subject.handler(node.id) is not Handler.PARALLEL:
        yield f"only parallel nodes read it, this is {subject.handler(node.id)}", "Use shape=component, or remove it."
        return
    if is_blank(node.attrs, "for_each"):
        yield "it is blank", "Name the context key of a list."
    edges = subject.outgoing.get(node.id, [])
    if len(edges) != 1:
        yield f"exactly one edge has to lead from the node, there are {len(edges)}", "Keep the edge to the branch."
        return
    target = subject.draft.nodes.get(edges[0].target)
    if target is None:
        return
    if text_of(target.attrs, "for_each") is not None:
        yield f'its branch "{target.id}" has a for_each as well', "Put one of the two into a workflow of its own."
    if subject.handler(target.id) not in (Handler.AGENT, Handler.PROMPT, None):
        message = f'its branch "{target.id}" is {subject.handler(target.id)}, neither agent nor prompt'
        yield message, "Lead the edge to an agent or a prompt."


def stdin_source_valid(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """The standard input of a command comes from a context key."""
    for node in subject.handled_by(Handler.COMMAND):
        if is_blank(node.attrs, "stdin_source"):
            message = f'The stdin_source of node "{node.id}" is blank.'
            fix = "Name a context key, or remove the attribute."
            yield of_node(node, "stdin_source_valid", "error", message, key="stdin_source", fix=fix)


def script_absolute_cd(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A command stays in its workspace."""
    for node in subject.handled_by(Handler.COMMAND):
        if _ABSOLUTE_CD.search(text_of(node.attrs, "script") or ""):
            message = f'The script of node "{node.id}" changes to an absolute path, which other machines may not have.'
            fix = "Use a path below the workspace, in which scripts start."
            yield of_node(node, "script_absolute_cd", "warning", message, key="script", fix=fix)


def command_requires_script(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A command has something to run."""
    for node in subject.handled_by(Handler.COMMAND):
        if not (text_of(node.attrs, "script") or "").strip():
            message = f'Node "{node.id}" is a command without a script.'
            yield of_node(node, "command_requires_script", "error", message, key="script", fix="Add a script.")


def join_policy_removed(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Nobody relies on what was removed."""
    for node in subject.nodes:
        if "join_policy" in node.attrs:
            message = f'Node "{node.id}" has a join_policy, which was removed: all branches are waited for.'
            yield of_node(node, "join_policy_removed", "error", message, key="join_policy", fix="Remove join_policy.")


def script_prompt_conflict(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A node runs a script or asks a model."""
    for node in subject.nodes:
        if _has_both(node):
            message = f'Node "{node.id}" has a script and a prompt; nothing reads both.'
            fix = "Keep one of them, and put the other into a node of its own."
            yield of_node(node, "script_prompt_conflict", "error", message, key="prompt", fix=fix)


def inert_attribute(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """What is written is read."""
    for node in subject.nodes:
        handler = subject.handler(node.id)
        if handler is None:
            continue
        for key, readers in READ_BY.items():
            if handler in readers or key not in node.attrs or not fits(NODE, key, node.attrs[key]):
                continue
            if key in ("script", "prompt") and _has_both(node):
                continue
            names = ", ".join(readers)
            message = f'The {key} of node "{node.id}" has no effect: {names} nodes read it, this is {handler}.'
            fix = f"Remove {key}, or make the node one of {names}."
            yield of_node(node, "inert_attribute", "warning", message, key=key, fix=fix)


def _has_both(node: DraftNode) -> bool:
    return "script" in node.attrs and "prompt" in node.attrs
