"""The attributes that the language knows, and the type that each value of them has (language.md L5).

Typing is by attribute: `timeout="900s"` and `timeout=900s` mean the same, `label=5` is the text 5. A value that does
not fit keeps the type of its form; whoever reads attributes through `text_of` and its like sees it as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from fabro_core.models.graph import Attributes, AttributeValue, Boolean, Duration, Integer, String
from fabro_core.runs.workflow.literals import BOOLEANS, INTEGER, OutOfRange, bare, duration, integer
from fabro_core.runs.workflow.statements import Value


class Type(StrEnum):
    """What the value of an attribute is; the values are what messages call it."""

    TEXT = "a text"
    INTEGER = "an integer"
    POSITIVE = "an integer above 0"
    BOOLEAN = "a boolean, true or false"
    DURATION = "a duration"


Types = Mapping[str, Type]
"""Types by the names of attributes."""


def _texts(names: str) -> dict[str, Type]:
    return dict.fromkeys(names.split(), Type.TEXT)


GRAPH: Types = {
    **_texts("goal label rankdir model_stylesheet default_model default_provider default_fidelity default_thread"),
    **_texts("retry_target fallback_retry_target"),
    "default_max_retries": Type.INTEGER,
    "max_node_visits": Type.INTEGER,
    "loop_restart_signature_limit": Type.POSITIVE,
    "stall_timeout": Type.DURATION,
    "failure_fallthrough": Type.BOOLEAN,
}
"""L5.2."""

NODE: Types = {
    **_texts("label shape type class retry_policy retry_target fallback_retry_target selection fidelity thread_id"),
    **_texts("prompt model provider reasoning_effort speed backend acp.command acp.config output_schema"),
    **_texts("permission_level script language stdin_source for_each question_type human.default_choice"),
    **_texts("stack.child_workflow stack.child_dot_source manager.stop_condition import"),
    "timeout": Type.DURATION,
    "max_visits": Type.INTEGER,
    "max_retries": Type.INTEGER,
    "goal_gate": Type.BOOLEAN,
    "auto_status": Type.BOOLEAN,
    "allow_partial": Type.BOOLEAN,
    "max_tokens": Type.POSITIVE,
    "project_memory": Type.BOOLEAN,
    "output_retries": Type.INTEGER,
    "duration": Type.DURATION,
    "max_parallel": Type.INTEGER,
    "review_target": Type.BOOLEAN,
    "manager.poll_interval": Type.DURATION,
    "manager.max_cycles": Type.INTEGER,
}
"""L5.3."""

EDGE: Types = {
    **_texts("label condition fidelity thread_id"),
    "weight": Type.INTEGER,
    "loop_restart": Type.BOOLEAN,
    "freeform": Type.BOOLEAN,
}
"""L5.4."""


def typed(types: Types, key: str, value: Value) -> AttributeValue:
    """The value of an attribute as it is stored."""
    wanted = types.get(key)
    if wanted is None:
        return _of_unknown(value)
    return _of_type(wanted, value.text) or _of_form(value)


def fits(types: Types, key: str, value: AttributeValue) -> bool:
    """Whether a stored value has the type of its attribute; attributes that are not known fit always."""
    match types.get(key):
        case None:
            return True
        case Type.TEXT:
            return isinstance(value, String)
        case Type.INTEGER:
            return isinstance(value, Integer)
        case Type.POSITIVE:
            return isinstance(value, Integer) and value.value > 0
        case Type.BOOLEAN:
            return isinstance(value, Boolean)
        case Type.DURATION:
            return isinstance(value, Duration)


def text_of(attrs: Attributes, key: str) -> str | None:
    """The text of an attribute; None when it is absent or no text."""
    value = attrs.get(key)
    return value.value if isinstance(value, String) else None


def is_true(attrs: Attributes, key: str) -> bool:
    """Whether an attribute is there and `true`."""
    return attrs.get(key) == Boolean(True)


def _of_type(wanted: Type, text: str) -> AttributeValue | None:
    try:
        match wanted:
            case Type.TEXT:
                return String(text)
            case Type.INTEGER | Type.POSITIVE:
                return Integer(integer(text)) if INTEGER.fullmatch(text) else None
            case Type.BOOLEAN:
                return BOOLEANS.get(text)
            case Type.DURATION:
                return Duration(0) if text == "0" else duration(text)
    except OutOfRange:
        return None


def _of_form(value: Value) -> AttributeValue:
    """The value by its spelling alone. The lexer has refused bare words that have no form."""
    return String(value.text) if value.quoted else (bare(value.text) or String(value.text))


def _of_unknown(value: Value) -> AttributeValue:
    if not value.quoted:
        return _of_form(value)
    try:
        return duration(value.text) or String(value.text)
    except OutOfRange:
        return String(value.text)
