"""What `is` can ask of a value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from fabro_core.runs.templates.faults import Misuse
from fabro_core.runs.templates.values import Undefined, Value, compare, contains, equal, is_list, is_number, kind_of
from fabro_core.runs.templates.work import Work

Predicate = Callable[..., bool]
"""Gets the work, the value and the arguments."""


def _whole(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Misuse(f"{kind_of(value)} is neither odd nor even")


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise Misuse(f"{kind_of(value)} is no text")


def _divisible_by(work: Work, value: Value, divisor: Value) -> bool:
    if _whole(divisor) == 0:
        raise Misuse("a division by zero")
    return _whole(value) % _whole(divisor) == 0


def _equal(work: Work, value: Value, other: Value) -> bool:
    return equal(value, other, work)


def _unequal(work: Work, value: Value, other: Value) -> bool:
    return not equal(value, other, work)


def _below(work: Work, value: Value, other: Value) -> bool:
    return compare(value, other, work) < 0


def _at_most(work: Work, value: Value, other: Value) -> bool:
    return compare(value, other, work) <= 0


def _above(work: Work, value: Value, other: Value) -> bool:
    return compare(value, other, work) > 0


def _at_least(work: Work, value: Value, other: Value) -> bool:
    return compare(value, other, work) >= 0


def _kind(*kinds: type) -> Predicate:
    def is_of_kind(work: Work, value: Value) -> bool:
        return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))

    return is_of_kind


PREDICATES: Final[Mapping[str, Predicate]] = {
    "boolean": _kind(bool),
    "defined": lambda work, value: not isinstance(value, Undefined),
    "divisibleby": _divisible_by,
    "endingwith": lambda work, value, end: _text(value).endswith(_text(end)),
    "eq": _equal,
    "equalto": _equal,
    "even": lambda work, value: _whole(value) % 2 == 0,
    "false": lambda work, value: value is False,
    "float": _kind(float),
    "ge": _at_least,
    "greaterthan": _above,
    "gt": _above,
    "in": lambda work, value, container: contains(container, value, work),
    "integer": _kind(int),
    "iterable": lambda work, value: isinstance(value, str | Mapping) or is_list(value),
    "le": _at_most,
    "lessthan": _below,
    "lower": lambda work, value: _text(value).islower(),
    "lt": _below,
    "mapping": lambda work, value: isinstance(value, Mapping),
    "ne": _unequal,
    "none": lambda work, value: value is None,
    "number": lambda work, value: is_number(value) and not isinstance(value, bool),
    "odd": lambda work, value: _whole(value) % 2 == 1,
    "sequence": lambda work, value: isinstance(value, str) or is_list(value),
    "startingwith": lambda work, value, start: _text(value).startswith(_text(start)),
    "string": _kind(str),
    "true": lambda work, value: value is True,
    "undefined": lambda work, value: isinstance(value, Undefined),
    "upper": lambda work, value: _text(value).isupper(),
    "==": _equal,
    "!=": _unequal,
    "<": _below,
    "<=": _at_most,
    ">": _above,
    ">=": _at_least,
}

BEAR_UNDEFINED: Final = frozenset({"defined", "undefined", "eq", "equalto", "==", "ne", "!=", "in", "none"})
"""Those that may be asked of what is undefined without using it."""


def test(work: Work, name: str, value: Value, arguments: list[Value], named: dict[str, Any]) -> bool:
    """The answer of the predicate `name`. Raises `Misuse`."""
    predicate = PREDICATES.get(name)
    if predicate is None:
        raise Misuse(f'there is no test "{name}"')
    if isinstance(value, Undefined) and name not in BEAR_UNDEFINED:
        work.used(value)
        return False
    work.look_at(value, *arguments)
    return bool(bound(predicate, name, work, value, arguments, named))


def bound(
    function: Callable[..., Value], name: str, work: Work, value: Value, arguments: list[Value], named: dict[str, Any]
) -> Value:
    """Call a filter or test. Raises `Misuse` for arguments that it does not take."""
    try:
        signature = _signature(function)
        signature.bind(work, value, *arguments, **named)
    except TypeError as error:
        raise Misuse(f'"{name}" does not take these arguments: {error}') from None
    return function(work, value, *arguments, **named)


_signature = cache(inspect.signature)
