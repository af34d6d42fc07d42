"""The values of templates: how they print (language.md L10.4), compare and are looked into."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from fabro_core.runs.templates.faults import Misuse, TemplatePlace
from fabro_core.runs.templates.work import MAX_DEPTH, MAX_TEXT_CHARS, Work

Value = Any
"""A text, number, boolean or None, a list or map of values, or one of the objects below."""

_INT64: Final = range(-(2**63), 2**63)


class Undefined:
    """What a name stands for that nothing is bound to."""

    __slots__ = ("at", "expression")

    def __init__(self, expression: str, at: TemplatePlace | None = None) -> None:
        self.expression = expression
        """As it is written in the template."""
        self.at = at


class Opaque:
    """A value that a template can use in its own ways only: a macro, a loop, a namespace."""

    kind = "object"

    def member(self, name: str) -> Value:
        """The member of that name. Raises `KeyError`."""
        raise KeyError(name)


class Namespace(Opaque):
    """`namespace()`: the one value that a template can change."""

    kind = "namespace"

    def __init__(self, members: dict[str, Value]) -> None:
        self.members = members

    def member(self, name: str) -> Value:
        return self.members[name]


def kind_of(value: Value) -> str:
    """What messages call a value of this kind."""
    match value:
        case Undefined():
            return "undefined"
        case None:
            return "none"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a map"
        case Opaque():
            return f"a {value.kind}"
        case _:
            return "an object"


def number(value: int | float) -> int | float:
    """The number itself. Raises `Misuse` for one that is not finite or needs more than 64 bits."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Misuse("a number that is not finite")
    elif value not in _INT64:
        raise Misuse("a number that needs more than 64 bits")
    return value


def is_number(value: Value) -> bool:
    return isinstance(value, int | float)


def is_list(value: Value) -> bool:
    return isinstance(value, list | tuple)


def length_of(value: Value) -> int:
    """Raises `Misuse` for what has no length."""
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise Misuse(f"{kind_of(value)} has no length")


def truth_of(value: Value, work: Work) -> bool:
    """Whether a condition holds; what is undefined counts as false."""
    if isinstance(value, Undefined):
        work.used(value)
        return False
    return bool(value)


def items_of(value: Value, work: Work) -> Sequence[Value]:
    """What a loop goes through: items, keys of a map, characters. Raises `Misuse`."""
    if isinstance(value, Undefined):
        work.used(value)
        return ()
    if isinstance(value, str | Mapping):
        work.items(len(value))
        return list(value)
    if is_list(value):
        work.step(len(value) // 8 + 1)
        return value  # type: ignore[no-any-return]
    raise Misuse(f"{kind_of(value)} cannot be gone through")


# -- printing ---------------------------------------------------------------------------------------------------


def text_of(value: Value, work: Work) -> str:
    """A value as it is printed. What is undefined prints as nothing."""
    match value:
        case str():
            return value
        case Undefined():
            work.used(value)
            return ""
        case None:
            return "none"
        case bool() | int() | float():
            return scalar_text(value)
        case _:
            return json_text(value, work)


def scalar_text(value: bool | int | float) -> str:
    """`true`, `42`, `2.0`: floats as short as they can be, never with an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def json_text(value: Value, work: Work, indent: int | None = None) -> str:
    """A value as JSON; `indent` as for `json.dumps`."""
    parts: list[str] = []
    chars = 0
    for part in _json_parts(value, work, indent, 0):
        work.text(len(part))
        chars += len(part)
        if chars > MAX_TEXT_CHARS:
            break
        parts.append(part)
    work.text(chars)
    return "".join(parts)


def _json_parts(value: Value, work: Work, indent: int | None, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise Misuse("a value that is nested too deeply")
    match value:
        case Undefined():
            work.used(value)
            yield "null"
        case None:
            yield "null"
        case str():
            work.text(len(value))
            yield json.dumps(value, ensure_ascii=False)
        case bool() | int() | float():
            yield scalar_text(value)
        case list() | tuple():
            yield from _json_group(("[", "]"), ((("", item)) for item in value), work, indent, depth)
        case Mapping():
            pairs = ((f"{json.dumps(str(key), ensure_ascii=False)}: ", item) for key, item in value.items())
            yield from _json_group(("{", "}"), pairs, work, indent, depth)
        case Namespace():
            yield from _json_parts(value.members, work, indent, depth)
        case _:
            raise Misuse(f"{kind_of(value)} cannot be printed")


def _json_group(
    brackets: tuple[str, str], entries: Iterator[tuple[str, Value]], work: Work, indent: int | None, depth: int
) -> Iterator[str]:
    opening, closing = brackets
    inner, outer = ("", "") if indent is None else ("\n" + " " * indent * (depth + 1), "\n" + " " * indent * depth)
    yield opening
    empty = True
    for key, item in entries:
        yield f"{'' if empty else ',' if indent is not None else ', '}{inner}{key}"
        yield from _json_parts(item, work, indent, depth + 1)
        empty = False
    yield closing if empty else f"{outer}{closing}"


# -- comparing --------------------------------------------------------------------------------------------------


def equal(left: Value, right: Value, work: Work, depth: int = 0) -> bool:
    """Whether two values are the same. Counted, as lists of lists can be larger than the memory they take."""
    work.step()
    if left is right:
        return True
    if depth > MAX_DEPTH:
        raise Misuse("values that are nested too deeply to be compared")
    if is_list(left) and is_list(right):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(equal(ours, theirs, work, depth + 1) for ours, theirs in pairs)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key], work, depth + 1) for key in left)
    if isinstance(left, Undefined) and isinstance(right, Undefined):
        return True
    if isinstance(left, Undefined | Opaque | list | tuple | Mapping):
        return False
    work.look_at(left, right)
    return bool(left == right)


def compare(left: Value, right: Value, work: Work, depth: int = 0) -> int:
    """Below 0 when `left` comes first, above when it comes last. Raises `Misuse` for what has no order."""
    work.step()
    if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        work.look_at(left, right)
        return int(left > right) - int(left < right)
    if is_list(left) and is_list(right) and depth < MAX_DEPTH:
        for ours, theirs in zip(left, right, strict=False):
            if order := compare(ours, theirs, work, depth + 1):
                return order
        return len(left) - len(right)
    raise Misuse(f"{kind_of(left)} and {kind_of(right)} have no order")


def contains(container: Value, item: Value, work: Work) -> bool:
    """`item in container`. Raises `Misuse`."""
    match container:
        case str():
            if not isinstance(item, str):
                raise Misuse(f"{kind_of(item)} cannot be in a text")
            work.look_at(container, item)
            return item in container
        case Mapping():
            work.look_at(item)
            return isinstance(item, str | int | float | None) and item in container
        case list() | tuple():
            return any(equal(each, item, work) for each in container)
        case _:
            raise Misuse(f"nothing can be in {kind_of(container)}")


# -- looking into values ----------------------------------------------------------------------------------------


def member(value: Value, key: Value, work: Work) -> Value:
    """`value[key]` and `value.key`. Raises `KeyError` when there is none."""
    work.look_at(key)
    if isinstance(value, Opaque):
        if isinstance(key, str):
            return value.member(key)
    elif isinstance(value, Mapping):
        if isinstance(key, str | int | float | bool | None):
            return value[key]
    elif isinstance(value, str | list | tuple) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    raise KeyError(key)
