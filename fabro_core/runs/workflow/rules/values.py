"""Rules about what single attributes say (language.md L13, rules 7 to 11, 13, 20, 27, 29)."""

from __future__ import annotations

from collections.abc import Iterator

from fabro_core.models.graph import Attributes, AttributeValue, Boolean, Duration, WorkflowDiagnostic
from fabro_core.runs.workflow import attributes
from fabro_core.runs.workflow.attributes import Type, Types, fits, text_of
from fabro_core.runs.workflow.conditions import ConditionError, parse_condition
from fabro_core.runs.workflow.draft import Origin
from fabro_core.runs.workflow.handlers import OLDER_TYPES, SHAPES, TYPES
from fabro_core.runs.workflow.literals import INTEGER
from fabro_core.runs.workflow.rules.subject import Subject, of_edge, of_graph, of_node, shown
from fabro_core.runs.workflow.stylesheet import StylesheetError, parse_stylesheet

FIDELITIES = ("full", "truncate", "compact", "summary:low", "summary:medium", "summary:high")
DIRECTIONS = ("TB", "LR", "BT", "RL")
SELECTIONS = ("deterministic", "random")
_CURRENT_TYPES = tuple(name for name in TYPES if name not in OLDER_TYPES)
_LONGEST_SHOWN = 60


def condition_syntax(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Every condition can be read."""
    for edge in subject.edges:
        condition = text_of(edge.attrs, "condition") or ""
        try:
            parse_condition(condition)
        except ConditionError as error:
            message = f'The condition "{condition}" of the edge {shown(edge)} cannot be read: {error}.'
            fix = "Write key=value, joined by && and ||; quote values that have blanks or signs."
            yield of_edge(edge, "condition_syntax", "error", message, key="condition", fix=fix)


def stylesheet_syntax(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """The stylesheet can be read."""
    try:
        parse_stylesheet(text_of(subject.draft.attrs, "model_stylesheet") or "")
    except StylesheetError as error:
        message = f"The model_stylesheet cannot be read: {error}."
        fix = "Write selector { property: value; }, where a selector is *, a shape, .class or #id."
        yield of_graph(subject.draft, "stylesheet_syntax", "error", message, key="model_stylesheet", fix=fix)


def type_known(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A `type` names a handler, by its current name."""
    for node in subject.nodes:
        kind = text_of(node.attrs, "type")
        if kind in OLDER_TYPES:
            current = OLDER_TYPES[kind]
            message = f'The type "{kind}" of node "{node.id}" is an older name of "{current}".'
            yield of_node(node, "type_known", "warning", message, key="type", fix=f"Write type={current}.")
        elif kind is not None and kind not in TYPES:
            message = f'The type "{kind}" of node "{node.id}" is not known; it is ignored.'
            fix = subject.meant(kind, _CURRENT_TYPES, f"Use one of {', '.join(_CURRENT_TYPES)}.")
            yield of_node(node, "type_known", "warning", message, key="type", fix=fix)


def shape_known(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A `shape` stands for a handler, unless something else names one."""
    ends = {*subject.roles.starts, *subject.roles.exits}
    for node in subject.nodes:
        shape = text_of(node.attrs, "shape")
        if shape is None or shape in SHAPES or node.id in ends or text_of(node.attrs, "type") in TYPES:
            continue
        message = f'The shape "{shape}" of node "{node.id}" is not known; the node is treated as a box.'
        fix = subject.meant(shape, SHAPES, f"Use one of {', '.join(SHAPES)}.")
        yield of_node(node, "shape_known", "warning", message, key="shape", fix=fix)


def attribute_type(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A value has the type of its attribute; one that has not counts as absent."""
    for node in subject.nodes:
        for key, message, fix in _misfits(attributes.NODE, node.attrs, node.origins, f'node "{node.id}"'):
            yield of_node(node, "attribute_type", "warning", message, key=key, fix=fix)
    for edge in subject.edges:
        for key, message, fix in _misfits(attributes.EDGE, edge.attrs, edge.origins, f"the edge {shown(edge)}"):
            yield of_edge(edge, "attribute_type", "warning", message, key=key, fix=fix)
    draft = subject.draft
    for key, message, fix in _misfits(attributes.GRAPH, draft.attrs, draft.origins, "the graph"):
        yield of_graph(draft, "attribute_type", "warning", message, key=key, fix=fix)


def _misfits(types: Types, attrs: Attributes, origins: dict[str, Origin], owner: str) -> Iterator[tuple[str, str, str]]:
    """Key, message and advice for each value that has not the type of its attribute."""
    for key, value in attrs.items():
        if fits(types, key, value):
            continue
        written = _written(value, origins.get(key))
        yield (
            key,
            f'The {key} "{written}" of {owner} is ignored: it has to be {types[key]}.',
            _advice(types[key], written),
        )


def _written(value: AttributeValue, origin: Origin | None) -> str:
    if origin is not None and origin.value is not None:
        return _shortened(origin.value.text)
    match value:
        case Duration(milliseconds):
            return f"{milliseconds}ms"
        case Boolean(truth):
            return str(truth).lower()
        case _:
            return _shortened(str(value.value))


def _advice(wanted: Type, written: str) -> str:
    match wanted:
        case Type.DURATION if INTEGER.fullmatch(written) and not written.startswith("-"):
            return f"Write {written}s for seconds, or another unit of ms, s, m, h, d."
        case Type.DURATION:
            return "Write a whole number with one unit of ms, s, m, h, d, as in 90s."
        case Type.BOOLEAN:
            return "Write true or false."
        case Type.POSITIVE:
            return "Write a whole number above 0."
        case _:
            return "Write a whole number of at most 64 bits."


def fidelity_valid(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """A fidelity is one of those that there are."""
    listed = f"Use one of {', '.join(FIDELITIES)}."
    for node in subject.nodes:
        value = text_of(node.attrs, "fidelity")
        if value is not None and value not in FIDELITIES:
            message = f'The fidelity "{_shortened(value)}" of node "{node.id}" is not known.'
            fix = subject.meant(value, FIDELITIES, listed)
            yield of_node(node, "fidelity_valid", "warning", message, key="fidelity", fix=fix)
    for edge in subject.edges:
        value = text_of(edge.attrs, "fidelity")
        if value is not None and value not in FIDELITIES:
            message = f'The fidelity "{_shortened(value)}" of the edge {shown(edge)} is not known.'
            fix = subject.meant(value, FIDELITIES, listed)
            yield of_edge(edge, "fidelity_valid", "warning", message, key="fidelity", fix=fix)
    value = text_of(subject.draft.attrs, "default_fidelity")
    if value is not None and value not in FIDELITIES:
        message = f'The default_fidelity "{_shortened(value)}" of the graph is not known.'
        fix = subject.meant(value, FIDELITIES, listed)
        yield of_graph(subject.draft, "fidelity_valid", "warning", message, key="default_fidelity", fix=fix)


def direction_valid(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """The graph is drawn in a direction that there is."""
    value = text_of(subject.draft.attrs, "rankdir")
    if value is not None and value not in DIRECTIONS:
        message = f'The rankdir "{_shortened(value)}" is not known.'
        fix = subject.meant(value, DIRECTIONS, f"Use one of {', '.join(DIRECTIONS)}.")
        yield of_graph(subject.draft, "direction_valid", "warning", message, key="rankdir", fix=fix)


def unresolved_file_ref(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """The file that a goal or a prompt refers to is in the manifest."""
    fix = "Send the file with the manifest, or correct its path: it is seen from the directory of the workflow file."
    of_goal = [each for each in subject.draft.unresolved if each.node_id is None]
    for each in subject.draft.unresolved:
        if each.node_id is not None:
            node = subject.draft.nodes[each.node_id]
            message = f'The prompt of node "{node.id}" refers to "{_shortened(each.reference)}", which is not there.'
            yield of_node(node, "unresolved_file_ref", "error", message, key="prompt", fix=fix)
    for each in of_goal:
        message = f'The goal refers to "{_shortened(each.reference)}", which is not there.'
        yield of_graph(subject.draft, "unresolved_file_ref", "error", message, key="goal", fix=fix)


def selection_valid(subject: Subject) -> Iterator[WorkflowDiagnostic]:
    """Edges are selected in a way that there is."""
    for node in subject.nodes:
        value = text_of(node.attrs, "selection")
        if value is not None and value not in SELECTIONS:
            message = f'The selection "{_shortened(value)}" of node "{node.id}" is not known.'
            fix = subject.meant(value, SELECTIONS, f"Use one of {', '.join(SELECTIONS)}.")
            yield of_node(node, "selection_valid", "warning", message, key="selection", fix=fix)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
