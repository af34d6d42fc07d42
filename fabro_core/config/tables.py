"""Turns a table of settings into its Struct, or into every problem that it has (server.md S14).

The Struct is the only description: its fields give the valid keys, their types the expected values. Serves the
core's tables and those of plugins alike. No message repeats a string that an operator wrote: it may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import FieldInfo

from fabro_core.config.live_fields import allow_list_fields
from fabro_core.config.secrets import SecretSource, SecretVariable, missing
from fabro_core.config.shapes import (
    ArrayShape,
    PathShape,
    ScalarShape,
    TableShape,
    VariantShape,
    forms_of,
    kind_of,
    secret_of,
    shape_of,
)
from fabro_core.config.unsupported import refusals
from fabro_core.context import Problem
from fabro_core.near import near_match
from fabro_core.secret import Secret

StructT = TypeVar("StructT", bound=msgspec.Struct)


class _Faulty(Exception):
    """The value cannot be used; its problems have been recorded."""


class TableReader:
    """Reads tables and records problems. One reader serves one start, so that all problems end in one list."""

    def __init__(
        self, problems: list[Problem], *, base: Path, secrets: SecretSource, origins: Mapping[str, str]
    ) -> None:
        """`base` is the absolute directory that relative paths are relative to. `origins` maps the path of a setting
        to the environment variable that supplied its value: problems with it are reported under the variable."""
        self.tables: Final[dict[str, msgspec.Struct]] = {}
        """The tables whose known keys were read without a problem, by path: so the checks that depend on them go on."""
        self.empty_allow_lists: Final[list[str]] = []
        """The paths of lists of who is let in that let nobody in, the first of each table: no problem of reading."""
        self._problems = problems
        self._base = base
        self._secrets = secrets
        self._origins = origins

    def read(self, table: object, kind: type[StructT], path: str) -> StructT | None:
        """The table as a Struct; None when it has problems, which are all recorded then."""
        try:
            return self._table(table, kind, path)
        except _Faulty:
            return None

    def _report(self, path: str, message: str) -> _Faulty:
        self._problems.append(Problem(path=self._origins.get(path, path), message=message))
        return _Faulty()

    # -- tables -------------------------------------------------------------------------------------------------

    def _table(self, table: object, kind: type[StructT], path: str) -> StructT:
        if not isinstance(table, dict):
            raise self._report(path, f"expected a table, found {kind_of(table)}")
        unknown = unknown_keys(table, kind, path)
        self._problems += unknown
        before = len(self._problems)
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            try:
                values |= self._field(table, field, join(path, field.encode_name))
            except _Faulty:
                continue
        self._judge_allow_lists(table, values, kind, path)
        if len(self._problems) > before:
            raise _Faulty
        try:
            self.tables[path] = built = kind(**values)
        except (ValueError, TypeError) as error:  # how a Struct's `__post_init__` refuses a combination of values
            raise self._report(path, str(error)) from None
        if unknown:
            raise _Faulty
        return built

    def _judge_allow_lists(
        self, table: Mapping[str, object], values: Mapping[str, Any], kind: type[msgspec.Struct], path: str
    ) -> None:
        """Note that a table lets nobody in; that it says nothing of it is a problem."""
        fields = allow_list_fields(kind)
        given = [field for field in fields if field.encode_name in table]
        if not fields or any(values.get(field.name, field.default) for field in fields):
            return
        first = join(path, fields[0].encode_name)
        if given:
            if all(field.name in values for field in given):
                self.empty_allow_lists.append(first)
        elif not fields[0].required:
            self._report(first, f"required, expected {shape_of(fields[0].type).expected}")

    def _field(self, table: Mapping[str, object], field: FieldInfo, path: str) -> dict[str, Any]:
        """The field's name and value; empty when its default counts."""
        declared = secret_of(field.type)
        if declared is not None:
            return self._secret(table, field, declared, path)
        if field.encode_name in table:
            return {field.name: self._value(table[field.encode_name], field.type, path)}
        shape = shape_of(field.type)
        if isinstance(shape, TableShape) and (field.required or isinstance(field.default, msgspec.Struct)):
            return {field.name: self._table({}, shape.struct, path)}  # names the required keys of a missing table
        if not field.required:
            return {}
        raise self._report(path, f"required, expected {shape.expected}")

    def _secret(
        self, table: Mapping[str, object], field: FieldInfo, declared: SecretVariable, path: str
    ) -> dict[str, Any]:
        if field.encode_name in table:
            raise self._report(path, f"secrets are not read from this file; set the variable {declared.name}")
        found = self._secrets.find(declared)
        if isinstance(found, Secret):
            return {field.name: found}
        if found is None and not field.required:
            return {}
        self._problems.append(found or missing(declared, f"by [{path.rpartition('.')[0]}]"))
        raise _Faulty

    # -- values -------------------------------------------------------------------------------------------------

    def _value(self, value: object, kind: Any, path: str) -> Any:
        if isinstance(value, str) and _TEMPLATE.search(value):
            raise self._report(path, "templates are not supported; use an environment variable")
        shape = shape_of(kind)
        match shape:
            case TableShape():
                return self._table(value, shape.struct, path)
            case VariantShape():
                return self._variant(value, shape, path)
            case PathShape():
                return self._in_form(self._absolute(value, shape, path), kind, shape.expected, path)
            case ArrayShape():
                return self._array(self._in_form(value, kind, shape.expected, path), shape, path)
            case ScalarShape():
                return self._scalar(self._in_form(value, kind, shape.expected, path), shape, path)

    def _variant(self, table: object, shape: VariantShape, path: str) -> msgspec.Struct:
        if not isinstance(table, dict):
            raise self._report(path, f"expected a table, found {kind_of(table)}")
        tag_path = join(path, shape.tag_field)
        if shape.tag_field not in table:
            raise self._report(tag_path, f"required, expected {shape.expected}")
        tag = table[shape.tag_field]
        if not isinstance(tag, str) or tag not in shape.structs:
            raise self._report(tag_path, f"expected {shape.expected}, found {kind_of(tag)}")
        return self._table(table, shape.structs[tag], path)

    def _absolute(self, value: object, shape: PathShape, path: str) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise self._report(path, f"expected {shape.expected}, found {kind_of(value)}")
        return self._base / value

    def _in_form(self, value: object, kind: Any, expected: str, path: str) -> object:
        for form in forms_of(kind):
            if isinstance(value, form.kind) and not isinstance(value, bool):
                try:
                    value = form.parse(value)
                except ValueError as error:
                    found = str(error) or "another string"
                    raise self._report(path, f"expected {expected}, found {found}") from None
        return value

    def _array(self, values: object, shape: ArrayShape, path: str) -> Any:
        if not isinstance(values, list):
            raise self._report(path, f"expected {shape.expected}, found {kind_of(values)}")
        items: list[Any] = []
        for index, value in enumerate(values):
            try:
                items.append(self._value(value, shape.item, f"{path}[{index}]"))
            except _Faulty:
                continue
        if len(items) < len(values):
            raise _Faulty
        return shape.container(items)

    def _scalar(self, value: object, shape: ScalarShape, path: str) -> Any:
        try:
            return msgspec.convert(value, shape.kind)
        except msgspec.ValidationError:
            expected = shape.expected_instead_of(value)
            raise self._report(path, f"expected {expected}, found {kind_of(value)}") from None


_TEMPLATE: Final = re.compile(r"\{\{.*\}\}", re.DOTALL)


# -- keys ---------------------------------------------------------------------------------------------------------


def unknown_keys(table: Mapping[str, object], kind: type[msgspec.Struct], path: str) -> list[Problem]:
    """A problem for each key that the Struct does not have; a `Secret` field is known but not offered."""
    fields = msgspec.structs.fields(kind)
    tag_field = kind.__struct_config__.tag_field
    tag = [tag_field] if tag_field else []
    known = [*tag, *(field.encode_name for field in fields)]
    offered = [*tag, *(field.encode_name for field in fields if secret_of(field.type) is None)]
    return [
        problem
        for key, value in table.items()
        if key not in known
        for problem in unknown_key(key, value, join(path, key), offered)
    ]


def unknown_key(key: str, value: object, path: str, offered: Iterable[str]) -> list[Problem]:
    """The problems of one key that does not exist."""
    return refusals(path, value) or [Problem(path=path, message=f"unknown key, {_suggestion(key, list(offered))}")]


def _suggestion(key: str, offered: list[str]) -> str:
    near = near_match(key, offered)
    if near is not None:
        return f'did you mean "{near}"?'
    return f"valid keys are {', '.join(sorted(offered))}" if offered else "this table has no keys"


def join(path: str, key: str) -> str:
    """The TOML path of a key below `path`, quoted where TOML asks for it."""
    bare = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
    return f"{path}.{bare}" if path else bare
