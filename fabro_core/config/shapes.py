"""What a field's type asks of a TOML value: the reading of type annotations for `fabro_core.config.tables`.

Knows types, not values: nothing here looks at what an operator wrote, except to name its kind in a message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from fabro_core.config.secrets import SecretVariable
from fabro_core.config.values import Form
from fabro_core.secret import Secret


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table with the keys of one Struct."""

    struct: type[msgspec.Struct]
    expected: str = "a table"


@dataclass(frozen=True, slots=True)
class VariantShape:
    """A table whose keys depend on one of them, the tag."""

    tag_field: str
    structs: dict[str, type[msgspec.Struct]]

    @property
    def expected(self) -> str:
        return _choice(list(self.structs))


@dataclass(frozen=True, slots=True)
class ArrayShape:
    container: type[tuple[Any, ...]] | type[list[Any]]
    item: Any
    expected: str


@dataclass(frozen=True, slots=True)
class PathShape:
    """A path, which the reader makes absolute."""

    expected: str


@dataclass(frozen=True, slots=True)
class ScalarShape:
    """Anything else; msgspec checks it."""

    kind: Any
    form: Form | None

    @property
    def expected(self) -> str:
        return self.expected_instead_of(None)

    def expected_instead_of(self, value: object) -> str:
        """What is expected, naming the bound that `value` violates."""
        return self.form.expected if self.form else _described(msgspec.inspect.type_info(self.kind), value)


Shape = TableShape | VariantShape | ArrayShape | PathShape | ScalarShape


def shape_of(kind: Any) -> Shape:
    """The shape of a field's type. `| None` counts for nothing: TOML has no null, an absent key is the default."""
    plain, annotations = _unwrap(kind)
    form = next((annotation for annotation in annotations if isinstance(annotation, Form)), None)
    structs = [member for member in _members(plain) if _is_struct(member)]
    if structs and structs[0].__struct_config__.tag is not None:
        return VariantShape(
            structs[0].__struct_config__.tag_field or "type",
            {str(struct.__struct_config__.tag): struct for struct in structs},
        )
    if structs:
        return TableShape(structs[0])
    origin = get_origin(plain)
    if origin in (tuple, list):
        item = get_args(plain)[0]
        return ArrayShape(origin, item, form.expected if form else f"an array, each {shape_of(item).expected}")
    if plain is Path:
        return PathShape(form.expected if form else "a path")
    return ScalarShape(kind, form)


def annotations_of(kind: Any) -> list[object]:
    """Everything that a field's type is annotated with, outermost first."""
    return _unwrap(kind)[1]


def forms_of(kind: Any) -> list[Form]:
    """The forms a field's type is annotated with."""
    return [annotation for annotation in annotations_of(kind) if isinstance(annotation, Form)]


def secret_of(kind: Any) -> SecretVariable | None:
    """The variable that a `Secret` field is annotated with; None for every other field.

    Raises `TypeError` for a `Secret` field without the annotation: nothing could ever fill it.
    """
    plain, annotations = _unwrap(kind)
    declared = next((annotation for annotation in annotations if isinstance(annotation, SecretVariable)), None)
    if plain is Secret and declared is None:
        raise TypeError("a Secret field names its variable: Annotated[Secret, from_env(…)]")
    return declared


def declared_secrets(struct: type[msgspec.Struct]) -> list[SecretVariable]:
    """The variables that a settings Struct declares."""
    declared = [secret_of(field.type) for field in msgspec.structs.fields(struct)]
    return [secret for secret in declared if secret is not None]


def check_declaration(struct: type[msgspec.Struct]) -> None:
    """Raise `TypeError` when a field has a type that settings cannot have, before a value is read."""
    for field in msgspec.structs.fields(struct):
        if secret_of(field.type) is None:
            _ = shape_of(field.type).expected


def _unwrap(kind: Any) -> tuple[Any, list[object]]:
    """The type below `Annotated` and `| None`, and everything it is annotated with, outermost first."""
    annotations: list[object] = []
    while True:
        members = _members(kind)
        if get_origin(kind) is Annotated:
            kind, *inner = get_args(kind)
            annotations += inner
        elif len(members) == 1 and members[0] is not kind:
            kind = members[0]
        else:
            return kind, annotations


def _members(kind: Any) -> list[Any]:
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return [member for member in members if member is not NoneType]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


# -- words for messages -------------------------------------------------------------------------------------------


def _described(info: msgspec.inspect.Type, value: object) -> str:
    match info:
        case msgspec.inspect.Metadata(type=inner):
            return _described(inner, value)
        case msgspec.inspect.UnionType(types=members):
            return " or ".join(_described(m, value) for m in members if not isinstance(m, msgspec.inspect.NoneType))
        case msgspec.inspect.LiteralType(values=values):
            return _choice(list(values))
        case msgspec.inspect.IntType(ge=least, le=most):
            return f"an integer{_bound(least, most, value)}"
        case msgspec.inspect.FloatType(ge=least, le=most):
            return f"a number{_bound(least, most, value)}"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.StrType(min_length=least) if least:
            return "a non-empty string"
        case msgspec.inspect.StrType():
            return "a string"
        case msgspec.inspect.DictType():
            return "a table"
        case _:
            return "another value"


def _bound(least: float | None, most: float | None, value: object) -> str:
    if most is not None and (least is None or (isinstance(value, int | float) and value > most)):
        return f" of at most {most}"
    return f" of at least {least}" if least is not None else ""


def _choice(values: list[object]) -> str:
    quoted = [json.dumps(value) for value in values]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def kind_of(value: object) -> str:
    """What a TOML value is, in words that do not repeat text: numbers are shown, strings may be secrets."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case "":
            return "an empty string"
        case str():
            return "a string"
        case []:
            return "an empty array"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"
