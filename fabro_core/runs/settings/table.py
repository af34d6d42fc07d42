"""Reads the file model as a table: of every key its kind, its merge rule, its default and its meaning.

The Structs of `model` are the table: a field's type is the kind, `Rule` and `Default` stand in its annotation, and the
text below it says what it is for. Reading, merging, resolving, the reference and the JSON Schema all go by this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from fabro_core.runs.settings.kinds import (
    ChoiceKind,
    FileTable,
    Kind,
    ListKind,
    MapKind,
    NotEmpty,
    TableKind,
    TextKind,
    TextOrTableKind,
)

T = TypeVar("T", bound=FileTable)


class Rule(StrEnum):
    """How the value of a higher layer and that of the layers below become one (run-settings.md T2)."""

    SET = "set"
    WHOLE = "whole"
    REPLACE = "replace"
    REPLACE_OR_CLEAR = "replace!"
    LIST = "list"
    BY_KEY = "by key"
    DEEP = "deep"
    FIELDS = "fields"
    SPLICE = "splice"
    SPLICE_BY_KEY = "splice by key"
    HOOKS = "hooks"


@dataclass(frozen=True, slots=True)
class Default:
    """What a key has when no layer mentions it, as a file would say it."""

    value: object


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a table."""

    name: str
    kind: Kind
    rule: Rule
    default: Default | None
    """None: absent."""
    required: bool


@cache
def fields_of(table: type[FileTable]) -> Mapping[str, Field]:
    """The keys of a table, in the order of the model."""
    hints = get_type_hints(table, include_extras=True)
    return {
        each.name: _field(each.name, hints[each.name], required=each.required) for each in msgspec.structs.fields(table)
    }


@cache
def unmentioned(table: type[T]) -> T | None:
    """The table that mentions nothing, as most tables of a run; None where there is a key that it has to have."""
    return None if any(each.required for each in fields_of(table).values()) else table()


def _field(name: str, annotation: Any, *, required: bool) -> Field:
    kind, *marks = get_args(annotation)
    (rule,) = (mark for mark in marks if isinstance(mark, Rule))
    default = next((mark for mark in marks if isinstance(mark, Default)), None)
    return Field(name, _kind(kind, marks), rule, default, required)


def _kind(annotation: Any, marks: list[object] | None = None) -> Kind:
    for mark in marks or ():
        if isinstance(mark, Kind):
            return mark
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *own = arguments
        return _kind(inner, own)
    if origin is tuple:
        return ListKind(_kind(arguments[0]), not_empty=NotEmpty() in (marks or ()))
    if origin is dict:
        return MapKind(_kind(arguments[1]))
    if origin is Literal:
        return ChoiceKind(arguments)
    if origin in (Union, UnionType):
        return _either([each for each in arguments if each is not NoneType])
    if isinstance(annotation, type) and issubclass(annotation, FileTable):
        return TableKind(annotation)
    raise TypeError(f"{annotation} is no kind of a settings file")


def _either(annotations: list[Any]) -> Kind:
    kinds = [_kind(each) for each in annotations]
    match kinds:
        case [kind]:
            return kind
        case [TextKind() as text, TableKind(table=table)]:
            return TextOrTableKind(text, table)
        case _:
            raise TypeError(f"{annotations} need a kind of their own")
