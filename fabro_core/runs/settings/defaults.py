"""What a table amounts to where no layer speaks (run-settings.md T9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from fabro_core.runs.settings.kinds import SPLICE_MARK, FileTable, Kind, Leaf, ListKind, TableKind
from fabro_core.runs.settings.table import Default, Rule, fields_of, unmentioned
from fabro_core.runs.settings.toml_places import Path

T = TypeVar("T", bound=FileTable)


def filled(table: T) -> T:
    """The table with the default of every key that it lacks, at every depth, and without marks in lists."""
    return _all_defaults(type(table)) if table == unmentioned(type(table)) else _filled_one_by_one(table)


@cache
def _all_defaults(table: type[T]) -> T:
    return _filled_one_by_one(table())


def _filled_one_by_one(table: T) -> T:
    found: dict[str, Any] = {}
    for name, field in fields_of(type(table)).items():
        value = getattr(table, name)
        if value is None and field.default is not None:
            value = _default(field.default, field.kind)
        found[name] = _without_marks(_filled(value), field.rule)
    return type(table)(**found)


def mentionable_paths(table: FileTable, path: Path = ()) -> Iterator[Path]:
    """The keys of a table and of those that are merged into it field by field, whether a layer mentions them or not."""
    keys = _keys(type(table))
    yield from ((*path, *key) for key in keys.plain) if path else keys.plain
    for key in keys.deep:
        entries: Mapping[str, FileTable] | None = attrgetter(".".join(key))(table)
        for name, entry in (entries or {}).items():
            yield from mentionable_paths(entry, (*path, *key, name))
        if not entries:
            yield (*path, *key)


class _Keys(NamedTuple):
    plain: tuple[tuple[str, ...], ...]
    deep: tuple[tuple[str, ...], ...]
    """Maps of tables, which are merged field by field as well."""


@cache
def _keys(table: type[FileTable]) -> _Keys:
    plain: list[tuple[str, ...]] = []
    deep: list[tuple[str, ...]] = []
    for name, field in fields_of(table).items():
        match field.rule, field.kind:
            case Rule.FIELDS, TableKind(table=inner):
                plain += ((name, *key) for key in _keys(inner).plain)
                deep += ((name, *key) for key in _keys(inner).deep)
            case Rule.DEEP, _:
                deep.append((name,))
            case _:
                plain.append((name,))
    return _Keys(tuple(plain), tuple(deep))


def _default(default: Default, kind: Kind) -> Any:
    match kind:
        case Leaf():
            return kind.read(default.value)
        case TableKind():
            return kind.table()
        case ListKind():
            return ()
        case _:
            return {}


def _filled(value: Any) -> Any:
    match value:
        case FileTable():
            return filled(value)
        case tuple():
            return tuple(_filled(item) for item in value)
        case dict():
            return {key: _filled(item) for key, item in value.items()}
        case _:
            return value


def _without_marks(value: Any, rule: Rule) -> Any:
    match rule:
        case Rule.SPLICE:
            return tuple(item for item in value if item != SPLICE_MARK)
        case Rule.SPLICE_BY_KEY:
            return {key: tuple(item for item in items if item != SPLICE_MARK) for key, items in value.items()}
        case _:
            return value
