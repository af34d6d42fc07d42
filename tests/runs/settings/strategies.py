"""Settings files drawn from the table of the file model: as values, as TOML, and back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from fabro_core.runs.settings.kinds import (
    AnyKind,
    ChoiceKind,
    DurationKind,
    FileTable,
    FlagKind,
    Kind,
    Leaf,
    ListKind,
    LowerCaseKind,
    MapKind,
    ModelReferenceKind,
    NumberKind,
    SizeKind,
    TableKind,
    TextKind,
    TextOrTableKind,
    VariantKind,
)
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.table import Rule, fields_of

Raw = dict[str, Any]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = st.sampled_from(["a", "b", "a key", "é.", ""])
ANYTHING = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


def settings_files() -> st.SearchStrategy[Raw]:
    """The values of files that can be read."""
    return _table(SettingsFile)


def toml_of(raw: Raw) -> str:
    """The text of a file with these values; the first two levels are written as headers where that can be."""
    lines: list[str] = []
    for key, value in raw.items():
        _add(lines, (key,), value)
    return "\n".join(["_version = 1", *lines, ""])


def raw_of(value: Any, kind: Kind) -> Any:
    """The values that a file would say a part of the model with."""
    match value, kind:
        case FileTable(), _:
            fields = fields_of(type(value))
            found = {name: getattr(value, name) for name in fields}
            return {name: raw_of(each, fields[name].kind) for name, each in found.items() if each is not None}
        case tuple(), ListKind(item=item):
            return [raw_of(each, item) for each in value]
        case dict(), MapKind(item=item):
            return {key: raw_of(each, item) for key, each in value.items()}
        case int(), DurationKind():
            return f"{value}ms"
        case int(), SizeKind():
            return f"{value}B"
        case _:
            return value


# -- drawing --------------------------------------------------------------------------------------------------------


def _table(table: type[FileTable]) -> st.SearchStrategy[Raw]:
    fields = fields_of(table)
    kinds = {name: _values(field.kind, field.rule) for name, field in fields.items()}
    exclusive = table.exactly_one_of
    required = {name: kinds[name] for name, field in fields.items() if field.required}
    optional = {name: each for name, each in kinds.items() if name not in required and name not in exclusive}
    drawn = st.fixed_dictionaries(required, optional=optional)
    if not exclusive:
        return drawn
    chosen = st.one_of(*(st.fixed_dictionaries({name: kinds[name]}) for name in exclusive))
    return st.builds(lambda one, others: {**one, **others}, chosen, drawn)


def _values(kind: Kind, rule: Rule = Rule.SET) -> st.SearchStrategy[Any]:
    match kind:
        case Leaf():
            return _leaf(kind)
        case ListKind(item=item, not_empty=not_empty):
            items = _values(item, rule)
            if rule is Rule.SPLICE:
                items |= st.just("...")
            return st.lists(items, min_size=int(not_empty), max_size=3)
        case MapKind(item=item):
            inner = Rule.SPLICE if rule is Rule.SPLICE_BY_KEY else Rule.SET
            return st.dictionaries(KEYS, _values(item, inner), max_size=2)
        case TableKind(table=table):
            return _table(table)
        case TextOrTableKind(text=text, table=table):
            return _leaf(text) | _table(table)
        case VariantKind(variants=variants):
            return st.one_of(*(_table(each.table) for each in variants))
        case _:
            raise TypeError(kind)


def _leaf(kind: Leaf) -> st.SearchStrategy[Any]:
    match kind:
        case TextKind():
            return st.sampled_from(["", "x", "{{ vars.A }}", "..."]) | TEXTS
        case FlagKind():
            return st.booleans()
        case NumberKind(low=low, high=high):
            return st.integers(low, high)
        case DurationKind():
            return st.builds("{}{}".format, st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
        case SizeKind():
            units = st.sampled_from(["B", "KB", " MB", "GB", "TB", "KiB", "MiB", " GiB", "TiB", ""])
            return st.builds("{}{}".format, st.integers(0, 10**5), units) | st.integers(0, 10**6)
        case ChoiceKind(choices=choices):
            return st.sampled_from(choices)
        case LowerCaseKind(choices=choices):
            return st.sampled_from([*choices, *map(str.upper, choices), "other"])
        case ModelReferenceKind():
            return st.sampled_from(["m", "p/m", "p:m", "p/m:8b", "o:a/b"])
        case AnyKind():
            return ANYTHING
        case _:
            raise TypeError(kind)


# -- printing -------------------------------------------------------------------------------------------------------


def _add(lines: list[str], path: tuple[str, ...], value: Any) -> None:
    name = ".".join(map(_text, path))
    if isinstance(value, dict) and len(path) < 3:
        plain = {key: item for key, item in value.items() if not isinstance(item, dict)}
        lines.append(f"[{name}]")
        lines.extend(f"{_text(key)} = {_inline(item)}" for key, item in plain.items())
        for key, item in value.items():
            if key not in plain:
                _add(lines, (*path, key), item)
    elif isinstance(value, dict):
        lines.append(f"[{name}]")
        lines.extend(f"{_text(key)} = {_inline(item)}" for key, item in value.items())
    else:
        lines.insert(0, f"{name} = {_inline(value)}")


def _inline(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{_text(key)} = {_inline(item)}" for key, item in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case str():
            return _text(value)
        case float():
            return repr(value) if "." in repr(value) or "e" not in repr(value) else repr(value).replace("e", ".0e")
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    return letter if letter.isalnum() or letter in " ._-" else f"\\U{ord(letter):08X}"
