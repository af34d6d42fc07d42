"""Arithmetic of templates, within bounds: no operator makes a value that is larger than what a template may make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fabro_core.runs.templates.faults import Misuse
from fabro_core.runs.templates.values import Value, is_list, is_number, kind_of, number
from fabro_core.runs.templates.work import Work

Operator = Callable[[Value, Value, Work], Value]

_MAX_EXPONENT: Final = 64
"""More than any whole number but 0, 1 and -1 can bear."""


def add(left: Value, right: Value, work: Work) -> Value:
    if is_number(left) and is_number(right):
        return number(left + right)
    if isinstance(left, str) and isinstance(right, str):
        work.text(len(left) + len(right))
        return left + right
    if is_list(left) and is_list(right):
        work.items(len(left) + len(right))
        return [*left, *right]
    raise _cannot("added", left, right)


def subtract(left: Value, right: Value, work: Work) -> Value:
    _require_numbers("subtracted", left, right)
    return number(left - right)


def multiply(left: Value, right: Value, work: Work) -> Value:
    if is_number(left) and is_number(right):
        return number(left * right)
    if isinstance(left, int):
        left, right = right, left
    if isinstance(right, int):
        times = max(right, 0)
        if isinstance(left, str):
            work.text(len(left) * times)
            return left * times
        if is_list(left):
            work.items(len(left) * times)
            return list(left) * times
    raise _cannot("multiplied", left, right)


def divide(left: Value, right: Value, work: Work) -> Value:
    _require_divisor(left, right)
    return number(left / right)


def floor_divide(left: Value, right: Value, work: Work) -> Value:
    _require_divisor(left, right)
    return number(left // right)


def modulo(left: Value, right: Value, work: Work) -> Value:
    _require_divisor(left, right)
    return number(left % right)


def power(left: Value, right: Value, work: Work) -> Value:
    _require_numbers("raised to a power", left, right)
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > _MAX_EXPONENT:
        raise Misuse("a number that needs more than 64 bits")
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        raise Misuse("a power that is not finite") from None
    if isinstance(result, complex):
        raise Misuse("a root of a negative number")
    return number(result)


def negate(value: Value) -> Value:
    if not is_number(value):
        raise Misuse(f"{kind_of(value)} has no sign")
    return number(-value)


def _require_numbers(how: str, left: Value, right: Value) -> None:
    if not (is_number(left) and is_number(right)):
        raise _cannot(how, left, right)


def _require_divisor(left: Value, right: Value) -> None:
    _require_numbers("divided", left, right)
    if right == 0:
        raise Misuse("a division by zero")


def _cannot(how: str, left: Value, right: Value) -> Misuse:
    return Misuse(f"{kind_of(left)} and {kind_of(right)} cannot be {how}")
