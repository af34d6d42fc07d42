"""Template syntax where nothing is rendered, which is text there (language.md L10.1)."""

from __future__ import annotations

from collections.abc import Iterator

from fabro_core.models.graph import Attributes, Handler, String, WorkflowDiagnostic
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.workflow.diagnostics import diagnostic
from fabro_core.runs.workflow.draft import Draft, Origin
from fabro_core.runs.workflow.handlers import Roles

_RULE = "detemplated_attribute"
_OF_NODES = frozenset({"prompt", "import", "stack.child_workflow", "stack.child_dot_source", "output_schema"})
"""Rendered, refused or meant to be text."""
_FIX = "Remove the braces, or move what varies into the goal, a prompt or the script of a command."


def detemplated_attribute(draft: Draft, roles: Roles) -> Iterator[WorkflowDiagnostic]:
    """One diagnostic for each attribute that looks like a template and is none."""
    for key in _templates(draft.attrs):
        if key != "goal":
            yield _found(key, "the graph", draft.origins)
    for node in draft.nodes.values():
        read = _OF_NODES | ({"script"} if roles.handlers[node.id] is Handler.COMMAND else set())
        for key in _templates(node.attrs):
            if key not in read:
                yield _found(key, f'node "{node.id}"', node.origins, node_id=node.id)
    for edge in draft.edges:
        for key in _templates(edge.attrs):
            ends = (edge.source, edge.target)
            yield _found(key, f'the edge "{edge.source}" -> "{edge.target}"', edge.origins, edge=ends)


def _templates(attrs: Attributes) -> list[str]:
    return [key for key, value in attrs.items() if isinstance(value, String) and is_template(value.value)]


def _found(
    key: str,
    owner: str,
    origins: dict[str, Origin],
    *,
    node_id: str | None = None,
    edge: tuple[str, str] | None = None,
) -> WorkflowDiagnostic:
    message = f"The {key} of {owner} is no template; its braces are text."
    return diagnostic(_RULE, "warning", message, node_id=node_id, edge=edge, fix=_FIX, origin=origins.get(key))
